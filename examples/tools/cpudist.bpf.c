/* Time on the CPU: a histogram of the microseconds that tasks run at a stretch. */
#include "tool.h"
struct trace_event_raw_sched_switch { int prev_pid; int next_pid; } KERNEL_STRUCT;
HASH(starts, __u32, __u64);
__u32 slots[SLOTS];

SEC("tracepoint/sched/sched_switch")
int on_switch(struct trace_event_raw_sched_switch *ctx)
{
	__u32 prev = ctx->prev_pid, next = ctx->next_pid, slot;
	__u64 now = bpf_ktime_get_ns(), *since = bpf_map_lookup_elem(&starts, &prev);

	if (since) {
		slot = log2l((now - *since) / 1000);
		if (slot < SLOTS)
			__sync_fetch_and_add(&slots[slot], 1);
		bpf_map_delete_elem(&starts, &prev);
	}
	if (next)
		bpf_map_update_elem(&starts, &next, &now, BPF_ANY);
	return 0;
}
