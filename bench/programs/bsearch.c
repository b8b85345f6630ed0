/* SPDX-License-Identifier: Apache-2.0 */
/* Binary search in a sorted table of 128 words of read-only data that nobody folds. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32[128]);
} sorted SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 zero = 0, sum = 0;
	u32 *table = bpf_map_lookup_elem(&sorted, &zero);

	if (!table)
		return 0;
	if (!table[127]) {
LOOP
		for (int i = 0; i < 128; i++)
			table[i] = i * 33554432u + 1;
	}
LOOP
	for (int i = 0; i < 48; i++) {
		u32 want = *(u32 *)(p + i * 4), lo = 0, n = 128;

LOOP
		for (int k = 0; k < 7; k++) {
			n >>= 1;
			if (table[(lo + n) & 127] <= want)
				lo += n;
		}
		sum = sum * 31 + lo;
	}
	return sum;
}
