/* SPDX-License-Identifier: Apache-2.0 */
/* A packet of many small records (type, length, value), walked with a bounds check each. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = (void *)(long)ctx->data;
	u8 *end = (void *)(long)ctx->data_end;
	u32 seen = 0, bytes = 0;

LOOP
	for (int i = 0; i < 96; i++) {
		if (p + 4 > end)
			break;
		u8 type = p[0], len = p[1] & 31;
		if (type < 64)
			seen += 1;
		else if (type < 128)
			seen += (p[2] << 8) | p[3];
		else if (type < 200)
			seen ^= *(u32 *)p;
		else
			bytes += type;
		bytes += len & 15;
		p += (len & 15) + 4;
	}
	return seen * 31 + bytes;
}
