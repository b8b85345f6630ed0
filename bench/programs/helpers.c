/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers that take memory: checksum differences over packet words, copies into a buffer, and string comparisons. */
#include "bench.h"

static const char word[8] = "needle!";

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;
	char text[8] = "needle?";

LOOP
	for (int i = 0; i < 8; i++) {
		sum = bpf_csum_diff((void *)(p + i * 64), 64, (void *)(p + 512 + i * 64), 64, sum);
		text[6] = p[i];
		sum += bpf_strncmp(text, 8, word) != 0;
	}
	return sum;
}
