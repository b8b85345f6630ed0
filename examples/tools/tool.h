/* What the tools share. Kernel structs hold only the members that are read; CO-RE finds where they are. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

#define COMM 16
#define HASH(name, key_type, value_type) \
	struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, key_type); __type(value, value_type); } name SEC(".maps")
/* The type of records stands in the BTF of the object: readers find it there. */
#define RING(name) \
	struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 65536); } name SEC(".maps"); \
	const struct event *unused __attribute__((unused))
#define KERNEL_STRUCT __attribute__((preserve_access_index))

static __always_inline __u32 current_pid(void) { return bpf_get_current_pid_tgid() >> 32; }
static __always_inline __u32 current_tid(void) { return (__u32)bpf_get_current_pid_tgid(); }

/* Power of two that a number lies above. */
static __always_inline __u32 log2l(__u64 v)
{
	__u32 r = 0;

	for (int i = 32; i > 0; i >>= 1)
		if (v >> i) {
			v >>= i;
			r += i;
		}
	return r;
}
#define SLOTS 27
