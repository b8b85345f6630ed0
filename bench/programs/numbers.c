/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers read from text, decimal and hexadecimal, signed and unsigned. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	char text[16] = "  -1234567 ", hex[16] = "0xdeadbeef42";
	u64 sum = 0;

LOOP
	for (int i = 0; i < 8; i++) {
		long a = 0;
		unsigned long b = 0;

		text[5] = '0' + (p[i] & 7);
		hex[4] = 'a' + (p[i] & 3);
		sum += bpf_strtol(text, sizeof(text), 10, &a);
		sum += bpf_strtoul(hex, sizeof(hex), 0, &b);
		sum += a + b;
	}
	return sum ^ (sum >> 32);
}
