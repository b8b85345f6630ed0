/* SPDX-License-Identifier: Apache-2.0 */
/* Compare-and-exchange loops over shared cells: add, greatest value, a spin flag. */
#include "bench.h"

struct cells { u64 sum, most; u32 flag, pad; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cells);
} shared SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 zero = 0;
	struct cells *c = bpf_map_lookup_elem(&shared, &zero);

	if (!c)
		return 0;
LOOP
	for (int i = 0; i < 32; i++) {
		u64 x = p[i], old;

LOOP
		for (int n = 0; n < 4; n++) {
			old = c->sum;
			if (__sync_val_compare_and_swap(&c->sum, old, old + x) == old)
				break;
		}
		old = c->most;
		if (x > old)
			__sync_val_compare_and_swap(&c->most, old, x);
		if (__sync_val_compare_and_swap(&c->flag, 0, 1) == 0)
			__sync_lock_test_and_set(&c->flag, 0);
	}
	return 2;
}
