/* SPDX-License-Identifier: Apache-2.0 */
/* Calls six deep, each with a frame of its own that it passes on by address. */
#include "bench.h"

#define FN __attribute__((noinline)) static u64

struct words { u64 a, b; };

FN f6(struct words *w, u64 x) { w->a += x; return w->b ^ x; }
FN f5(struct words *w, u64 x) { struct words v = { w->b, x }; return f6(&v, x + 5) + v.a; }
FN f4(struct words *w, u64 x) { struct words v = { w->a + 4, x }; return f5(&v, x ^ w->b); }
FN f3(struct words *w, u64 x) { struct words v = { x, w->b }; return f4(&v, x + w->a); }
FN f2(struct words *w, u64 x) { struct words v = { w->a ^ x, 2 }; return f3(&v, x + 1) + v.b; }

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 x = *(u64 *)p;

LOOP
	for (int i = 0; i < 16; i++) {
		struct words w = { x, i };
		x += f2(&w, x >> 3);
	}
	return x ^ (x >> 32);
}
