// Numbers that are used as pointers, and pointers that are not what they were.
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct slot {
	void *where;
	__u64 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct record {
	__u32 pid;
	__u32 kind;
};

struct pt_regs {
	unsigned long r[14];
	unsigned long di;
	unsigned long rest[6];
};

struct kernel_file {
	unsigned int f_mode;
	int pad;
	void *f_op;
};

// want: OBJECT_RELEASED; fix: before line
SEC("kprobe/vfs_unlink") int after_submit_bad(struct pt_regs *ctx)
{
	struct record *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_ringbuf_submit(e, 0);
	e->kind = 1; // FAULT
	return 0;
}
SEC("kprobe/vfs_unlink") int after_submit_ok(struct pt_regs *ctx)
{
	struct record *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->kind = 1;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: OBJECT_RELEASED
SEC("tc") int socket_bad(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;

	t.ipv4.dport = bpf_htons(80);
	sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return sk->mark; // FAULT
}
SEC("tc") int socket_ok(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;
	int mark;

	t.ipv4.dport = bpf_htons(80);
	sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	mark = sk->mark;
	bpf_sk_release(sk);
	return mark;
}

// want: KERNEL_ADDRESS; fix: bpf_probe_read_kernel
SEC("kprobe/vfs_read") int argument_bad(struct pt_regs *ctx)
{
	struct kernel_file *f = (void *)ctx->di;

	return f->f_mode & 1; // FAULT
}
SEC("kprobe/vfs_read") int argument_ok(struct pt_regs *ctx)
{
	struct kernel_file *f = (void *)ctx->di;
	unsigned int mode = 0;

	bpf_probe_read_kernel(&mode, sizeof(mode), &f->f_mode);
	return mode & 1;
}

// want: KERNEL_ADDRESS; fix: bpf_probe_read_kernel
SEC("kprobe/vfs_read") int probed_bad(struct pt_regs *ctx)
{
	struct kernel_file *f = (void *)ctx->di;
	unsigned long *op = NULL;

	bpf_probe_read_kernel(&op, sizeof(op), &f->f_op);
	return *op != 0; // FAULT
}
SEC("kprobe/vfs_read") int probed_ok(struct pt_regs *ctx)
{
	struct kernel_file *f = (void *)ctx->di;
	unsigned long *op = NULL, first = 0;

	bpf_probe_read_kernel(&op, sizeof(op), &f->f_op);
	bpf_probe_read_kernel(&first, sizeof(first), op);
	return first != 0;
}

// want: NUMBER_FROM_HELPER; fix: bpf_get_current_task_btf
SEC("kprobe/vfs_read") int current_bad(struct pt_regs *ctx)
{
	char *task = (void *)bpf_get_current_task();

	return task[16]; // FAULT
}
SEC("kprobe/vfs_read") int current_ok(struct pt_regs *ctx)
{
	char *task = (void *)bpf_get_current_task(), c = 0;

	bpf_probe_read_kernel(&c, 1, task + 16);
	return c;
}

// want: POINTER_FROM_MAP; fix: keep the data
SEC("xdp") int kept_bad(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);
	__u64 *p;

	if (!s)
		return XDP_PASS;
	p = s->where;
	return *p & 1; // FAULT
}
SEC("xdp") int kept_ok(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &key);

	if (!s)
		return XDP_PASS;
	return s->n & 1;
}

// want: ADDRESS_FROM_PACKET
SEC("xdp") int from_packet_bad(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *p;

	if (data + 8 > (unsigned char *)DATA_END(ctx))
		return XDP_PASS;
	p = (unsigned char *)(long)*(__u32 *)data;
	return *p; // FAULT
}
SEC("xdp") int from_packet_ok(struct xdp_md *ctx)
{
	unsigned char *data = DATA(ctx), *end = DATA_END(ctx), *p;

	if (data + 8 > end)
		return XDP_PASS;
	p = data + *data;
	if (p + 1 > end)
		return XDP_PASS;
	return *p;
}

// want: POINTER_OPERATOR; fix: compute the offset
SEC("xdp") int masked_bad(struct xdp_md *ctx)
{
	unsigned long at = (unsigned long)ctx;

	asm volatile("%0 &= -8" : "+r"(at)); // FAULT
	return ((struct xdp_md *)at)->rx_queue_index;
}
SEC("xdp") int masked_ok(struct xdp_md *ctx)
{
	return ctx->rx_queue_index;
}

// want: CONSTANT_ADDRESS
SEC("tc") int constant_bad(struct __sk_buff *skb)
{
	return *(volatile int *)0x1000; // FAULT
}
SEC("tc") int constant_ok(struct __sk_buff *skb)
{
	return skb->mark;
}

// want: ARGUMENT_NUMBER; fix: declare
__noinline int follow(long at)
{
	return *(int *)at; // FAULT
}
SEC("tc") int as_number_bad(struct __sk_buff *skb)
{
	int here = skb->mark;

	return follow(here);
}
__noinline int follow_pointer(int *at)
{
	return at ? *at : 0;
}
SEC("tc") int as_number_ok(struct __sk_buff *skb)
{
	int here = skb->mark;

	return follow_pointer(&here);
}

// want: NULL_DEREFERENCED
SEC("tc") int never_set_bad(struct __sk_buff *skb)
{
	int *volatile p = NULL;

	return *p; // FAULT
}
SEC("tc") int never_set_ok(struct __sk_buff *skb)
{
	int here = skb->mark;
	int *volatile p = &here;

	return *p;
}

// want: POINTER_OVERWRITTEN
SEC("tc") int overwritten_bad(struct __sk_buff *skb)
{
	struct {
		char name[4];
		char more[4];
		struct __sk_buff *volatile ctx;
	} v;

	v.ctx = skb;
	bpf_probe_read_kernel_str(v.name, 16, (void *)bpf_get_current_task()); // writes over v.ctx
	return v.ctx->mark; // FAULT
}
SEC("tc") int overwritten_ok(struct __sk_buff *skb)
{
	struct {
		char name[4];
		char more[4];
		struct __sk_buff *volatile ctx;
	} v;

	v.ctx = skb;
	bpf_probe_read_kernel_str(v.name, 8, (void *)bpf_get_current_task());
	return v.ctx->mark;
}
