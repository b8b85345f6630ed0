/** Kinds of descriptors that TASK_FD_QUERY tells of: enum bpf_task_fd_type of Linux 6.18. */
export const BPF_FD_TYPE = {
  BPF_FD_TYPE_RAW_TRACEPOINT: 0,
  BPF_FD_TYPE_TRACEPOINT: 1,
  BPF_FD_TYPE_KPROBE: 2,
  BPF_FD_TYPE_KRETPROBE: 3,
  BPF_FD_TYPE_UPROBE: 4,
  BPF_FD_TYPE_URETPROBE: 5,
} as const;
