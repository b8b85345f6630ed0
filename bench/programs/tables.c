/* SPDX-License-Identifier: Apache-2.0 */
/* Constant tables: a CRC-32 of 64 packet bytes by nibbles, with its table and parameters in read-only data. */
#include "bench.h"

static const u32 crc[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};
const volatile u32 start = 0xffffffff;
const volatile u32 extra = 0;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 c = start;

LOOP
	for (int i = 0; i < 64; i++) {
		c ^= p[i];
		c = (c >> 4) ^ crc[c & 15];
		c = (c >> 4) ^ crc[c & 15];
		if (extra)
			c += extra;
	}
	return ~c;
}
