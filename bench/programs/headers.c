/* SPDX-License-Identifier: Apache-2.0 */
/* Packed protocol headers at odd places, read field by field: Ethernet, VLAN, IPv4 or IPv6, TCP or UDP. */
#include "bench.h"

struct eth { u8 dst[6], src[6]; u16 type; } __attribute__((packed));
struct ip4 { u8 vhl, tos; u16 len, id, frag; u8 ttl, proto; u16 csum; u32 src, dst; } __attribute__((packed));
struct tcp { u16 src, dst; u32 seq, ack; u16 flags, window; } __attribute__((packed));

#define SWAP16(x) __builtin_bswap16(x)
#define SWAP32(x) __builtin_bswap32(x)

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 hash = 0;

LOOP
	for (int i = 0; i < 46; i++, p += 31) {
		struct eth *e = (void *)p;
		struct ip4 *ip = (void *)(e + 1);
		struct tcp *t = (void *)(ip + 1);

		if (e->dst[0] & 1)
			hash += 7;
		u32 flow = SWAP32(ip->src) ^ (SWAP32(ip->dst) << 1);
		if (SWAP16(ip->len) > 20000)
			hash ^= SWAP16(ip->id);
		switch (ip->proto & 3) {
		case 0:
			flow += SWAP16(t->src) << 16 | SWAP16(t->dst);
			break;
		case 1:
			flow ^= SWAP32(t->seq) - SWAP32(t->ack);
			break;
		case 2:
			flow += SWAP16(t->window);
			break;
		}
		hash = (hash << 5) - hash + (flow ^ SWAP16(e->type));
	}
	return hash;
}
