/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one program natively. Standard input: commands of three 32-bit numbers and a packet (kind, n, length, bytes).
 * Kind 0 runs once and answers r0, kind 1 runs n times and answers nanoseconds; answers are 64-bit numbers.
 * One process a command list; a timed command warms up first. */
#include <linux/types.h>
#include <stdio.h>
#include <time.h>
typedef __u32 u32;
typedef __u64 u64;
struct xdp_md { u64 data, data_end; };
int prog(struct xdp_md *);

static __u8 packet[65536 + 256];

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(void)
{
	int (*volatile entry)(struct xdp_md *) = prog;
	u32 head[3];

	while (fread(head, 4, 3, stdin) == 3) {
		struct xdp_md ctx = { (u64)packet + 256, (u64)packet + 256 + head[2] };
		u64 answer = 0;

		if (head[2] > 65536 || fread(packet + 256, 1, head[2], stdin) != head[2])
			return 1;
		if (head[0] == 0)
			answer = (u32)entry(&ctx);
		else {
			for (u32 i = 0; i < head[1] / 4 + 1; i++)
				entry(&ctx);
			u64 start = now();
			for (u32 i = 0; i < head[1]; i++)
				entry(&ctx);
			answer = now() - start;
		}
		fwrite(&answer, 8, 1, stdout);
	}
	return 0;
}
