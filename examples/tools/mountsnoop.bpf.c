/* Mounts: what, where, of which type, and whether it went well. */
#include "tool.h"
struct enter { __u64 common; __u64 nr; __u64 args[6]; };
struct leave { __u64 common; __u64 nr; __s64 ret; };
struct event { __u32 pid; __s32 ret; __u64 flags; char source[32], target[32], type[16]; };
HASH(calls, __u32, struct event);
RING(events);

SEC("tracepoint/syscalls/sys_enter_mount")
int on_enter(struct enter *ctx)
{
	__u32 tid = current_tid();
	struct event e = { .pid = current_pid(), .flags = ctx->args[3] };

	bpf_probe_read_user_str(e.source, sizeof(e.source), (void *)ctx->args[0]);
	bpf_probe_read_user_str(e.target, sizeof(e.target), (void *)ctx->args[1]);
	bpf_probe_read_user_str(e.type, sizeof(e.type), (void *)ctx->args[2]);
	bpf_map_update_elem(&calls, &tid, &e, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_mount")
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
