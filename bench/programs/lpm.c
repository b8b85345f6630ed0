/* SPDX-License-Identifier: Apache-2.0 */
/* Routing: eight longest-prefix lookups of IPv4 addresses; a missing /16 is added. */
#include "bench.h"

struct prefix { u32 len, addr; };
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, u32);
} routes SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 8; i++, p += 4) {
		struct prefix key = { 32, *(u32 *)p };
		u32 *hop = bpf_map_lookup_elem(&routes, &key);

		if (hop) {
			sum += *hop;
		} else {
			u32 next = p[1];
			key.len = 16;
			bpf_map_update_elem(&routes, &key, &next, BPF_ANY);
			sum += next;
		}
	}
	return sum;
}
