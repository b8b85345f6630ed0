/* Connections that are begun: the address from the call's entry, whether it went well from its return. */
#include "tool.h"
struct in_addr { __be32 s_addr; } KERNEL_STRUCT;
struct sock_common { __be32 skc_daddr; __be16 skc_dport; } KERNEL_STRUCT;
struct sock { struct sock_common __sk_common; } KERNEL_STRUCT;
struct event { __u32 pid, daddr; __u16 dport; __s16 ret; char comm[COMM]; };
HASH(socks, __u32, struct sock *);
RING(events);

SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(on_connect, struct sock *sk)
{
	__u32 tid = current_tid();

	bpf_map_update_elem(&socks, &tid, &sk, BPF_ANY);
	return 0;
}

SEC("kretprobe/tcp_v4_connect")
int BPF_KRETPROBE(on_connected, int ret)
{
	__u32 tid = current_tid();
	struct sock **sk = bpf_map_lookup_elem(&socks, &tid);
	struct event *e;

	if (!sk)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = current_pid();
		e->daddr = BPF_CORE_READ(*sk, __sk_common.skc_daddr);
		e->dport = __builtin_bswap16(BPF_CORE_READ(*sk, __sk_common.skc_dport));
		e->ret = ret;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&socks, &tid);
	return 0;
}
