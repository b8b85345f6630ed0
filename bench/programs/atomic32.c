/* SPDX-License-Identifier: Apache-2.0 */
/* Histogram of 96 packet bytes by 32-bit atomic additions to an array map. */
#include "bench.h"

u32 buckets[64] = {};
u32 total = 0;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 96; i++) {
		u32 b = p[i] & 63;

		__sync_fetch_and_add(&buckets[b], 1);
		sum += b;
	}
	__sync_fetch_and_add(&total, sum);
	return sum;
}
