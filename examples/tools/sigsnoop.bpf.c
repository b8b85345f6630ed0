/* Signals that the kernel delivers: to whom and why. */
#include "tool.h"
struct trace_event_raw_signal_generate { int sig, code; char comm[COMM]; int pid; } KERNEL_STRUCT;
struct event { __u32 from, to, signal; __s32 code; char comm[COMM]; };
RING(events);

SEC("tracepoint/signal/signal_generate")
int on_signal(struct trace_event_raw_signal_generate *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->from = current_pid();
	e->to = ctx->pid;
	e->signal = ctx->sig;
	e->code = ctx->code;
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), ctx->comm);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
