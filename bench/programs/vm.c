/* SPDX-License-Identifier: Apache-2.0 */
/* A small machine: fetch, decode and execute 192 three-byte instructions over eight registers on the stack. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 r[8];

	for (int i = 0; i < 8; i++)
		r[i] = *(u32 *)(p + 1024 + i * 4);

LOOP
	for (int n = 0; n < 192; n++, p += 3) {
		u32 op = p[0], x = p[1] & 7, y = p[2] & 7;

		switch (op & 7) {
		case 0: r[x] += r[y]; break;
		case 1: r[x] -= r[y]; break;
		case 2: r[x] ^= r[y]; break;
		case 3: r[x] = r[y] * 33; break;
		case 4: r[x] >>= op >> 6; break;
		case 5: r[x] |= op; break;
		case 6: if (r[x] > r[y]) r[y] += op; break;
		default: r[x] = r[y] + op; break;
		}
	}
	return r[0] ^ r[1] ^ r[2] ^ r[3] ^ r[4] ^ r[5] ^ r[6] ^ r[7];
}
