/* SPDX-License-Identifier: Apache-2.0 */
/* String work: letters of 256 packet bytes folded to lower case on the stack, words counted, a needle searched for. */
#include "bench.h"

#define N 128
static const char needle[4] = { 'b', 'p', 'f', 'x' };

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u8 text[N];
	u32 words = 0, found = 0, in_word = 0;

LOOP
	for (int i = 0; i < N; i++) {
		u8 c = p[i] & 0x7f;

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		text[i] = c;
		u32 letter = c >= 'a' && c <= 'z';
		words += letter & !in_word;
		in_word = letter;
	}
LOOP
	for (int i = 0; i < N - 4; i++) {
		if (text[i] != needle[0] && text[i] != needle[1])
			continue;
		found += 1;
		if (text[i + 1] == needle[1] && text[i + 2] == needle[2])
			found += 100;
	}
	return words * 1000 + found;
}
