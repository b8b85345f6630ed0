/* SPDX-License-Identifier: Apache-2.0 */
/* What every benchmark program starts from. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define PACKET 1500

/* Bytes of the packet, at least PACKET of them, or the program returns 0. */
#define PACKET_OR_RETURN(ctx)                                   \
	({                                                      \
		void *data_ = (void *)(long)(ctx)->data;        \
		void *end_ = (void *)(long)(ctx)->data_end;     \
		if (data_ + PACKET > end_)                      \
			return 0;                               \
		(u8 *)data_;                                    \
	})

char LICENSE[] SEC("license") = "Dual BSD/GPL";
