// SPDX-License-Identifier: Apache-2.0
/* An XDP firewall: drops what its list of networks says, counts every protocol and source, reports what it drops. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* What to do with a network, and with which port: 0 is any. */
struct rule {
	__u32 deny;
	__u16 port;
	__u16 pad;
};

struct network {
	__u32 prefixlen;
	__u8 addr[4];
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct source {
	__u64 packets;
	__u64 dropped;
};

/* Sent for each packet that is dropped. */
struct drop_event {
	__u64 time_ns;
	__u8 saddr[4];
	__u8 daddr[4];
	__u16 dport;
	__u8 protocol;
	__u8 pad;
	__u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct network);
	__type(value, struct rule);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} acl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct counter);
	__uint(max_entries, 256);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u8[4]);
	__type(value, struct source);
	__uint(max_entries, 4096);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} drops SEC(".maps");

/* Set before loading: packets that are not IPv4 pass unless this is set. */
const volatile __u8 only_ipv4 = 0;
__u64 not_ipv4 = 0;

static __always_inline __u16 dest_port(void *l4, void *end, __u8 protocol)
{
	/* TCP and UDP have their ports in the same place. */
	struct udphdr *ports = l4;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	if ((void *)(ports + 1) > end)
		return 0;
	return bpf_ntohs(ports->dest);
}

static __always_inline int denied(struct iphdr *ip, __u16 port)
{
	struct network who = { .prefixlen = 32 };
	struct rule *rule;

	__builtin_memcpy(who.addr, &ip->saddr, 4);
	rule = bpf_map_lookup_elem(&acl, &who);
	return rule && rule->deny && (rule->port == 0 || rule->port == port);
}

static __always_inline void count(struct iphdr *ip, __u32 length, int drop)
{
	__u32 protocol = ip->protocol;
	struct counter *c = bpf_map_lookup_elem(&protocols, &protocol);
	struct source *s, fresh = { .packets = 1, .dropped = drop };

	if (c) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, length);
	}
	s = bpf_map_lookup_elem(&sources, &ip->saddr);
	if (s) {
		__sync_fetch_and_add(&s->packets, 1);
		__sync_fetch_and_add(&s->dropped, drop);
	} else {
		bpf_map_update_elem(&sources, &ip->saddr, &fresh, BPF_ANY);
	}
}

/* A function of its own: its BTF tells user space what the records are. */
static __noinline int describe(struct drop_event *e, struct iphdr *ip, __u16 port, __u32 length)
{
	e->time_ns = bpf_ktime_get_ns();
	__builtin_memcpy(e->saddr, &ip->saddr, 4);
	__builtin_memcpy(e->daddr, &ip->daddr, 4);
	e->dport = port;
	e->protocol = ip->protocol;
	e->pad = 0;
	e->length = length;
	return 0;
}

static __always_inline void report(struct iphdr *ip, __u16 port, __u32 length)
{
	struct drop_event *e = bpf_ringbuf_reserve(&drops, sizeof(*e), 0);

	if (!e)
		return;
	describe(e, ip, port, length);
	bpf_ringbuf_submit(e, 0);
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 length = end - data;
	__u32 ihl;
	__u16 port;
	int drop;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) {
		__sync_fetch_and_add(&not_ipv4, 1);
		return only_ipv4 ? XDP_DROP : XDP_PASS;
	}
	ihl = ip->ihl * 4;
	if (ihl < sizeof(*ip))
		return XDP_DROP;
	port = dest_port((void *)ip + ihl, end, ip->protocol);
	drop = denied(ip, port);
	count(ip, length, drop);
	if (!drop)
		return XDP_PASS;
	report(ip, port, length);
	return XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";
