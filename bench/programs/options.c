/* SPDX-License-Identifier: Apache-2.0 */
/* TCP-like options, up to 40 bytes at 16 places: kinds, lengths, bounds checked against the packet's end. */
#include "bench.h"

static __always_inline u32 walk(u8 *p, u8 *end)
{
	u32 found = 0;

LOOP
	for (int i = 0; i < 10; i++) {
		if (p + 1 > end)
			break;
		u8 kind = p[0] & 15;
		if (kind == 0)
			break;
		if (kind == 1) {
			p++;
			continue;
		}
		if (p + 12 > end)
			break;
		u8 size = (p[1] & 7) + 2;
		switch (kind) {
		case 2: found += __builtin_bswap16(*(u16 *)(p + 2)); break;
		case 3: found |= (u32)p[2] << 24; break;
		case 4: found |= 1u << 31; break;
		case 5: found ^= __builtin_bswap32(*(u32 *)(p + 2)); break;
		case 8: found += __builtin_bswap32(*(u32 *)(p + 4)); break;
		}
		p += size;
	}
	return found;
}

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u8 *end = (void *)(long)ctx->data_end;
	u32 sum = 0;

LOOP
	for (int i = 0; i < 16; i++)
		sum = sum * 31 + walk(p + i * 64, end);
	return sum;
}
