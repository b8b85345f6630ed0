// Sizes that helpers are given.
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[256]);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct pt_regs {
	unsigned long r[14];
	unsigned long di;
	unsigned long rest[6];
};

static __always_inline char *buffer(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&scratch, &key);
}

// want: SIZE_FROM_HELPER; fix: <= 0
SEC("kprobe/do_sys_openat2") int string_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	long n;

	if (!buf)
		return 0;
	n = bpf_probe_read_user_str(buf, 256, (void *)ctx->di);
	bpf_ringbuf_output(&events, buf, n, 0); // FAULT
	return 0;
}
SEC("kprobe/do_sys_openat2") int string_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	long n;

	if (!buf)
		return 0;
	n = bpf_probe_read_user_str(buf, 256, (void *)ctx->di);
	if (n <= 0 || n > 256)
		return 0;
	bpf_ringbuf_output(&events, buf, n, 0);
	return 0;
}

// want: SIZE_UNBOUNDED; fix: sizeof
SEC("tc") int from_packet_bad(struct __sk_buff *skb)
{
	char local[64];
	__u64 n = skb->len;

	bpf_skb_load_bytes(skb, 0, local, n); // FAULT
	return local[0];
}
SEC("tc") int from_packet_ok(struct __sk_buff *skb)
{
	char local[64];
	__u64 n = skb->len;

	if (n == 0 || n > sizeof(local))
		return 0;
	bpf_skb_load_bytes(skb, 0, local, n);
	return local[0];
}

// want: SIZE_ZERO; fix: == 0
SEC("tc") int zero_bad(struct __sk_buff *skb)
{
	char local[64];
	__u32 n = skb->len;

	if (n > sizeof(local))
		return 0;
	bpf_skb_load_bytes(skb, 0, local, n); // FAULT
	return local[0];
}
SEC("tc") int zero_ok(struct __sk_buff *skb)
{
	char local[64];
	__u32 n = skb->len;

	if (n > sizeof(local) || n == 0)
		return 0;
	bpf_skb_load_bytes(skb, 0, local, n);
	return local[0];
}

// want: SIZE_NEGATIVE; fix: unsigned
SEC("kprobe/vfs_write") int signed_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	long n = ctx->r[5];

	if (!buf || n > 256)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int signed_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	__u64 n = ctx->r[5];

	if (!buf || n > 256)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di);
	return 0;
}

// want: SIZE_EXCEEDS_BUFFER; fix: > 64
SEC("tc") int exceeds_bad(struct __sk_buff *skb)
{
	char local[64];
	__u32 n = skb->len;

	if (n == 0 || n > 128)
		return 0;
	bpf_skb_load_bytes(skb, 0, local, n); // FAULT
	return local[0];
}
SEC("tc") int exceeds_ok(struct __sk_buff *skb)
{
	char local[128];
	__u32 n = skb->len;

	if (n == 0 || n > 128)
		return 0;
	bpf_skb_load_bytes(skb, 0, local, n);
	return local[0];
}

// want: SIZE_EXCEEDS_BUFFER
SEC("kprobe/vfs_write") int map_buffer_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	__u64 n = ctx->r[5];

	if (!buf || n > 4096)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int map_buffer_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	__u64 n = ctx->r[5];

	if (!buf || n > 256)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di);
	return 0;
}

// want: BUFFER_SMALL; fix: sizeof
SEC("kprobe/vfs_write") int const_size_bad(struct pt_regs *ctx)
{
	char *buf = buffer();

	if (!buf)
		return 0;
	bpf_probe_read_kernel(buf, 512, (void *)ctx->di); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int const_size_ok(struct pt_regs *ctx)
{
	char *buf = buffer();

	if (!buf)
		return 0;
	bpf_probe_read_kernel(buf, 256, (void *)ctx->di);
	return 0;
}

// want: BUFFER_SMALL
SEC("kprobe/vfs_write") int stack_size_bad(struct pt_regs *ctx)
{
	char comm[8];

	bpf_get_current_comm(comm, 16); // FAULT
	return comm[0];
}
SEC("kprobe/vfs_write") int stack_size_ok(struct pt_regs *ctx)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0];
}

// want: SIZE_FROM_HELPER
SEC("kprobe/vfs_write") int stack_trace_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	int n;

	if (!buf)
		return 0;
	n = bpf_get_stack(ctx, buf, 256, 0);
	bpf_ringbuf_output(&events, buf, n, 0); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int stack_trace_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	int n;

	if (!buf)
		return 0;
	n = bpf_get_stack(ctx, buf, 256, 0);
	if (n > 0)
		bpf_ringbuf_output(&events, buf, n & 0xff, 0);
	return 0;
}

// want: SIZE_UNBOUNDED
SEC("kprobe/vfs_write") int length_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	unsigned long n = ctx->r[5];

	if (!buf)
		return 0;
	bpf_probe_read_user(buf, n & 0x7fffffffffff, (void *)ctx->di); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int length_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	unsigned long n = ctx->r[5];

	if (!buf)
		return 0;
	bpf_probe_read_user(buf, n & 0xff, (void *)ctx->di);
	return 0;
}

// want: BOUND_ON_HALF; fix: 64 bits wide
SEC("kprobe/vfs_write") int half_bad(struct pt_regs *ctx)
{
	char *buf = buffer();
	__u32 n = ctx->r[5];

	if (!buf || n > 256)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di); // FAULT
	return 0;
}
SEC("kprobe/vfs_write") int half_ok(struct pt_regs *ctx)
{
	char *buf = buffer();
	__u64 n = ctx->r[5];

	if (!buf || n > 256)
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->di);
	return 0;
}
