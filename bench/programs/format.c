/* SPDX-License-Identifier: Apache-2.0 */
/* Text made with bpf_snprintf: addresses, numbers and a string. */
#include "bench.h"

static const char shape[] = "%pI4:%d -> %x %s";

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	static const char name[] = "eth0";
	u8 *p = PACKET_OR_RETURN(ctx);
	char out[64];
	u32 addr = *(u32 *)(p + 26);
	u64 args[] = { (u64)(long)&addr, *(u16 *)(p + 34), p[9], (u64)(long)name };
	long n = bpf_snprintf(out, sizeof(out), shape, args, sizeof(args));

	return n + out[0] + out[12];
}
