/* Soft interrupts: how many of each, and how long they took. */
#include "tool.h"
struct trace_event_raw_softirq { unsigned int vec; } KERNEL_STRUCT;
#define VECTORS 10
__u64 since, counts[VECTORS], ns[VECTORS];

SEC("tracepoint/irq/softirq_entry")
int on_entry(struct trace_event_raw_softirq *ctx)
{
	since = bpf_ktime_get_ns();
	return 0;
}

SEC("tracepoint/irq/softirq_exit")
int on_exit(struct trace_event_raw_softirq *ctx)
{
	__u32 vec = ctx->vec;

	if (vec >= VECTORS || !since)
		return 0;
	counts[vec]++;
	ns[vec] += bpf_ktime_get_ns() - since;
	return 0;
}
