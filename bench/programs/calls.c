/* SPDX-License-Identifier: Apache-2.0 */
/* 64 rounds of four calls between BPF functions. */
#include "bench.h"

static __attribute__((noinline)) u64 mix(u64 a, u64 b)
{
	a ^= b >> 7;
	return a * 0x9e3779b97f4a7c15ull + b;
}
static __attribute__((noinline)) u64 turn(u64 a, u64 by)
{
	by &= 63;
	return (a << by) | (a >> (64 - by));
}
static __attribute__((noinline)) u64 both(u64 a, u64 b)
{
	return mix(a, b) + turn(b, a & 31);
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 x = *(u64 *)p, y = *(u64 *)(p + 8);

LOOP
	for (int i = 0; i < 64; i++) {
		y = both(x, y);
		x = mix(y, i);
	}
	return x ^ y;
}
