/* SPDX-License-Identifier: Apache-2.0 */
/* What every benchmark program starts from: for the BPF target, and (NATIVE) for the C compiler of this machine. */
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#ifdef NATIVE
#include "../native/shim.h"
#else
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#endif

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

/* A loop that stays one. */
#define LOOP _Pragma("clang loop unroll(disable)")

char LICENSE[] SEC("license") = "Dual BSD/GPL";
