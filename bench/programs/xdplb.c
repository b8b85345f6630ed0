/* SPDX-License-Identifier: Apache-2.0 */
/* A layer 4 load balancer, one packet a run: 5-tuple, connection table, hash, ring of backends, rewrite, transmit. */
#include "bench.h"

struct flow { u32 src, dst; u16 sport, dport; u32 proto; };
struct backend { u32 addr; u32 weight; u64 packets; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, u32);
} conns SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct backend);
} backends SEC(".maps");

#define ROL(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (p + 54 > end)
		return 1;
	struct flow key = { *(u32 *)(p + 26), *(u32 *)(p + 30), *(u16 *)(p + 34), *(u16 *)(p + 36), p[23] };
	u32 a = 0xdeadbeef + key.src, b = 0xdeadbeef + key.dst, c = key.proto + (key.sport | key.dport << 16);

	c ^= b; c -= ROL(b, 14);
	a ^= c; a -= ROL(c, 11);
	b ^= a; b -= ROL(a, 25);
	c ^= b; c -= ROL(b, 16);
	a ^= c; a -= ROL(c, 4);
	b ^= a; b -= ROL(a, 14);
	c ^= b; c -= ROL(b, 24);
	u32 chosen = c & 63, *known = bpf_map_lookup_elem(&conns, &key);
	if (known)
		chosen = *known;
	else
		bpf_map_update_elem(&conns, &key, &chosen, BPF_ANY);
	struct backend *to = bpf_map_lookup_elem(&backends, &chosen);
	if (!to)
		return 1;
	to->packets++;
	*(u32 *)(p + 6) = to->addr;
	return 3;
}
