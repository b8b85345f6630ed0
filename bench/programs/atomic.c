/* SPDX-License-Identifier: Apache-2.0 */
/* 64 rounds of add, fetch-or, exchange and compare-exchange on one cell. */
#include "bench.h"

u64 cell[4] = {};

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 x = *(u64 *)p;

	cell[0] = x;
	cell[1] = 1;
	cell[2] = 2;
LOOP
	for (int i = 0; i < 64; i++) {
		__sync_fetch_and_add(&cell[0], i);
		x += __sync_fetch_and_or(&cell[1], x);
		x ^= __sync_lock_test_and_set(&cell[2], x);
		x += __sync_val_compare_and_swap(&cell[2], x, i);
	}
	return x + cell[0];
}
