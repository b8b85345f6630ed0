/* Files that are opened: the name at the entry of the call, the descriptor or error at its return. */
#include "tool.h"
struct enter { __u64 common; __u64 nr; __u64 args[6]; };
struct leave { __u64 common; __u64 nr; __s64 ret; };
struct event { __u32 pid; __s32 ret; __u32 flags; char comm[COMM]; char filename[64]; };
struct open { char filename[64]; __u32 flags; };
HASH(opens, __u32, struct open);
RING(events);

SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct enter *ctx)
{
	__u32 tid = current_tid();
	struct open o = { .flags = ctx->args[2] };

	bpf_probe_read_user_str(o.filename, sizeof(o.filename), (void *)ctx->args[1]);
	bpf_map_update_elem(&opens, &tid, &o, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_openat")
int on_leave(struct leave *ctx)
{
	__u32 tid = current_tid();
	struct open *o = bpf_map_lookup_elem(&opens, &tid);
	struct event *e;

	if (!o)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = current_pid();
		e->ret = ctx->ret;
		e->flags = o->flags;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		__builtin_memcpy(e->filename, o->filename, sizeof(e->filename));
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&opens, &tid);
	return 0;
}
