/* SPDX-License-Identifier: Apache-2.0 */
/* 256 bytes of operations through a switch of 16 cases. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 a = 1, b = 2;

LOOP
	for (int i = 0; i < 256; i++) {
		switch (p[i] & 15) {
		case 0: a += b; break;
		case 1: a -= b; break;
		case 2: b += a; break;
		case 3: b ^= a << 3; break;
		case 4: a ^= b >> 5; break;
		case 5: a = a * 3 + 1; break;
		case 6: b = b * 5 + 7; break;
		case 7: a |= 0x10; break;
		case 8: a &= ~(u64)0x20; break;
		case 9: b += 0x1234; break;
		case 10: if (a > b) b++; break;
		case 11: a = b; break;
		case 12: b = -b; break;
		case 13: a += i; break;
		case 14: b -= p[i + 1]; break;
		default: a ^= 0x5555; break;
		}
	}
	return a ^ b;
}
