/* Processes that end: how long they lived, and with what. */
#include "tool.h"
struct task_struct { int pid, tgid, exit_code; __u64 start_time; } KERNEL_STRUCT;
struct event { __u32 pid, code, signal; __u64 lived_ns; char comm[COMM]; };
RING(events);

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct event *e;

	if (task->pid != task->tgid)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->pid = task->tgid;
	e->code = task->exit_code >> 8;
	e->signal = task->exit_code & 0x7f;
	e->lived_ns = bpf_ktime_get_ns() - task->start_time;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
