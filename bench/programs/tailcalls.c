/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of 24 tail calls through a program array, some work in each, its state in a per-CPU array. */
#include "bench.h"

int step(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, int(struct xdp_md *));
} next SEC(".maps") = { .values = { [1] = &step } };

struct state { u64 left, sum; };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct state);
} states SEC(".maps");

SEC("xdp")
int step(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct state *s = bpf_map_lookup_elem(&states, &zero);

	if (!s)
		return 0;
	u64 x = s->sum;
LOOP
	for (int i = 0; i < 8; i++) {
		x = x * 6364136223846793005ull + s->left;
		x ^= x >> 29;
	}
	s->sum = x;
	if (--s->left)
		bpf_tail_call(ctx, &next, 1);
	return s->sum;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 zero = 0;
	struct state *s = bpf_map_lookup_elem(&states, &zero);

	if (!s)
		return 0;
	s->left = 24;
	s->sum = p[0];
	bpf_tail_call(ctx, &next, 1);
	return 0;
}
