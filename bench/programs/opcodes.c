/* SPDX-License-Identifier: Apache-2.0 */
/* 128 packet bytes through a switch of 26 dense and some far cases: a compare tree in BPF, a jump table elsewhere. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 a = 1, b = 7, c = 0;

LOOP
	for (int i = 0; i < 128; i++) {
		switch (p[i] & 63) {
		case 0: a += 3; break;
		case 1: a ^= b; break;
		case 2: b += a; break;
		case 3: b ^= c; break;
		case 4: c += 5; break;
		case 5: c ^= a; break;
		case 6: a = (a << 3) | (a >> 29); break;
		case 7: b = (b << 5) | (b >> 27); break;
		case 8: c = (c << 7) | (c >> 25); break;
		case 9: a -= b; break;
		case 10: b -= c; break;
		case 11: c -= a; break;
		case 12: a *= 3; break;
		case 13: b *= 5; break;
		case 14: c *= 7; break;
		case 15: a |= 1; break;
		case 16: b |= 2; break;
		case 17: c |= 4; break;
		case 18: a &= ~b; break;
		case 19: b &= ~c | 1; break;
		case 20: c &= ~a | 3; break;
		case 21: a++; break;
		case 22: b--; break;
		case 23: c = -c; break;
		case 24: a = ~a; break;
		case 25: b = ~b; break;
		case 40: c += p[i + 1]; break;
		case 44: c ^= p[i + 2]; break;
		case 63: c = a + b; break;
		default: a += i; break;
		}
	}
	return a ^ b ^ c;
}
