// SPDX-License-Identifier: Apache-2.0
/* Reads a packet without asking how long it is: the verifier says where. Rebuilt by rebuild.sh. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	return eth->h_proto ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";
