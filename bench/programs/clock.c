/* SPDX-License-Identifier: Apache-2.0 */
/* What rate limiters ask: the time, a random number, the processor, four times each. */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	u8 *p = PACKET_OR_RETURN(ctx);
	u64 sum = p[0];

LOOP
	for (int i = 0; i < 4; i++)
		sum += bpf_ktime_get_ns() + bpf_get_prandom_u32() + bpf_get_smp_processor_id();
	return sum == 1 ? 1 : 2;
}
