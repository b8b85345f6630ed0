/* Capabilities that are asked for: by whom, which, and what was said. */
#include "tool.h"
struct event { __u32 pid, uid; __s32 cap, ret; char comm[COMM]; };
HASH(asked, __u32, __s32);
RING(events);

SEC("kprobe/cap_capable")
int BPF_KPROBE(on_ask, const void *cred, void *ns, int cap)
{
	__u32 tid = current_tid();

	bpf_map_update_elem(&asked, &tid, &cap, BPF_ANY);
	return 0;
}

SEC("kretprobe/cap_capable")
int BPF_KRETPROBE(on_answer, int ret)
{
	__u32 tid = current_tid();
	__s32 *cap = bpf_map_lookup_elem(&asked, &tid);
	struct event *e;

	if (!cap)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = current_pid();
		e->uid = bpf_get_current_uid_gid();
		e->cap = *cap;
		e->ret = ret;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&asked, &tid);
	return 0;
}
