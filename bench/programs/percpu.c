/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of packet sizes in a per-CPU array. */
#include "bench.h"

struct count { u64 packets, bytes; };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct count);
} counts SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 128; i++) {
		u32 key = p[i] & 63;
		struct count *c = bpf_map_lookup_elem(&counts, &key);
		if (!c)
			return 0;
		c->packets++;
		c->bytes += p[i + 1];
		sum += key;
	}
	return sum;
}
