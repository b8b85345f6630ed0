/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 of up to 512 bytes decoded, with resynchronisation at errors. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 code = 0, left = 0, chars = 0, errors = 0, sum = 0;

LOOP
	for (int i = 0; i < 512; i++) {
		u8 c = p[i];

		if (c < 0x80) {
			errors += left != 0;
			left = 0;
			chars++;
			sum += c;
		} else if (c < 0xc0) {
			if (!left) {
				errors++;
				continue;
			}
			code = code << 6 | (c & 0x3f);
			if (--left == 0) {
				chars++;
				sum ^= code;
			}
		} else {
			errors += left != 0;
			left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
			code = c & (0x3f >> left);
		}
	}
	return sum + chars * 3 + errors * 5;
}
