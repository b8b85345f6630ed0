// What is acquired and not given back, or given back wrongly.
#include "common.h"

struct event {
	__u32 pid;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} locks SEC(".maps");

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct pt_regs;

// want: RECORD_LEAKED; fix: bpf_ringbuf_discard
SEC("kprobe/do_unlinkat") int early_return_bad(struct pt_regs *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	if (e->pid < 1000) // FAULT
		return 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("kprobe/do_unlinkat") int early_return_ok(struct pt_regs *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	if (e->pid < 1000) {
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: RECORD_LEAKED
SEC("kprobe/do_unlinkat") int never_bad(struct pt_regs *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0); // FAULT

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	return 0;
}
SEC("kprobe/do_unlinkat") int never_ok(struct pt_regs *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: DYNPTR_LEAKED; fix: bpf_ringbuf_discard_dynptr
SEC("xdp") int dynptr_bad(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	__u32 v = 7;

	if (bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d)) // FAULT
		return XDP_PASS;
	bpf_dynptr_write(&d, 0, &v, 4, 0);
	bpf_ringbuf_submit_dynptr(&d, 0);
	return XDP_PASS;
}
SEC("xdp") int dynptr_ok(struct xdp_md *ctx)
{
	struct bpf_dynptr d;
	__u32 v = 7;

	if (bpf_ringbuf_reserve_dynptr(&events, 64, 0, &d)) {
		bpf_ringbuf_discard_dynptr(&d, 0);
		return XDP_PASS;
	}
	bpf_dynptr_write(&d, 0, &v, 4, 0);
	bpf_ringbuf_submit_dynptr(&d, 0);
	return XDP_PASS;
}

// want: ITERATOR_LEAKED; fix: destroy
SEC("tc") int iterator_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v, sum = 0;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == skb->mark) // FAULT
			return sum;
		sum += *v;
	}
	bpf_iter_num_destroy(&it);
	return sum;
}
SEC("tc") int iterator_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v, sum = 0;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == skb->mark)
			break;
		sum += *v;
	}
	bpf_iter_num_destroy(&it);
	return sum;
}

// want: SOCKET_LEAKED; fix: bpf_sk_release
SEC("tc") int socket_bad(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;

	t.ipv4.dport = bpf_htons(80);
	sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return TC_ACT_OK;
	if (sk->state == 10) // FAULT
		return TC_ACT_SHOT;
	bpf_sk_release(sk);
	return TC_ACT_OK;
}
SEC("tc") int socket_ok(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;
	int verdict;

	t.ipv4.dport = bpf_htons(80);
	sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return TC_ACT_OK;
	verdict = sk->state == 10 ? TC_ACT_SHOT : TC_ACT_OK;
	bpf_sk_release(sk);
	return verdict;
}

// want: LOCK_HELD; fix: bpf_spin_unlock
SEC("tc") int lock_bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &key);

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	if (l->n > 100) // FAULT
		return 1;
	l->n++;
	bpf_spin_unlock(&l->lock);
	return 0;
}
SEC("tc") int lock_ok(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &key);

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	if (l->n > 100) {
		bpf_spin_unlock(&l->lock);
		return 1;
	}
	l->n++;
	bpf_spin_unlock(&l->lock);
	return 0;
}

// want: LOCK_HELD; fix: before
SEC("tc") int call_locked_bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &key);

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	l->n = bpf_get_prandom_u32(); // FAULT
	bpf_spin_unlock(&l->lock);
	return 0;
}
SEC("tc") int call_locked_ok(struct __sk_buff *skb)
{
	__u32 key = 0, n = bpf_get_prandom_u32();
	struct locked *l = bpf_map_lookup_elem(&locks, &key);

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	l->n = n;
	bpf_spin_unlock(&l->lock);
	return 0;
}

// want: SECTION_OPEN; fix: bpf_rcu_read_unlock
SEC("tc") int rcu_bad(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	if (skb->mark == 7) // FAULT
		return 1;
	bpf_rcu_read_unlock();
	return 0;
}
SEC("tc") int rcu_ok(struct __sk_buff *skb)
{
	int r = 0;

	bpf_rcu_read_lock();
	if (skb->mark == 7)
		r = 1;
	bpf_rcu_read_unlock();
	return r;
}

// want: RELEASED_TWICE; fix: once
SEC("tc") int twice_bad(struct __sk_buff *skb)
{
	__u64 *e = bpf_ringbuf_reserve(&events, 8, 0);

	if (!e)
		return 0;
	*e = skb->len;
	if (*e > 1500)
		bpf_ringbuf_discard(e, 0);
	bpf_ringbuf_submit(e, 0); // FAULT
	return 0;
}
SEC("tc") int twice_ok(struct __sk_buff *skb)
{
	__u64 *e = bpf_ringbuf_reserve(&events, 8, 0);

	if (!e)
		return 0;
	*e = skb->len;
	if (*e > 1500)
		bpf_ringbuf_discard(e, 0);
	else
		bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: ARGUMENT_NULL_GIVEN; fix: not NULL
SEC("tc") int submit_null_bad(struct __sk_buff *skb)
{
	__u64 *e = bpf_ringbuf_reserve(&events, 8, 0);

	if (e)
		*e = skb->len;
	asm volatile("" : "+r"(e));
	bpf_ringbuf_submit(e, 0); // FAULT
	return 0;
}
SEC("tc") int submit_null_ok(struct __sk_buff *skb)
{
	__u64 *e = bpf_ringbuf_reserve(&events, 8, 0);

	if (!e)
		return 0;
	*e = skb->len;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// want: NOT_ACQUIRED
SEC("cgroup/skb") int release_ctx_sk_bad(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	bpf_sk_release(sk); // FAULT
	return 1;
}
SEC("cgroup/skb") int release_ctx_sk_ok(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	return sk->mark != 1;
}

// want: ITERATOR_LEAKED
SEC("tc") int iterator_condition_bad(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v, sum = 0;

	bpf_iter_num_new(&it, 0, skb->len);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	if (sum > 1000) // FAULT
		return 1;
	bpf_iter_num_destroy(&it);
	return 0;
}
SEC("tc") int iterator_condition_ok(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v, sum = 0;

	bpf_iter_num_new(&it, 0, skb->len);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	return sum > 1000;
}
