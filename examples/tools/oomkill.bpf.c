/* Out of memory: whom the kernel chose, and on whose behalf. */
#include "tool.h"
struct task_struct { int tgid; char comm[COMM]; } KERNEL_STRUCT;
struct oom_control { struct task_struct *chosen; unsigned long totalpages; } KERNEL_STRUCT;
struct event { __u32 fpid, tpid; __u64 pages; char fcomm[COMM], tcomm[COMM]; };
RING(events);

SEC("kprobe/oom_kill_process")
int BPF_KPROBE(on_kill, struct oom_control *oc, const char *message)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->fpid = current_pid();
	e->tpid = BPF_CORE_READ(oc, chosen, tgid);
	e->pages = BPF_CORE_READ(oc, totalpages);
	bpf_get_current_comm(e->fcomm, sizeof(e->fcomm));
	bpf_probe_read_kernel_str(e->tcomm, sizeof(e->tcomm), BPF_CORE_READ(oc, chosen, comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
