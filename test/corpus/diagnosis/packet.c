// Packets: `want` names the cause, FAULT marks the line, `fix` is a part of the remedy.
#include "common.h"

// want: PACKET_UNCHECKED; fix: compare before
SEC("xdp") int ethertype_bad(struct xdp_md *ctx)
{
	struct ethhdr *eth = DATA(ctx);

	if (eth->h_proto == bpf_htons(ETH_P_ARP)) // FAULT
		return XDP_DROP;
	return XDP_PASS;
}
SEC("xdp") int ethertype_ok(struct xdp_md *ctx)
{
	struct ethhdr *eth = DATA(ctx);

	if ((void *)(eth + 1) > DATA_END(ctx))
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_ARP))
		return XDP_DROP;
	return XDP_PASS;
}

// want: PACKET_SHORT; fix: compare with 34 bytes in place of 14
SEC("xdp") int no_ip_check_bad(struct xdp_md *ctx)
{
	void *end = DATA_END(ctx);
	struct ethhdr *eth = DATA(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	return ip->daddr == bpf_htonl(0x7f000001) ? XDP_DROP : XDP_PASS; // FAULT
}
SEC("xdp") int no_ip_check_ok(struct xdp_md *ctx)
{
	void *end = DATA_END(ctx);
	struct ethhdr *eth = DATA(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	return ip->daddr == bpf_htonl(0x7f000001) ? XDP_DROP : XDP_PASS;
}

// want: PACKET_SHORT; fix: 21
SEC("tc") int off_by_one_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb);

	if (data + 20 > (unsigned char *)DATA_END(skb))
		return TC_ACT_OK;
	return data[20] ? TC_ACT_SHOT : TC_ACT_OK; // FAULT
}
SEC("tc") int off_by_one_ok(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb);

	if (data + 21 > (unsigned char *)DATA_END(skb))
		return TC_ACT_OK;
	return data[20] ? TC_ACT_SHOT : TC_ACT_OK;
}

// want: PACKET_LENGTH_COMPARED; fix: data_end
SEC("tc") int length_bad(struct __sk_buff *skb)
{
	struct ethhdr *eth = DATA(skb);

	if (skb->len < sizeof(*eth))
		return TC_ACT_OK;
	return eth->h_dest[0] & 1 ? TC_ACT_SHOT : TC_ACT_OK; // FAULT
}
SEC("tc") int length_ok(struct __sk_buff *skb)
{
	struct ethhdr *eth = DATA(skb);

	if ((void *)(eth + 1) > DATA_END(skb))
		return TC_ACT_OK;
	return eth->h_dest[0] & 1 ? TC_ACT_SHOT : TC_ACT_OK;
}

// want: PACKET_LENGTH_COMPARED
SEC("xdp") int difference_bad(struct xdp_md *ctx)
{
	long size = ctx->data_end - ctx->data;
	unsigned char *data = DATA(ctx);

	if (size < 64)
		return XDP_PASS;
	return data[12] == 8 ? XDP_DROP : XDP_PASS; // FAULT
}
SEC("xdp") int difference_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx);

	if (data + 64 > (unsigned char *)DATA_END(ctx))
		return XDP_PASS;
	return data[12] == 8 ? XDP_DROP : XDP_PASS;
}

// want: PACKET_OFFSET_LARGE; fix: bound the offset
SEC("xdp") int ip_options_bad(struct xdp_md *ctx)
{
	void *data = DATA(ctx), *end = DATA_END(ctx);
	struct iphdr *ip = data + sizeof(struct ethhdr);
	unsigned char *payload;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	payload = (unsigned char *)ip + ip->saddr;
	if (payload + 8 > (unsigned char *)end)
		return XDP_PASS;
	return payload[4] ? XDP_DROP : XDP_PASS; // FAULT
}
SEC("xdp") int ip_options_ok(struct xdp_md *ctx)
{
	void *data = DATA(ctx), *end = DATA_END(ctx);
	struct iphdr *ip = data + sizeof(struct ethhdr);
	unsigned char *payload;
	__u32 off;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	off = ip->saddr;
	if (off > 1500)
		return XDP_PASS;
	payload = (unsigned char *)ip + off;
	if (payload + 8 > (unsigned char *)end)
		return XDP_PASS;
	return payload[4] ? XDP_DROP : XDP_PASS;
}

// want: PACKET_OFFSET_LARGE
SEC("tc") int len16_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb), *p;

	if (data + 16 > end)
		return TC_ACT_OK;
	p = data + *(__u16 *)(data + 14) + 16;
	if (p + 4 > end)
		return TC_ACT_OK;
	return p[3]; // FAULT
}
SEC("tc") int len16_ok(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb), *p;

	if (data + 16 > end)
		return TC_ACT_OK;
	p = data + (*(__u16 *)(data + 14) & 0x7ff) + 16;
	if (p + 4 > end)
		return TC_ACT_OK;
	return p[3];
}

// want: PACKET_MOVED_AFTER_CHECK; fix: after line
SEC("xdp") int header_length_bad(struct xdp_md *ctx)
{
	void *data = DATA(ctx), *end = DATA_END(ctx);
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp;

	if ((void *)(ip + 1) + sizeof(*udp) > end)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS; // FAULT
}
SEC("xdp") int header_length_ok(struct xdp_md *ctx)
{
	void *data = DATA(ctx), *end = DATA_END(ctx);
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

// want: PACKET_WRONG_BRANCH; fix: round
SEC("xdp") int inverted_bad(struct xdp_md *ctx)
{
	void *end = DATA_END(ctx);
	struct ethhdr *eth = DATA(ctx);

	if ((void *)(eth + 1) < end)
		return XDP_PASS;
	return eth->h_proto ? XDP_PASS : XDP_DROP; // FAULT
}
SEC("xdp") int inverted_ok(struct xdp_md *ctx)
{
	void *end = DATA_END(ctx);
	struct ethhdr *eth = DATA(ctx);

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	return eth->h_proto ? XDP_PASS : XDP_DROP;
}

// want: PACKET_STALE; fix: load data and data_end again
SEC("xdp") int encap_bad(struct xdp_md *ctx)
{
	void *data = DATA(ctx), *end = DATA_END(ctx);
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, -8))
		return XDP_DROP;
	eth->h_source[5] = 1; // FAULT
	return XDP_TX;
}
SEC("xdp") int encap_ok(struct xdp_md *ctx)
{
	void *data, *end;
	struct ethhdr *eth;

	if (bpf_xdp_adjust_head(ctx, -8))
		return XDP_DROP;
	data = DATA(ctx);
	end = DATA_END(ctx);
	eth = data;
	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	eth->h_source[5] = 1;
	return XDP_TX;
}

// want: PACKET_STALE; fix: again after line
SEC("tc") int pull_bad(struct __sk_buff *skb)
{
	void *data = DATA(skb), *end = DATA_END(skb);
	struct iphdr *ip = data + sizeof(struct ethhdr);

	bpf_skb_pull_data(skb, sizeof(struct ethhdr) + sizeof(*ip));
	if ((void *)(ip + 1) > end)
		return TC_ACT_OK;
	return ip->ttl < 2 ? TC_ACT_SHOT : TC_ACT_OK; // FAULT
}
SEC("tc") int pull_ok(struct __sk_buff *skb)
{
	void *data, *end;
	struct iphdr *ip;

	bpf_skb_pull_data(skb, sizeof(struct ethhdr) + sizeof(*ip));
	data = DATA(skb);
	end = DATA_END(skb);
	ip = data + sizeof(struct ethhdr);
	if ((void *)(ip + 1) > end)
		return TC_ACT_OK;
	return ip->ttl < 2 ? TC_ACT_SHOT : TC_ACT_OK;
}

static __noinline int set_mark_byte(struct __sk_buff *skb, int at)
{
	__u8 one = 1;

	return bpf_skb_store_bytes(skb, at, &one, 1, 0);
}

// want: PACKET_STALE
SEC("tc") int callee_moves_bad(struct __sk_buff *skb)
{
	void *end = DATA_END(skb);
	struct ethhdr *eth = DATA(skb);

	if ((void *)(eth + 1) > end)
		return TC_ACT_OK;
	if (set_mark_byte(skb, 6))
		return TC_ACT_SHOT;
	return eth->h_proto; // FAULT
}
SEC("tc") int callee_moves_ok(struct __sk_buff *skb)
{
	void *end = DATA_END(skb);
	struct ethhdr *eth = DATA(skb);
	__u16 proto;

	if ((void *)(eth + 1) > end)
		return TC_ACT_OK;
	proto = eth->h_proto;
	if (set_mark_byte(skb, 6))
		return TC_ACT_SHOT;
	return proto;
}

// want: PACKET_END_USED
SEC("xdp") int last_byte_bad(struct xdp_md *ctx)
{
	unsigned char *end = DATA_END(ctx);

	return *end ? XDP_DROP : XDP_PASS; // FAULT
}
SEC("xdp") int last_byte_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx);

	if (data + 1 > end)
		return XDP_PASS;
	return *data ? XDP_DROP : XDP_PASS;
}

// want: PACKET_READ_ONLY
SEC("cgroup_skb/egress") int write_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb);

	if (data + 20 > (unsigned char *)DATA_END(skb))
		return 1;
	data[8] = 64; // FAULT
	return 1;
}
SEC("cgroup_skb/egress") int write_ok(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb);

	if (data + 20 > (unsigned char *)DATA_END(skb))
		return 1;
	return data[8] != 64;
}

// want: PACKET_OTHER_POINTER
SEC("xdp") int computed_twice_bad(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx);
	unsigned int off, again;

	if (data + 14 > end)
		return XDP_PASS;
	off = *(volatile __u8 *)(data + 12);
	again = *(volatile __u8 *)(data + 12);
	if (data + off + 1 > end)
		return XDP_PASS;
	return data[again]; // FAULT
}
SEC("xdp") int computed_twice_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx), *p;

	if (data + 14 > end)
		return XDP_PASS;
	p = data + data[12];
	if (p + 1 > end)
		return XDP_PASS;
	return *p;
}

// want: PACKET_SHORT
SEC("xdp") int loop_bad(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx);
	int sum = 0;

	if (data + 8 > end)
		return XDP_PASS;
	for (int i = 0; i <= 8; i++)
		sum += data[i]; // FAULT
	return sum & 1;
}
SEC("xdp") int loop_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx);
	int sum = 0;

	if (data + 8 > end)
		return XDP_PASS;
	for (int i = 0; i < 8; i++)
		sum += data[i];
	return sum & 1;
}

// want: PACKET_UNCHECKED
SEC("tc") int checksum_arg_bad(struct __sk_buff *skb)
{
	void *data = DATA(skb);

	return bpf_csum_diff(NULL, 0, data, 20, 0) & 1; // FAULT
}
SEC("tc") int checksum_arg_ok(struct __sk_buff *skb)
{
	void *data = DATA(skb);

	if (data + 20 > DATA_END(skb))
		return TC_ACT_OK;
	return bpf_csum_diff(NULL, 0, data, 20, 0) & 1;
}
