// Values that were never set, what programs return, and stack sizes.
#include "common.h"

struct pt_regs;

// want: RETURN_RANGE; fix: 0 to 1
SEC("cgroup/skb") int verdict_bad(struct __sk_buff *skb)
{
	return skb->len > 100 ? 4 : 1; // FAULT
}
SEC("cgroup/skb") int verdict_ok(struct __sk_buff *skb)
{
	return skb->len > 100 ? 0 : 1;
}

// want: RETURN_RANGE
SEC("cgroup/sock_create") int unknown_value_bad(struct bpf_sock *sk)
{
	return sk->mark; // FAULT
}
SEC("cgroup/sock_create") int unknown_value_ok(struct bpf_sock *sk)
{
	return sk->mark != 0;
}

// want: RETURN_RANGE
SEC("sockops") int helper_value_bad(struct bpf_sock_ops *ops)
{
	return bpf_setsockopt(ops, 6, 1, &(int){1}, 4); // FAULT
}
SEC("sockops") int helper_value_ok(struct bpf_sock_ops *ops)
{
	bpf_setsockopt(ops, 6, 1, &(int){1}, 4);
	return 1;
}

// want: REGISTER_CLOBBERED; fix: keep the value
SEC("xdp") int clobbered_bad(struct xdp_md *ctx)
{
	int r;

	asm volatile("call %[random]\n" // FAULT
		     "%0 = *(u32 *)(r1 + 0)"
		     : "=r"(r)
		     : [random] "i"(BPF_FUNC_get_prandom_u32), "r"(ctx)
		     : "r0");
	return r & 1;
}
SEC("xdp") int clobbered_ok(struct xdp_md *ctx)
{
	bpf_get_prandom_u32();
	return ctx->rx_queue_index & 1;
}

// want: ARGUMENT_UNSET; fix: context
SEC("tc") int second_argument_bad(struct __sk_buff *skb, __u64 second)
{
	return skb->mark + second; // FAULT
}
SEC("tc") int second_argument_ok(struct __sk_buff *skb)
{
	return skb->mark + skb->priority;
}

// want: ARGUMENT_UNSET; fix: declared
SEC("tc") int short_call_bad(struct __sk_buff *skb)
{
	return ((long (*)(void *, __u32))BPF_FUNC_skb_change_head)(skb, 14); // FAULT
}
SEC("tc") int short_call_ok(struct __sk_buff *skb)
{
	return bpf_skb_change_head(skb, 14, 0);
}

// want: RETURN_UNSET
SEC("xdp") int no_return_bad(struct xdp_md *ctx)
{
	asm volatile("exit"); // FAULT
	__builtin_unreachable();
}
SEC("xdp") int no_return_ok(struct xdp_md *ctx)
{
	return 1;
}

static __noinline int leaf(const char *text, int n)
{
	volatile char local[300];

	for (int i = 0; i < 300; i += 16)
		local[i] = n + i;
	return local[n & 0xff] + text[0];
}

// want: STACK_LIMIT; fix: per-CPU array
SEC("tc") int two_frames_bad(struct __sk_buff *skb) // FAULT
{
	volatile char local[300];

	for (int i = 0; i < 300; i += 16)
		local[i] = skb->mark + i;
	return leaf((char *)local, skb->mark);
}
static __noinline int small_leaf(const char *text, int n)
{
	volatile char local[100];

	for (int i = 0; i < 100; i += 16)
		local[i] = n + i;
	return local[n & 0x3f] + text[0];
}
SEC("tc") int two_frames_ok(struct __sk_buff *skb)
{
	volatile char local[300];

	for (int i = 0; i < 300; i += 16)
		local[i] = skb->mark + i;
	return small_leaf((char *)local, skb->mark);
}
