/* SPDX-License-Identifier: Apache-2.0 */
/* Flow table work: eight lookups in a hash map, an update for every miss and every fourth flow. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} flows SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 hits = 0;

LOOP
	for (int i = 0; i < 8; i++) {
		u64 key = *(u32 *)(p + i * 4) * 2654435761ull, one = 1;
		u64 *v = bpf_map_lookup_elem(&flows, &key);
		if (v) {
			*v += 1;
			hits++;
		}
		if (!v || (i & 3) == 3)
			bpf_map_update_elem(&flows, &key, v ? v : &one, BPF_ANY);
	}
	return hits ? 2 : 2;
}
