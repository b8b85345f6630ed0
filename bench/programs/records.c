/* SPDX-License-Identifier: Apache-2.0 */
/* Structures copied between packet and stack, cleared and compared. */
#include "bench.h"

struct row { u64 a, b; u32 c, d; u16 e, f; u32 g; u64 h; };

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct row best = {}, row, kept[4];
	u64 sum = 0;

	__builtin_memset(kept, 0, sizeof(kept));
LOOP
	for (int i = 0; i < 24; i++, p += 48) {
		__builtin_memcpy(&row, p, sizeof(row));
		row.c += row.e;
		row.h ^= row.a;
		if (row.c > best.c)
			best = row;
		kept[i & 3] = row;
		sum += row.b + row.g + kept[(i + 1) & 3].h;
		__builtin_memset(&row, 0, sizeof(row));
	}
	sum += best.a + best.h;
	return sum ^ (sum >> 32);
}
