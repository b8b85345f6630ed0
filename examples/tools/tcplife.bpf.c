/* TCP connections: from their first state to their last, with ports and time. */
#include "tool.h"
struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate, newstate;
	__u16 sport, dport, family, protocol;
	__u8 saddr[4], daddr[4];
} KERNEL_STRUCT;
struct event { __u32 saddr, daddr; __u16 sport, dport; __u32 pid; __u64 lived_ns; };
struct birth { __u64 ns; __u32 pid; };
HASH(births, __u64, struct birth);
RING(events);
#define TCP_CLOSE 7
#define TCP_FIN_WAIT1 4

SEC("tracepoint/sock/inet_sock_set_state")
int on_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 sk = (__u64)ctx->skaddr;
	struct birth b = { .ns = bpf_ktime_get_ns(), .pid = current_pid() }, *born;
	struct event *e;

	if (ctx->protocol != 6)
		return 0;
	if (ctx->newstate < TCP_FIN_WAIT1) {
		bpf_map_update_elem(&births, &sk, &b, BPF_NOEXIST);
		return 0;
	}
	if (ctx->newstate != TCP_CLOSE)
		return 0;
	born = bpf_map_lookup_elem(&births, &sk);
	if (!born)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		__builtin_memcpy(&e->saddr, ctx->saddr, 4);
		__builtin_memcpy(&e->daddr, ctx->daddr, 4);
		e->sport = ctx->sport;
		e->dport = ctx->dport;
		e->pid = born->pid;
		e->lived_ns = b.ns - born->ns;
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&births, &sk);
	return 0;
}
