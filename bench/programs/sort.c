/* SPDX-License-Identifier: Apache-2.0 */
/* Bubble sort of 32 numbers on the stack. */
#include "bench.h"

#define N 32

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 a[N], x = *(u32 *)p | 1;

	for (int i = 0; i < N; i++) {
		x = x * 1664525u + 1013904223u;
		a[i] = x >> 8;
	}
LOOP
	for (int i = 0; i < N - 1; i++) {
LOOP
		for (int j = 0; j < N - 1; j++) {
			if (a[j] > a[j + 1]) {
				u32 t = a[j];
				a[j] = a[j + 1];
				a[j + 1] = t;
			}
		}
	}
	u32 h = 0;
	for (int i = 0; i < N; i++)
		h = h * 31 + a[i];
	return h;
}
