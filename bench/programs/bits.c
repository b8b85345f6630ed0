/* SPDX-License-Identifier: Apache-2.0 */
/* Bit tricks on words: population count, reversal, leading zeros, Gray code, rotation. */
#include "bench.h"

static __always_inline u32 count(u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (x * 0x0101010101010101ull) >> 56;
}

static __always_inline u32 reverse(u32 x)
{
	x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
	x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
	x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
	return __builtin_bswap32(x);
}

static __always_inline u32 leading(u32 x)
{
	x |= x >> 1;
	x |= x >> 2;
	x |= x >> 4;
	x |= x >> 8;
	x |= x >> 16;
	return 32 - count(x);
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 48; i++) {
		u64 x = *(u64 *)(p + i * 8);
		u32 y = x >> 20;

		sum += count(x) + leading(y);
		sum ^= reverse(y ^ y >> 1);
		sum = sum << 7 | sum >> 25;
		sum += __builtin_bswap16(x);
	}
	return sum;
}
