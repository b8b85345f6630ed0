// Pointers that may be NULL.
#include "common.h"

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct counter);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct counter);
} per_socket SEC(".maps");

// want: NULL_UNCHECKED; fix: if (!
SEC("xdp") int count_bad(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);

	c->packets++; // FAULT
	return XDP_PASS;
}
SEC("xdp") int count_ok(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);

	if (c)
		c->packets++;
	return XDP_PASS;
}

// want: NULL_UNCHECKED
SEC("xdp") int array_never_null_bad(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index & 3;
	struct counter *c = bpf_map_lookup_elem(&totals, &key);

	c->bytes += ctx->data_end - ctx->data; // FAULT
	return XDP_PASS;
}
SEC("xdp") int array_never_null_ok(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index & 3;
	struct counter *c = bpf_map_lookup_elem(&totals, &key);

	if (!c)
		return XDP_ABORTED;
	c->bytes += ctx->data_end - ctx->data;
	return XDP_PASS;
}

// want: NULL_UNCHECKED; fix: if (!
SEC("tc") int reserve_bad(struct __sk_buff *skb)
{
	__u32 *e = bpf_ringbuf_reserve(&events, 4, 0);

	*e = skb->len; // FAULT
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("tc") int reserve_ok(struct __sk_buff *skb)
{
	__u32 *e = bpf_ringbuf_reserve(&events, 4, 0);

	if (!e)
		return 0;
	*e = skb->len;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: NULL_OTHER_CHECKED
SEC("xdp") int second_lookup_bad(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct counter *c = bpf_map_lookup_elem(&counters, &key), *d;

	if (!c)
		return XDP_PASS;
	c->packets++;
	key = ctx->rx_queue_index;
	d = bpf_map_lookup_elem(&counters, &key);
	d->packets++; // FAULT
	return XDP_PASS;
}
SEC("xdp") int second_lookup_ok(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct counter *c = bpf_map_lookup_elem(&counters, &key), *d;

	if (!c)
		return XDP_PASS;
	c->packets++;
	key = ctx->rx_queue_index;
	d = bpf_map_lookup_elem(&counters, &key);
	if (d)
		d->packets++;
	return XDP_PASS;
}

// want: NULL_CHECK_LATE; fix: move the test
SEC("xdp") int late_bad(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);
	__u64 n = *(volatile __u64 *)&c->packets; // FAULT

	asm volatile("" : "+r"(c)); // the compiler would take the test away
	if (!c)
		return XDP_ABORTED;
	c->bytes = n;
	return XDP_PASS;
}
SEC("xdp") int late_ok(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);
	__u64 n;

	if (!c)
		return XDP_ABORTED;
	n = *(volatile __u64 *)&c->packets;
	c->bytes = n;
	return XDP_PASS;
}

// want: NULL_DEREFERENCED; fix: not NULL
SEC("xdp") int wrong_branch_bad(struct xdp_md *ctx)
{
	__u32 key = 1;
	volatile struct counter *c = bpf_map_lookup_elem(&counters, &key);

	if (c)
		return XDP_PASS;
	c->packets = 1; // FAULT
	return XDP_PASS;
}
SEC("xdp") int wrong_branch_ok(struct xdp_md *ctx)
{
	__u32 key = 1;
	volatile struct counter *c = bpf_map_lookup_elem(&counters, &key);

	if (!c)
		return XDP_PASS;
	c->packets = 1;
	return XDP_PASS;
}

// want: NULL_DEREFERENCED
SEC("tc") int one_arm_bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	volatile struct counter *c = NULL;

	if (skb->mark)
		c = bpf_map_lookup_elem(&totals, &key);
	else
		asm volatile("" : "+r"(c));
	if (skb->mark && !c)
		return 0;
	return c->packets; // FAULT
}
SEC("tc") int one_arm_ok(struct __sk_buff *skb)
{
	__u32 key = 0;
	volatile struct counter *c = NULL;

	if (skb->mark)
		c = bpf_map_lookup_elem(&totals, &key);
	if (!c)
		return 0;
	return c->packets;
}

// want: NULL_ARITHMETIC; fix: if (!
SEC("xdp") int member_bad(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);
	__u64 *bytes = &c->bytes; // FAULT

	asm volatile("" : "+r"(bytes));
	if (!c)
		return XDP_PASS;
	*bytes = 1;
	return XDP_PASS;
}
SEC("xdp") int member_ok(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);
	__u64 *bytes;

	if (!c)
		return XDP_PASS;
	bytes = &c->bytes;
	*bytes = 1;
	return XDP_PASS;
}

// want: NULL_UNCHECKED
SEC("xdp") int to_helper_bad(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);

	bpf_map_update_elem(&totals, &key, c, BPF_ANY); // FAULT
	return XDP_PASS;
}
SEC("xdp") int to_helper_ok(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct counter *c = bpf_map_lookup_elem(&counters, &key);

	if (c)
		bpf_map_update_elem(&totals, &key, c, BPF_ANY);
	return XDP_PASS;
}

// want: NULL_UNCHECKED
static __noinline void add(struct counter *c, __u64 n)
{
	c->bytes += n; // FAULT
}

SEC("tc") int callee_bad(struct __sk_buff *skb)
{
	__u32 key = skb->mark;

	add(bpf_map_lookup_elem(&counters, &key), skb->len);
	return 0;
}
static __noinline void add_checked(struct counter *c, __u64 n)
{
	if (c)
		c->bytes += n;
}
SEC("tc") int callee_ok(struct __sk_buff *skb)
{
	__u32 key = skb->mark;

	add_checked(bpf_map_lookup_elem(&counters, &key), skb->len);
	return 0;
}

// want: NULL_UNCHECKED
SEC("cgroup/skb") int storage_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct counter *c;

	if (!sk)
		return 1;
	c = bpf_sk_storage_get(&per_socket, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	c->packets++; // FAULT
	return 1;
}
SEC("cgroup/skb") int storage_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct counter *c;

	if (!sk)
		return 1;
	c = bpf_sk_storage_get(&per_socket, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (c)
		c->packets++;
	return 1;
}

// want: NULL_UNCHECKED
SEC("cgroup/skb") int skb_sk_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk->family == 2; // FAULT
}
SEC("cgroup/skb") int skb_sk_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 1;
	return sk->family == 2;
}

// want: ARGUMENT_NULLABLE; fix: __arg_nonnull
__noinline int first_byte(const struct counter *c)
{
	return c->packets; // FAULT
}
SEC("xdp") int global_function_bad(struct xdp_md *ctx)
{
	struct counter c = {};

	c.packets = ctx->rx_queue_index;
	return first_byte(&c);
}
__noinline int first_byte_checked(const struct counter *c)
{
	return c ? c->packets : 0;
}
SEC("xdp") int global_function_ok(struct xdp_md *ctx)
{
	struct counter c = {};

	c.packets = ctx->rx_queue_index;
	return first_byte_checked(&c);
}
