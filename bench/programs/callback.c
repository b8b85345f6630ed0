/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_loop: 200 callbacks. */
#include "bench.h"

struct acc { u64 sum, x; };

static long step(u32 i, struct acc *a)
{
	a->x = a->x * 6364136223846793005ull + i;
	a->sum += a->x >> 33;
	return 0;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct acc a = { 0, *(u64 *)p };

	bpf_loop(200, step, &a, 0);
	return a.sum;
}
