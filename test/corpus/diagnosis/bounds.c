// Indexes and offsets into memory of a known size.
#include "common.h"

#define SLOTS 16

struct table {
	__u32 slot[SLOTS];
};

struct pair {
	__u64 a, b;
};

struct wide {
	struct pair pair[10];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wide);
} wides SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} small SEC(".maps");

static __always_inline struct table *table(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&tables, &key);
}

// want: INDEX_UNCHECKED; fix: >= 16
SEC("xdp") int unchecked_bad(struct xdp_md *ctx)
{
	struct table *t = table();
	__u32 i = ctx->rx_queue_index;

	if (!t)
		return XDP_PASS;
	t->slot[i]++; // FAULT
	return XDP_PASS;
}
SEC("xdp") int unchecked_ok(struct xdp_md *ctx)
{
	struct table *t = table();
	__u32 i = ctx->rx_queue_index;

	if (!t)
		return XDP_PASS;
	if (i >= SLOTS)
		return XDP_PASS;
	t->slot[i]++;
	return XDP_PASS;
}

// want: INDEX_NEGATIVE; fix: unsigned
SEC("tc") int signed_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	int i = skb->mark;

	if (!t)
		return 0;
	if (i >= SLOTS)
		return 0;
	return t->slot[i]; // FAULT
}
SEC("tc") int signed_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	int i = skb->mark;

	if (!t)
		return 0;
	if (i < 0 || i >= SLOTS)
		return 0;
	return t->slot[i];
}

// want: INDEX_OFF_BY_ONE; fix: <
SEC("tc") int off_by_one_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	__u32 i = skb->mark;

	if (!t || i > SLOTS)
		return 0;
	return t->slot[i]; // FAULT
}
SEC("tc") int off_by_one_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	__u32 i = skb->mark;

	if (!t || i > SLOTS - 1)
		return 0;
	return t->slot[i];
}

// want: INDEX_TOO_LARGE; fix: >= 10
SEC("tc") int too_large_bad(struct __sk_buff *skb)
{
	__u32 key = 0, i = skb->mark;
	struct wide *w = bpf_map_lookup_elem(&wides, &key);

	if (!w || i >= SLOTS)
		return 0;
	return w->pair[i].b; // FAULT
}
SEC("tc") int too_large_ok(struct __sk_buff *skb)
{
	__u32 key = 0, i = skb->mark;
	struct wide *w = bpf_map_lookup_elem(&wides, &key);

	if (!w || i >= 10)
		return 0;
	return w->pair[i].b;
}

// want: MASK_TOO_WIDE; fix: mask with less
SEC("tc") int mask_bad(struct __sk_buff *skb)
{
	struct table *t = table();

	if (!t)
		return 0;
	return t->slot[skb->mark & 0x1f]; // FAULT
}
SEC("tc") int mask_ok(struct __sk_buff *skb)
{
	struct table *t = table();

	if (!t)
		return 0;
	return t->slot[skb->mark & 0xf];
}

// want: INDEX_TOO_LARGE
SEC("xdp") int byte_bad(struct xdp_md *ctx)
{
	struct table *t = table();
	unsigned char *data = DATA(ctx);

	if (!t || data + 1 > (unsigned char *)DATA_END(ctx))
		return XDP_PASS;
	return t->slot[*data >> 3] & 1; // FAULT
}
SEC("xdp") int byte_ok(struct xdp_md *ctx)
{
	struct table *t = table();
	unsigned char *data = DATA(ctx);

	if (!t || data + 1 > (unsigned char *)DATA_END(ctx))
		return XDP_PASS;
	return t->slot[*data >> 4] & 1;
}

// want: MEMORY_TOO_SMALL; fix: the map is defined with
SEC("tc") int value_type_bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct pair *p = bpf_map_lookup_elem(&small, &key);

	if (!p)
		return 0;
	return p->b; // FAULT
}
SEC("tc") int value_type_ok(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 *p = bpf_map_lookup_elem(&small, &key);

	if (!p)
		return 0;
	return *p;
}

// want: VALUE_READ_AGAIN; fix: local variable
SEC("tc") int read_again_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	volatile __u32 *n;

	if (!t)
		return 0;
	n = &t->slot[0];
	if (*n >= SLOTS)
		return 0;
	return t->slot[*n]; // FAULT
}
SEC("tc") int read_again_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	volatile __u32 *n;
	__u32 i;

	if (!t)
		return 0;
	n = &t->slot[0];
	i = *n;
	if (i >= SLOTS)
		return 0;
	return t->slot[i];
}

// want: BOUND_ON_COPY
SEC("tc") int copy_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	__u64 i = skb->mark, half = i;

	if (!t)
		return 0;
	asm volatile("%0 >>= 1" : "+r"(half));
	if (half >= SLOTS / 2)
		return 0;
	return t->slot[i]; // FAULT
}
SEC("tc") int copy_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	__u64 i = skb->mark;

	if (!t)
		return 0;
	if (i >= SLOTS)
		return 0;
	return t->slot[i];
}

// want: INDEX_UNCHECKED
SEC("tc") int stack_index_bad(struct __sk_buff *skb)
{
	volatile __u32 local[4] = {};
	__u32 i = skb->mark;

	local[i] = 1; // FAULT
	return local[0];
}
SEC("tc") int stack_index_ok(struct __sk_buff *skb)
{
	volatile __u32 local[4] = {};
	__u32 i = skb->mark;

	if (i < 4)
		local[i] = 1;
	return local[0];
}

// want: INDEX_UNCHECKED
SEC("tc") int random_bad(struct __sk_buff *skb)
{
	struct table *t = table();

	if (!t)
		return 0;
	return t->slot[bpf_get_prandom_u32()]; // FAULT
}
SEC("tc") int random_ok(struct __sk_buff *skb)
{
	struct table *t = table();

	if (!t)
		return 0;
	return t->slot[bpf_get_prandom_u32() % SLOTS];
}

// want: INDEX_NEGATIVE
SEC("tc") int minus_one_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	int i = (int)(skb->mark & 0xf) - 1;

	if (!t)
		return 0;
	if (i > SLOTS - 1)
		return 0;
	return t->slot[i]; // FAULT
}
SEC("tc") int minus_one_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	int i = (int)(skb->mark & 0xf) - 1;

	if (!t)
		return 0;
	if (i < 0 || i > SLOTS - 1)
		return 0;
	return t->slot[i];
}

struct big_record {
	__u32 head;
	char text[60];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

// want: MEMORY_TOO_SMALL
SEC("tc") int record_bad(struct __sk_buff *skb)
{
	struct big_record *e = bpf_ringbuf_reserve(&events, sizeof(e), 0);

	if (!e)
		return 0;
	e->head = 1;
	e->text[8] = 'x'; // FAULT
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("tc") int record_ok(struct __sk_buff *skb)
{
	struct big_record *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->head = 1;
	e->text[8] = 'x';
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: INDEX_OFF_BY_ONE
SEC("tc") int loop_bad(struct __sk_buff *skb)
{
	struct table *t = table();
	__u32 n = skb->mark, sum = 0;

	if (!t)
		return 0;
	for (__u32 i = 0; i <= SLOTS; i++) {
		if (i > n)
			break;
		sum += *(volatile __u32 *)&t->slot[i]; // FAULT
	}
	return sum;
}
SEC("tc") int loop_ok(struct __sk_buff *skb)
{
	struct table *t = table();
	__u32 n = skb->mark, sum = 0;

	if (!t)
		return 0;
	for (__u32 i = 0; i < SLOTS; i++) {
		if (i > n)
			break;
		sum += *(volatile __u32 *)&t->slot[i];
	}
	return sum;
}
