/* System calls by number: how many, how long, how many failed. */
#include "tool.h"
struct total { __u64 count, ns, errors; };
HASH(starts, __u32, __u64);
HASH(totals, __u32, struct total);
struct pt_regs___x86 { long orig_ax; } KERNEL_STRUCT;

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tid = current_tid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&starts, &tid, &now, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_leave(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs___x86 *regs = (void *)ctx->args[0];
	__u32 tid = current_tid(), nr = BPF_CORE_READ(regs, orig_ax);
	__u64 *start = bpf_map_lookup_elem(&starts, &tid);
	struct total zero = {}, *t;

	if (!start)
		return 0;
	bpf_map_update_elem(&totals, &nr, &zero, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&totals, &nr);
	if (t) {
		__sync_fetch_and_add(&t->count, 1);
		__sync_fetch_and_add(&t->ns, bpf_ktime_get_ns() - *start);
		if ((long)ctx->args[1] < 0)
			__sync_fetch_and_add(&t->errors, 1);
	}
	bpf_map_delete_elem(&starts, &tid);
	return 0;
}
