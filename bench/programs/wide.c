/* SPDX-License-Identifier: Apache-2.0 */
/* Products of 128 bits put together from 32-bit halves, as multiplicative hashes want them. */
#include "bench.h"

static __always_inline u64 fold(u64 a, u64 b)
{
	u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
	u64 ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
	u64 mid = (ll >> 32) + (u32)lh + (u32)hl;

	return (mid << 32 | (u32)ll) ^ (hh + (lh >> 32) + (hl >> 32) + (mid >> 32));
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 a = 0x9e3779b97f4a7c15ull, b = 0xe7037ed1a0b428dbull;

LOOP
	for (int i = 0; i < 48; i++, p += 16) {
		a = fold(a ^ *(u64 *)p, 0xa0761d6478bd642full);
		b = fold(b ^ *(u64 *)(p + 8), 0x8ebc6af09c88c6e3ull);
	}
	a ^= b;
	return a ^ (a >> 32);
}
