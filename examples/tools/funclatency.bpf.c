/* Any function: a histogram of the nanoseconds that its calls take. */
#include "tool.h"
HASH(starts, __u32, __u64);
__u32 slots[SLOTS];

SEC("fentry/vfs_read")
int BPF_PROG(on_entry)
{
	__u32 tid = current_tid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&starts, &tid, &now, BPF_ANY);
	return 0;
}

SEC("fexit/vfs_read")
int BPF_PROG(on_return)
{
	__u32 tid = current_tid(), slot;
	__u64 *start = bpf_map_lookup_elem(&starts, &tid);

	if (!start)
		return 0;
	slot = log2l(bpf_ktime_get_ns() - *start);
	if (slot < SLOTS)
		__sync_fetch_and_add(&slots[slot], 1);
	bpf_map_delete_elem(&starts, &tid);
	return 0;
}
