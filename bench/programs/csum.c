/* SPDX-License-Identifier: Apache-2.0 */
/* Internet checksum of 1,500 packet bytes. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < PACKET; i += 2)
		sum += *(u16 *)(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
