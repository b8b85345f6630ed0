/* SPDX-License-Identifier: Apache-2.0 */
/* Product of two matrices of 8 by 8 words on the stack. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 a[64], sum = 0;

LOOP
	for (int i = 0; i < 64; i++)
		a[i] = *(u32 *)(p + i * 4);
LOOP
	for (int i = 0; i < 8; i++) {
LOOP
		for (int j = 0; j < 8; j++) {
			u32 cell = 0;
LOOP
			for (int k = 0; k < 8; k++)
				cell += a[i * 8 + k] * *(u32 *)(p + 512 + (k * 8 + j) * 4);
			sum = (sum ^ cell) * 16777619;
		}
	}
	return sum;
}
