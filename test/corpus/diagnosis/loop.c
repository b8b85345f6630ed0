// Loops that the verifier cannot walk to their end.
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32[1024]);
} numbers SEC(".maps");

// want: LOOP_ENDLESS; fix: counter
SEC("tc") int endless_bad(struct __sk_buff *skb)
{
	while (1) // FAULT
		asm volatile("");
	return 0;
}
SEC("tc") int endless_ok(struct __sk_buff *skb)
{
	for (int i = 0; i < 100; i++)
		asm volatile("");
	return 0;
}

// want: LOOP_ENDS_BY_DATA; fix: count the turns
SEC("tc") int random_bad(struct __sk_buff *skb)
{
	while (bpf_get_prandom_u32() != 5) // FAULT
		asm volatile("");
	return 0;
}
SEC("tc") int random_ok(struct __sk_buff *skb)
{
	for (int i = 0; i < 100 && bpf_get_prandom_u32() != 5; i++)
		asm volatile("");
	return 0;
}

// want: LOOP_ENDS_BY_DATA
SEC("tc") int headers_bad(struct __sk_buff *skb)
{
	__u32 off = 14;
	__u8 next = 0, len = 0;

	while (next != 6) { // FAULT
		if (bpf_skb_load_bytes(skb, off, &next, 1))
			return 0;
		if (bpf_skb_load_bytes(skb, off + 1, &len, 1))
			return 0;
		off += len * 8 + 8;
	}
	return 1;
}
SEC("tc") int headers_ok(struct __sk_buff *skb)
{
	__u32 off = 14;
	__u8 next = 0, len = 0;

	for (int i = 0; i < 8 && next != 6; i++) {
		if (bpf_skb_load_bytes(skb, off, &next, 1))
			return 0;
		if (bpf_skb_load_bytes(skb, off + 1, &len, 1))
			return 0;
		off += len * 8 + 8;
	}
	return next == 6;
}

// want: LOOP_TOO_LONG; fix: bpf_loop
SEC("tc") int long_bad(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (int i = 0; i < 1000000; i++) { // FAULT
		sum += i ^ skb->mark;
		asm volatile("" : "+r"(sum));
	}
	return sum;
}
static long add(__u32 i, void *sum)
{
	*(__u32 *)sum += i;
	return 0;
}
SEC("tc") int long_ok(struct __sk_buff *skb)
{
	__u32 sum = 0;

	bpf_loop(1000000, add, &sum, 0);
	return sum;
}

// want: LOOP_UNBOUNDED; fix: constant
SEC("tc") int length_bad(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < skb->len; i++) { // FAULT
		sum += i;
		asm volatile("" : "+r"(sum));
	}
	return sum;
}
SEC("tc") int length_ok(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 1500 && i < skb->len; i++) {
		sum += i;
		asm volatile("" : "+r"(sum));
	}
	return sum;
}

// want: LOOP_UNBOUNDED
SEC("xdp") int packet_walk_bad(struct xdp_md *ctx)
{
	unsigned char *p = DATA(ctx), *end = DATA_END(ctx);
	int sum = 0;

	while (p + 1 <= end) { // FAULT
		sum += *p;
		p++;
	}
	return sum & 1;
}
SEC("xdp") int packet_walk_ok(struct xdp_md *ctx)
{
	unsigned char *p = DATA(ctx), *end = DATA_END(ctx);
	int sum = 0;

	for (int i = 0; i < 64; i++) {
		if (p + 1 > end)
			break;
		sum += *p;
		p++;
	}
	return sum & 1;
}

// want: PATHS_TOO_MANY
SEC("xdp") int branches_bad(struct xdp_md *ctx)
{
	__u32 key = 0, *n = bpf_map_lookup_elem(&numbers, &key);
	__u64 bits = 0;

	if (!n)
		return XDP_PASS;
	for (int i = 0; i < 1024; i++) { // FAULT
		if (n[i] & 1)
			bits += i;
		else if (n[i] & 2)
			bits ^= n[i];
		if (bits == 77 * i)
			bits <<= 1;
	}
	return bits & 1;
}
SEC("xdp") int branches_ok(struct xdp_md *ctx)
{
	__u32 key = 0, *n = bpf_map_lookup_elem(&numbers, &key);
	__u64 bits = 0;

	if (!n)
		return XDP_PASS;
	for (int i = 0; i < 64; i++)
		bits += n[i];
	return bits & 1;
}

// want: LOOP_ENDLESS
SEC("tc") int volatile_counter_bad(struct __sk_buff *skb)
{
	volatile __u32 *n;
	__u32 key = 0;

	n = bpf_map_lookup_elem(&numbers, &key);
	if (!n)
		return 0;
	for (;;) { // FAULT
		*n = *n + 1;
		asm volatile("");
	}
	return 0;
}
SEC("tc") int volatile_counter_ok(struct __sk_buff *skb)
{
	volatile __u32 *n;
	__u32 key = 0;

	n = bpf_map_lookup_elem(&numbers, &key);
	if (!n)
		return 0;
	for (int i = 0; i < 10; i++)
		*n = *n + 1;
	return 0;
}
