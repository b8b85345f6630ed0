/* SPDX-License-Identifier: Apache-2.0 */
/* Internet checksum of 1,500 packet bytes. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 all = 0;

LOOP
	for (int k = 0; k < 1; k++) {
		u32 sum = all;
LOOP
		for (int i = 0; i < 1500; i += 2)
			sum += *(u16 *)(p + k * 0 + i);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		all += (u16)~sum;
	}
	return all;
}
