/* SPDX-License-Identifier: Apache-2.0 */
/* Per-CPU hash tables, plain and least recently used: lookups, counts, an update for every miss. */
#include "bench.h"

struct cell { u64 packets, bytes; };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct cell);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, struct cell);
} recent SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct cell fresh = { 1, 64 }, *c;

LOOP
	for (int i = 0; i < 8; i++) {
		u32 host = *(u32 *)(p + i * 4) & 255;
		u64 flow = *(u64 *)(p + i * 8) & 511;

		c = bpf_map_lookup_elem(&hosts, &host);
		if (c) {
			c->packets++;
			c->bytes += p[i];
		} else
			bpf_map_update_elem(&hosts, &host, &fresh, BPF_ANY);
		c = bpf_map_lookup_elem(&recent, &flow);
		if (c) {
			c->packets++;
			c->bytes += p[i];
		} else
			bpf_map_update_elem(&recent, &flow, &fresh, BPF_ANY);
	}
	return 2;
}
