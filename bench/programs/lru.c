/* SPDX-License-Identifier: Apache-2.0 */
/* Connection tracking: eight flows looked up by a 16-byte key in an LRU map, updated where they are new. */
#include "bench.h"

struct flow { u32 src, dst; u16 sport, dport; u32 proto; };
struct state { u64 packets, bytes; };
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct flow);
	__type(value, struct state);
} conns SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 8; i++, p += 16) {
		struct flow key = { *(u32 *)p, *(u32 *)(p + 4), *(u16 *)(p + 8), *(u16 *)(p + 10), p[12] };
		struct state *s = bpf_map_lookup_elem(&conns, &key);

		if (s) {
			s->packets++;
			s->bytes += p[13];
		} else {
			struct state fresh = { 1, p[13] };
			bpf_map_update_elem(&conns, &key, &fresh, BPF_ANY);
		}
		sum += key.src ^ key.dst;
	}
	return sum;
}
