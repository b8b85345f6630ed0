/* Signals that processes send: to whom, which, and whether it went well. */
#include "tool.h"
struct enter { __u64 common; __u64 nr; __u64 args[6]; };
struct leave { __u64 common; __u64 nr; __s64 ret; };
struct event { __u32 pid; __s32 target; __u32 signal; __s32 ret; char comm[COMM]; };
HASH(calls, __u32, struct event);
RING(events);

SEC("tracepoint/syscalls/sys_enter_kill")
int on_enter(struct enter *ctx)
{
	__u32 tid = current_tid();
	struct event e = { .pid = current_pid(), .target = ctx->args[0], .signal = ctx->args[1] };

	bpf_get_current_comm(e.comm, sizeof(e.comm));
	bpf_map_update_elem(&calls, &tid, &e, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_kill")
int on_leave(struct leave *ctx)
{
	__u32 tid = current_tid();
	struct event *e = bpf_map_lookup_elem(&calls, &tid);

	if (!e)
		return 0;
	e->ret = ctx->ret;
	bpf_ringbuf_output(&events, e, sizeof(*e), 0);
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}
