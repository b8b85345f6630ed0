/* Calls of the file system, counted by kind. */
#include "tool.h"
__u64 reads, writes, fsyncs, opens;

#define COUNT(function, counter) SEC("kprobe/" #function) int BPF_KPROBE(on_##function) { __sync_fetch_and_add(&counter, 1); return 0; }
COUNT(vfs_read, reads)
COUNT(vfs_write, writes)
COUNT(vfs_fsync, fsyncs)
COUNT(vfs_open, opens)
