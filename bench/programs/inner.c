/* SPDX-License-Identifier: Apache-2.0 */
/* Maps in maps: an array of arrays and a hash of hashes, two lookups a step. */
#include "bench.h"

struct counts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} counts0 SEC(".maps"), counts1 SEC(".maps");

struct flows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} flows0 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, struct counts);
} by_port SEC(".maps") = { .values = { &counts0, &counts1 } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, struct flows);
} by_tenant SEC(".maps") = { .values = { [0] = &flows0 } };

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 16; i++) {
		u32 port = i & 1, slot = p[i] & 63, tenant = 0;
		u64 *v, one = 1;
		void *map = bpf_map_lookup_elem(&by_port, &port);

		if (map && (v = bpf_map_lookup_elem(map, &slot)))
			sum += (*v)++ & 1;
		map = bpf_map_lookup_elem(&by_tenant, &tenant);
		if (!map)
			continue;
		v = bpf_map_lookup_elem(map, &slot);
		if (v)
			*v += 1;
		else
			bpf_map_update_elem(map, &slot, &one, BPF_ANY);
	}
	return sum ? 2 : 2;
}
