/* SPDX-License-Identifier: Apache-2.0 */
/* Events: three records of 48 bytes reserved, filled and submitted, and one written with bpf_ringbuf_output. */
#include "bench.h"

struct event { u64 seq, first; u32 words[8]; };
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} events SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u32 sum = 0;
	struct event e = {};

LOOP
	for (int i = 0; i < 3; i++) {
		struct event *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
		if (!r)
			return 0;
		r->seq = i;
		r->first = *(u64 *)p;
		for (int k = 0; k < 8; k++)
			r->words[k] = *(u32 *)(p + 8 + i * 32 + k * 4);
		sum += r->words[i];
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	}
	e.first = *(u64 *)p;
	if (bpf_ringbuf_output(&events, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		return 1;
	return sum;
}
