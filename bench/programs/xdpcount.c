/* SPDX-License-Identifier: Apache-2.0 */
/* What many first XDP programs do: parse Ethernet and IPv4, count packets of each protocol in an array, pass. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} protocols SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (p + 34 > end)
		return 1;
	u32 key = p[12] == 8 && p[13] == 0 ? p[23] : 255;
	u64 *n = bpf_map_lookup_elem(&protocols, &key);
	if (n)
		*n += 1;
	return 2;
}
