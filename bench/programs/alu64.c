/* SPDX-License-Identifier: Apache-2.0 */
/* 1,000 rounds of xorshift and FNV-1a on 64-bit registers. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 x = *(u64 *)p | 1, h = 0xcbf29ce484222325ull;

	for (int i = 0; i < 1000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		h = (h ^ x) * 0x100000001b3ull;
	}
	return h ^ (h >> 32);
}
