/* SPDX-License-Identifier: Apache-2.0 */
/* 200 rounds of 32-bit mixing with a division and a remainder each. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 x = *(u32 *)p | 1, sum = 0;

	for (u32 i = 1; i <= 200; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		u32 d = (x & 0xffff) | 1;
		sum += (x * 2654435761u) / d;
		sum ^= (sum + i) % d;
		sum = (sum << 7) | (sum >> 25);
	}
	return sum;
}
