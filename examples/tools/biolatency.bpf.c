/* Block requests: a histogram of the microseconds from issue to completion. */
#include "tool.h"
struct request;
HASH(starts, __u64, __u64);
__u32 slots[SLOTS];

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_issue, struct request *rq)
{
	__u64 key = (__u64)rq, now = bpf_ktime_get_ns();

	bpf_map_update_elem(&starts, &key, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *rq, int error, unsigned int bytes)
{
	__u64 key = (__u64)rq, *start = bpf_map_lookup_elem(&starts, &key);
	__u32 slot;

	if (!start)
		return 0;
	slot = log2l((bpf_ktime_get_ns() - *start) / 1000);
	if (slot < SLOTS)
		__sync_fetch_and_add(&slots[slot], 1);
	bpf_map_delete_elem(&starts, &key);
	return 0;
}
