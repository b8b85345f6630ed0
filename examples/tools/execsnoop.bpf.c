/* Programs that are started: who started them, as which user, under which name. */
#include "tool.h"
struct task_struct { int tgid; struct task_struct *real_parent; } KERNEL_STRUCT;
struct trace_event_raw_sched_process_exec { __u32 __data_loc_filename; int pid; } KERNEL_STRUCT;
struct event { __u32 pid, ppid, uid; char comm[COMM]; char filename[64]; };
RING(events);

SEC("tracepoint/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = current_pid();
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_kernel_str(e->filename, sizeof(e->filename), (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
