// The context, and arithmetic with pointers.
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[256]);
} bytes SEC(".maps");

// want: CONTEXT_FIELD; fix: helper
SEC("socket") int field_bad(struct __sk_buff *skb)
{
	return skb->data_meta; // FAULT
}
SEC("socket") int field_ok(struct __sk_buff *skb)
{
	return skb->len;
}

// want: CONTEXT_READ_ONLY
SEC("tc") int write_bad(struct __sk_buff *skb)
{
	skb->len = 64; // FAULT
	return 0;
}
SEC("tc") int write_ok(struct __sk_buff *skb)
{
	skb->mark = 64;
	return 0;
}

// want: CONTEXT_SIZE; fix: whole member
SEC("xdp") int narrow_bad(struct xdp_md *ctx)
{
	return *(volatile __u8 *)&ctx->data_end; // FAULT
}
SEC("xdp") int narrow_ok(struct xdp_md *ctx)
{
	return (ctx->data_end - ctx->data) & 0xff;
}

// want: CONTEXT_OUTSIDE
SEC("xdp") int wrong_struct_bad(struct xdp_md *ctx)
{
	return ((struct __sk_buff *)ctx)->tstamp; // FAULT
}
SEC("xdp") int wrong_struct_ok(struct xdp_md *ctx)
{
	return ctx->egress_ifindex & 0;
}

// want: CONTEXT_MODIFIED; fix: by name
SEC("tc") int moved_bad(struct __sk_buff *skb)
{
	__u32 *cb = skb->cb;

	asm volatile("%0 += 4" : "+r"(cb));
	return *cb; // FAULT
}
SEC("tc") int moved_ok(struct __sk_buff *skb)
{
	return skb->cb[1];
}

// want: CONTEXT_MODIFIED
SEC("tc") int indexed_bad(struct __sk_buff *skb)
{
	return skb->cb[skb->mark & 3]; // FAULT
}
SEC("tc") int indexed_ok(struct __sk_buff *skb)
{
	switch (skb->mark & 3) {
	case 0: return *(volatile __u32 *)&skb->cb[0];
	case 1: return *(volatile __u32 *)&skb->cb[1];
	}
	return 0;
}

// want: POINTERS_COMBINED
SEC("xdp") int sum_bad(struct xdp_md *ctx)
{
	unsigned long data = ctx->data, end = ctx->data_end;

	asm volatile("%0 += %1" : "+r"(data) : "r"(end)); // FAULT
	return data & 1;
}
SEC("xdp") int sum_ok(struct xdp_md *ctx)
{
	return (ctx->data_end - ctx->data) & 1;
}

// want: PACKET_END_USED
SEC("xdp") int before_end_bad(struct xdp_md *ctx)
{
	unsigned char *end = DATA_END(ctx);

	return end[-1] & 1; // FAULT
}
SEC("xdp") int before_end_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx);

	if (data + 4 > end)
		return 0;
	return data[3] & 1;
}

// want: OFFSET_UNBOUNDED; fix: mask
SEC("tc") int wide_offset_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb);
	__u64 off;

	if (data + 16 > end)
		return 0;
	off = *(__u64 *)data;
	data += off; // FAULT
	if (data + 1 > end)
		return 0;
	return *data;
}
SEC("tc") int wide_offset_ok(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb);
	__u64 off;

	if (data + 16 > end)
		return 0;
	off = *(__u64 *)data & 0xff;
	data += off;
	if (data + 1 > end)
		return 0;
	return *data;
}

// want: PACKET_OFFSET_NEGATIVE; fix: unsigned
SEC("tc") int negative_offset_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb);
	long off;

	if (data + 16 > end)
		return 0;
	off = *(long *)data;
	if (off > 100)
		return 0;
	data += off; // FAULT
	if (data + 1 > end)
		return 0;
	return *data;
}
SEC("tc") int negative_offset_ok(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb), *end = DATA_END(skb);
	unsigned long off;

	if (data + 16 > end)
		return 0;
	off = *(unsigned long *)data;
	if (off > 100)
		return 0;
	data += off;
	if (data + 1 > end)
		return 0;
	return *data;
}

// want: INDEX_UNCHECKED
SEC("tc") int map_offset_bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	char *b = bpf_map_lookup_elem(&bytes, &key);
	long off = bpf_get_prandom_u32() - skb->len;

	if (!b)
		return 0;
	off *= 3;
	return b[off]; // FAULT
}
SEC("tc") int map_offset_ok(struct __sk_buff *skb)
{
	__u32 key = 0;
	char *b = bpf_map_lookup_elem(&bytes, &key);
	long off = bpf_get_prandom_u32() - skb->len;

	if (!b)
		return 0;
	return b[off & 0xff];
}

// want: MEMORY_READ_ONLY
const volatile int setting = 1;
SEC("tc") int rodata_bad(struct __sk_buff *skb)
{
	int *p = (int *)&setting;

	asm volatile("" : "+r"(p));
	*p = 2; // FAULT
	return 0;
}
int state = 1;
SEC("tc") int rodata_ok(struct __sk_buff *skb)
{
	state = 2;
	return setting;
}
