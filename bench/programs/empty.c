/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	return 2;
}
