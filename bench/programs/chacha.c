/* SPDX-License-Identifier: Apache-2.0 */
/* ChaCha: sixteen words of state, more than there are registers, so most of the work goes through stack slots. */
#include "bench.h"

#define QUARTER(a, b, c, d)                               \
	do {                                              \
		a += b; d ^= a; d = d << 16 | d >> 16;    \
		c += d; b ^= c; b = b << 12 | b >> 20;    \
		a += b; d ^= a; d = d << 8 | d >> 24;     \
		c += d; b ^= c; b = b << 7 | b >> 25;     \
	} while (0)

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 *k = (u32 *)p;
	u32 s0 = 0x61707865, s1 = 0x3320646e, s2 = 0x79622d32, s3 = 0x6b206574;
	u32 s4 = k[0], s5 = k[1], s6 = k[2], s7 = k[3], s8 = k[4], s9 = k[5], sa = k[6], sb = k[7];
	u32 sc = k[8], sd = k[9], se = k[10], sf = k[11];

LOOP
	for (int i = 0; i < 10; i++) {
		QUARTER(s0, s4, s8, sc);
		QUARTER(s1, s5, s9, sd);
		QUARTER(s2, s6, sa, se);
		QUARTER(s3, s7, sb, sf);
		QUARTER(s0, s5, sa, sf);
		QUARTER(s1, s6, sb, sc);
		QUARTER(s2, s7, s8, sd);
		QUARTER(s3, s4, s9, se);
	}
	return s0 ^ s1 ^ s2 ^ s3 ^ s4 ^ s5 ^ s6 ^ s7 ^ s8 ^ s9 ^ sa ^ sb ^ sc ^ sd ^ se ^ sf;
}
