// Arguments of helpers and kernel functions, and calls that are not allowed.
#include "common.h"

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *parent;
	char comm[16];
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

struct pt_regs {
	unsigned long r[14];
	unsigned long di;
	unsigned long rest[6];
};

// want: ARGUMENT_NUMBER_GIVEN; fix: address
SEC("tc") int key_by_value_bad(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&counts, (void *)(long)skb->mark) != NULL; // FAULT
}
SEC("tc") int key_by_value_ok(struct __sk_buff *skb)
{
	__u32 key = skb->mark;

	return bpf_map_lookup_elem(&counts, &key) != NULL;
}

// want: ARGUMENT_NUMBER_GIVEN; fix: bpf_probe_read_kernel
SEC("kprobe/vfs_read") int kernel_key_bad(struct pt_regs *ctx)
{
	return bpf_map_lookup_elem(&counts, (void *)ctx->di) != NULL; // FAULT
}
SEC("kprobe/vfs_read") int kernel_key_ok(struct pt_regs *ctx)
{
	__u32 key = 0;

	bpf_probe_read_kernel(&key, sizeof(key), (void *)ctx->di);
	return bpf_map_lookup_elem(&counts, &key) != NULL;
}

// want: ARGUMENT_NULL_GIVEN
SEC("tc") int null_value_bad(struct __sk_buff *skb)
{
	__u32 key = 1;

	return bpf_map_update_elem(&counts, &key, NULL, 0); // FAULT
}
SEC("tc") int null_value_ok(struct __sk_buff *skb)
{
	__u32 key = 1;
	__u64 value = 0;

	return bpf_map_update_elem(&counts, &key, &value, 0);
}

// want: ARGUMENT_KIND; fix: order
SEC("tc") int order_bad(struct __sk_buff *skb)
{
	__u32 key = 1;

	return bpf_map_lookup_elem(&key, &counts) != NULL; // FAULT
}
SEC("tc") int order_ok(struct __sk_buff *skb)
{
	__u32 key = 1;

	return bpf_map_lookup_elem(&counts, &key) != NULL;
}

// want: ARGUMENT_KIND; fix: the context
SEC("tc") int not_context_bad(struct __sk_buff *skb)
{
	__u32 key = 1;

	return bpf_skb_pull_data((void *)&key, 20); // FAULT
}
SEC("tc") int not_context_ok(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, 20);
}

// want: PACKET_STALE
SEC("tc") int stale_argument_bad(struct __sk_buff *skb)
{
	unsigned char *data = DATA(skb);

	if (data + 20 > (unsigned char *)DATA_END(skb))
		return 0;
	bpf_skb_change_tail(skb, 64, 0);
	return bpf_csum_diff(NULL, 0, (void *)data, 20, 0); // FAULT
}
SEC("tc") int stale_argument_ok(struct __sk_buff *skb)
{
	unsigned char *data;

	bpf_skb_change_tail(skb, 64, 0);
	data = DATA(skb);
	if (data + 20 > (unsigned char *)DATA_END(skb))
		return 0;
	return bpf_csum_diff(NULL, 0, (void *)data, 20, 0);
}

// want: KERNEL_MEMORY_GIVEN; fix: copy
SEC("tp_btf/task_newtask") int member_as_key_bad(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	return bpf_map_update_elem(&counts, &task->pid, &task->comm, 0); // FAULT
}
SEC("tp_btf/task_newtask") int member_as_key_ok(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u32 pid = task->pid;
	__u64 value = 0;

	return bpf_map_update_elem(&counts, &pid, &value, 0);
}

// want: POINTER_UNTRUSTED
SEC("tp_btf/task_newtask") int untrusted_bad(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task->parent->parent); // FAULT
	if (got)
		bpf_task_release(got);
	return 0;
}
SEC("tp_btf/task_newtask") int untrusted_ok(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task);
	if (got)
		bpf_task_release(got);
	return 0;
}

// want: REFERENCE_LEAKED; fix: bpf_task_release
SEC("tp_btf/task_newtask") int task_leak_bad(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task);
	if (!got)
		return 0;
	if (got->pid == 1) // FAULT
		return 0;
	bpf_task_release(got);
	return 0;
}
SEC("tp_btf/task_newtask") int task_leak_ok(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task);
	if (!got)
		return 0;
	bpf_task_release(got);
	return 0;
}

// want: NULL_UNCHECKED
SEC("tp_btf/task_newtask") int acquired_null_bad(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task);
	bpf_task_release(got); // FAULT
	return 0;
}
SEC("tp_btf/task_newtask") int acquired_null_ok(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[0], *got;

	got = bpf_task_acquire(task);
	if (got)
		bpf_task_release(got);
	return 0;
}

// want: MAP_MISMATCH; fix: type
SEC("tc") int wrong_map_bad(struct __sk_buff *skb)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&jumps, &key) != NULL; // FAULT
}
SEC("tc") int wrong_map_ok(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 0);
	return 0;
}

// want: HELPER_NOT_FOR_TYPE
SEC("xdp") int wrong_type_bad(struct xdp_md *ctx)
{
	return bpf_skb_pull_data((void *)ctx, 20); // FAULT
}
SEC("xdp") int wrong_type_ok(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_tail(ctx, -1);
}

// want: CALL_MAY_SLEEP
SEC("fentry/vfs_unlink") int sleeps_bad(unsigned long long *ctx)
{
	char c = 0;

	bpf_copy_from_user(&c, 1, (void *)ctx[0]); // FAULT
	return c & 0;
}
SEC("fentry.s/__x64_sys_getpgid") int sleeps_ok(unsigned long long *ctx)
{
	char c = 0;

	bpf_copy_from_user(&c, 1, (void *)ctx[0]);
	return c & 0;
}

// want: ARGUMENT_POINTER_GIVEN
SEC("tc") int pointer_for_size_bad(struct __sk_buff *skb)
{
	__u32 buf[4];

	return bpf_ringbuf_output(&events, buf, (long)skb, 0); // FAULT
}
SEC("tc") int pointer_for_size_ok(struct __sk_buff *skb)
{
	__u32 buf[4];

	bpf_skb_load_bytes(skb, 0, buf, sizeof(buf));
	return bpf_ringbuf_output(&events, buf, sizeof(buf), 0);
}
