/* Run queues: a histogram of the microseconds from wake-up to running. */
#include "tool.h"
struct task_struct { int pid; } KERNEL_STRUCT;
HASH(woken, __u32, __u64);
__u32 slots[SLOTS];

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	__u32 pid = task->pid;
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&woken, &pid, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 pid = next->pid, slot;
	__u64 *start = bpf_map_lookup_elem(&woken, &pid);

	if (!start)
		return 0;
	slot = log2l((bpf_ktime_get_ns() - *start) / 1000);
	if (slot < SLOTS)
		__sync_fetch_and_add(&slots[slot], 1);
	bpf_map_delete_elem(&woken, &pid);
	return 0;
}
