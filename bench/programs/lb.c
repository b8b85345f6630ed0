/* SPDX-License-Identifier: Apache-2.0 */
/* A layer 4 load balancer: flow key from the headers, connection table, jhash over the key, ring of backends, rewrite. */
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
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u32);
} ring SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct backend);
} backends SEC(".maps");

#define ROL(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

/* Bob Jenkins' lookup3 over four words. */
static __attribute__((always_inline)) u32 hash4(u32 w0, u32 w1, u32 w2, u32 w3, u32 seed)
{
	u32 a = 0xdeadbeef + 16 + seed + w0, b = 0xdeadbeef + 16 + seed + w1, c = 0xdeadbeef + 16 + seed + w2;

	a -= c; a ^= ROL(c, 4); c += b;
	b -= a; b ^= ROL(a, 6); a += c;
	c -= b; c ^= ROL(b, 8); b += a;
	a -= c; a ^= ROL(c, 16); c += b;
	b -= a; b ^= ROL(a, 19); a += c;
	c -= b; c ^= ROL(b, 4); b += a;
	a += w3;
	c ^= b; c -= ROL(b, 14);
	a ^= c; a -= ROL(c, 11);
	b ^= a; b -= ROL(a, 25);
	c ^= b; c -= ROL(b, 16);
	a ^= c; a -= ROL(c, 4);
	b ^= a; b -= ROL(a, 14);
	c ^= b; c -= ROL(b, 24);
	return c;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

LOOP
	for (int i = 0; i < 4; i++, p += 54) {
		struct flow key = { *(u32 *)(p + 26), *(u32 *)(p + 30), *(u16 *)(p + 34), *(u16 *)(p + 36), p[23] };
		u32 *known = bpf_map_lookup_elem(&conns, &key);
		u32 chosen;

		if (known) {
			chosen = *known;
		} else {
			u32 slot = hash4(key.src, key.dst, key.sport | key.dport << 16, key.proto, 77) & 1023;
			u32 *at = bpf_map_lookup_elem(&ring, &slot);
			if (!at)
				return 0;
			chosen = (*at + slot) & 63;
			bpf_map_update_elem(&conns, &key, &chosen, BPF_ANY);
		}
		struct backend *to = bpf_map_lookup_elem(&backends, &chosen);
		if (!to)
			return 0;
		to->packets++;
		*(u32 *)(p + 40) = to->addr + chosen;
		sum += hash4(key.src, chosen, key.dst, to->weight, 1);
	}
	return sum;
}
