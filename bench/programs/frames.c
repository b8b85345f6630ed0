/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that hand structures on the stack to each other by pointer. */
#include "bench.h"

struct view { u32 at, kind, size; u64 hash; };

static __attribute__((noinline)) int head(u8 *p, struct view *v)
{
	v->kind = p[v->at & 63] & 3;
	v->size = (p[(v->at + 1) & 63] & 15) + 2;
	return v->kind;
}

static __attribute__((noinline)) int mix(struct view *v, u64 x)
{
	v->hash = (v->hash ^ x) * 0x100000001b3ull;
	return v->hash >> 40;
}

static __attribute__((noinline)) int record(u8 *p, struct view *v)
{
	struct view inner = { v->at + 1, 0, 0, v->hash };
	int k = head(p, v);

	if (k & 1)
		return mix(v, v->size);
	head(p, &inner);
	mix(&inner, inner.kind);
	v->hash = inner.hash;
	return inner.size;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct view v = { 0, 0, 0, 0xcbf29ce484222325ull };
	u8 bytes[64];
	u32 sum = 0;

	__builtin_memcpy(bytes, p, sizeof(bytes));
LOOP
	for (int i = 0; i < 64; i++) {
		sum += record(bytes, &v);
		v.at += v.size;
	}
	return sum ^ (u32)v.hash;
}
