/* SPDX-License-Identifier: Apache-2.0 */
/* A value under a bpf_spin_lock, eight times. */
#include "bench.h"

struct account { struct bpf_spin_lock lock; u32 pad; u64 tokens, last; };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct account);
} accounts SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	struct account fresh = {};
	u32 denied = 0;

LOOP
	for (int i = 0; i < 8; i++) {
		u32 key = p[i] & 15;
		struct account *a = bpf_map_lookup_elem(&accounts, &key);

		if (!a) {
			bpf_map_update_elem(&accounts, &key, &fresh, BPF_ANY);
			continue;
		}
		bpf_spin_lock(&a->lock);
		a->tokens += i - a->last;
		a->last = i;
		if (a->tokens > 64)
			a->tokens -= 64;
		else
			denied++;
		bpf_spin_unlock(&a->lock);
	}
	return denied ? 2 : 2;
}
