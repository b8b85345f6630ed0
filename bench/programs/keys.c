/* SPDX-License-Identifier: Apache-2.0 */
/* Hash maps whose keys are of other sizes than words: 6, 12, 20 and 40 bytes, hits and one update each. */
#include "bench.h"

#define TABLE(name, size)                        \
	struct key_##name { u8 bytes[size]; };   \
	struct {                                 \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__uint(max_entries, 1024);       \
		__type(key, struct key_##name);  \
		__type(value, u64);              \
	} name SEC(".maps")

TABLE(macs, 6);
TABLE(flows, 12);
TABLE(routes, 20);
TABLE(flows6, 40);

#define COUNT_IN(name)                                                        \
	({                                                                    \
		struct key_##name key;                                        \
		u64 one = 1, *v;                                              \
		__builtin_memcpy(&key, p, sizeof(key));                       \
		v = bpf_map_lookup_elem(&name, &key);                         \
		if (v)                                                        \
			*v += 1;                                              \
		else                                                          \
			bpf_map_update_elem(&name, &key, &one, BPF_ANY);      \
	})

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);

LOOP
	for (int i = 0; i < 4; i++, p += 64) {
		COUNT_IN(macs);
		COUNT_IN(flows);
		COUNT_IN(routes);
		COUNT_IN(flows6);
	}
	return 2;
}
