/** Link types: enum bpf_link_type of Linux 6.18. */
export const BPF_LINK_TYPE = {
  BPF_LINK_TYPE_UNSPEC: 0,
  BPF_LINK_TYPE_RAW_TRACEPOINT: 1,
  BPF_LINK_TYPE_TRACING: 2,
  BPF_LINK_TYPE_CGROUP: 3,
  BPF_LINK_TYPE_ITER: 4,
  BPF_LINK_TYPE_NETNS: 5,
  BPF_LINK_TYPE_XDP: 6,
  BPF_LINK_TYPE_PERF_EVENT: 7,
  BPF_LINK_TYPE_KPROBE_MULTI: 8,
  BPF_LINK_TYPE_STRUCT_OPS: 9,
  BPF_LINK_TYPE_NETFILTER: 10,
  BPF_LINK_TYPE_TCX: 11,
  BPF_LINK_TYPE_UPROBE_MULTI: 12,
  BPF_LINK_TYPE_NETKIT: 13,
  BPF_LINK_TYPE_SOCKMAP: 14,
} as const;

/** A value of {@link BPF_LINK_TYPE}. */
export type BpfLinkType = (typeof BPF_LINK_TYPE)[keyof typeof BPF_LINK_TYPE];

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(BPF_LINK_TYPE)
    .reverse()
    .map(([name, value]) => [value, name]),
);

/** The UAPI name of a BpfLinkType value, or its number as text when 6.18 does not define it. */
export function bpfLinkTypeName(value: number): string {
  return NAMES.get(value) ?? String(value);
}
