/* Time off the CPU, by task: from being switched away to running again. */
#include "tool.h"
struct total { __u64 ns; char comm[COMM]; };
struct trace_event_raw_sched_switch { char prev_comm[COMM]; int prev_pid; char next_comm[COMM]; int next_pid; } KERNEL_STRUCT;
HASH(away, __u32, __u64);
HASH(totals, __u32, struct total);

SEC("tracepoint/sched/sched_switch")
int on_switch(struct trace_event_raw_sched_switch *ctx)
{
	__u32 prev = ctx->prev_pid, next = ctx->next_pid;
	__u64 now = bpf_ktime_get_ns(), *since;
	struct total zero = {}, *t;

	bpf_map_update_elem(&away, &prev, &now, BPF_ANY);
	since = bpf_map_lookup_elem(&away, &next);
	if (!since || next == 0)
		return 0;
	bpf_probe_read_kernel_str(zero.comm, sizeof(zero.comm), ctx->next_comm);
	bpf_map_update_elem(&totals, &next, &zero, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&totals, &next);
	if (t)
		t->ns += now - *since;
	bpf_map_delete_elem(&away, &next);
	return 0;
}
