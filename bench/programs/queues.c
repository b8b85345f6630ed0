/* SPDX-License-Identifier: Apache-2.0 */
/* A queue, a stack and a Bloom filter: eight rounds of push, pop and a test for membership. */
#include "bench.h"

struct item { u32 id; u32 size; };

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(value, struct item);
} waiting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 64);
	__type(value, struct item);
} idle SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1024);
	__uint(map_extra, 3);
	__type(value, u32);
} seen SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 8; i++) {
		struct item item = { *(u32 *)(p + i * 4), i };
		u32 id = item.id;

		bpf_map_push_elem(&waiting, &item, BPF_ANY);
		bpf_map_push_elem(&idle, &item, BPF_ANY);
		if (!bpf_map_pop_elem(&waiting, &item))
			sum += item.id;
		if (!bpf_map_pop_elem(&idle, &item))
			sum ^= item.id;
		if (bpf_map_peek_elem(&seen, &id))
			bpf_map_push_elem(&seen, &id, BPF_ANY);
	}
	return sum;
}
