/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_for_each_map_elem over an array of 64 values and a hash table of up to 64. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} flows SEC(".maps");

struct total { u64 sum, add; };

static long visit(void *map, u32 *key, u64 *value, struct total *t)
{
	t->sum += *value + *key;
	*value += t->add;
	return 0;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct total t = { 0, p[1] };
	u32 key = p[0] & 63;
	u64 one = 1;

	if (!bpf_map_lookup_elem(&flows, &key))
		bpf_map_update_elem(&flows, &key, &one, BPF_ANY);
	bpf_for_each_map_elem(&cells, visit, &t, 0);
	bpf_for_each_map_elem(&flows, visit, &t, 0);
	return t.add;
}
