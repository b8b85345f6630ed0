/** What programs may be attached as: the program types of each attach type, and what a program's own attach type has to do with it. */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';

/** Program type by attach type (attach_type_to_prog_type). */
const PROG_TYPES: readonly (readonly [type: number, attach: readonly number[]])[] = [
  [T.BPF_PROG_TYPE_CGROUP_SKB, [A.BPF_CGROUP_INET_INGRESS, A.BPF_CGROUP_INET_EGRESS]],
  [
    T.BPF_PROG_TYPE_CGROUP_SOCK,
    [
      A.BPF_CGROUP_INET_SOCK_CREATE,
      A.BPF_CGROUP_INET_SOCK_RELEASE,
      A.BPF_CGROUP_INET4_POST_BIND,
      A.BPF_CGROUP_INET6_POST_BIND,
    ],
  ],
  [
    T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
    [
      A.BPF_CGROUP_INET4_BIND,
      A.BPF_CGROUP_INET6_BIND,
      A.BPF_CGROUP_INET4_CONNECT,
      A.BPF_CGROUP_INET6_CONNECT,
      A.BPF_CGROUP_UNIX_CONNECT,
      A.BPF_CGROUP_INET4_GETPEERNAME,
      A.BPF_CGROUP_INET6_GETPEERNAME,
      A.BPF_CGROUP_UNIX_GETPEERNAME,
      A.BPF_CGROUP_INET4_GETSOCKNAME,
      A.BPF_CGROUP_INET6_GETSOCKNAME,
      A.BPF_CGROUP_UNIX_GETSOCKNAME,
      A.BPF_CGROUP_UDP4_SENDMSG,
      A.BPF_CGROUP_UDP6_SENDMSG,
      A.BPF_CGROUP_UNIX_SENDMSG,
      A.BPF_CGROUP_UDP4_RECVMSG,
      A.BPF_CGROUP_UDP6_RECVMSG,
      A.BPF_CGROUP_UNIX_RECVMSG,
    ],
  ],
  [T.BPF_PROG_TYPE_SOCK_OPS, [A.BPF_CGROUP_SOCK_OPS]],
  [T.BPF_PROG_TYPE_CGROUP_DEVICE, [A.BPF_CGROUP_DEVICE]],
  [T.BPF_PROG_TYPE_CGROUP_SYSCTL, [A.BPF_CGROUP_SYSCTL]],
  [T.BPF_PROG_TYPE_CGROUP_SOCKOPT, [A.BPF_CGROUP_GETSOCKOPT, A.BPF_CGROUP_SETSOCKOPT]],
  [T.BPF_PROG_TYPE_SK_MSG, [A.BPF_SK_MSG_VERDICT]],
  [T.BPF_PROG_TYPE_SK_SKB, [A.BPF_SK_SKB_STREAM_PARSER, A.BPF_SK_SKB_STREAM_VERDICT, A.BPF_SK_SKB_VERDICT]],
  [T.BPF_PROG_TYPE_LIRC_MODE2, [A.BPF_LIRC_MODE2]],
  [T.BPF_PROG_TYPE_FLOW_DISSECTOR, [A.BPF_FLOW_DISSECTOR]],
  [
    T.BPF_PROG_TYPE_TRACING,
    [A.BPF_TRACE_RAW_TP, A.BPF_TRACE_FENTRY, A.BPF_TRACE_FEXIT, A.BPF_MODIFY_RETURN, A.BPF_TRACE_ITER],
  ],
  [T.BPF_PROG_TYPE_LSM, [A.BPF_LSM_MAC, A.BPF_LSM_CGROUP]],
  [T.BPF_PROG_TYPE_SK_LOOKUP, [A.BPF_SK_LOOKUP]],
  [T.BPF_PROG_TYPE_XDP, [A.BPF_XDP]],
  [T.BPF_PROG_TYPE_SCHED_CLS, [A.BPF_TCX_INGRESS, A.BPF_TCX_EGRESS, A.BPF_NETKIT_PRIMARY, A.BPF_NETKIT_PEER]],
];

const PROG_TYPE_OF: ReadonlyMap<number, number> = new Map(
  PROG_TYPES.flatMap(([type, attach]) => attach.map((a) => [a, type] as const)),
);

/** The program type that an attach type is for; undefined of attach types that say none (attach_type_to_prog_type). */
export const attachProgType = (attachType: number): number | undefined => PROG_TYPE_OF.get(attachType);

/** Programs whose attach type is fixed when they are loaded. */
const FIXED: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_CGROUP_SOCK,
  T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  T.BPF_PROG_TYPE_SK_LOOKUP,
]);

/** Attach types of probes beside {@link A.BPF_PERF_EVENT}: a program is loaded for them. */
const PROBES: readonly (readonly number[])[] = [
  [A.BPF_TRACE_KPROBE_MULTI],
  [A.BPF_TRACE_KPROBE_SESSION],
  [A.BPF_TRACE_UPROBE_MULTI],
  [A.BPF_TRACE_UPROBE_SESSION],
];

/** Whether a program may be attached as an attach type says (bpf_prog_attach_check_attach_type, capabilities aside). */
export function attachesAs(progType: number, expected: number, attachType: number): boolean {
  switch (progType) {
    case T.BPF_PROG_TYPE_EXT:
      return true;
    case T.BPF_PROG_TYPE_NETFILTER:
      return attachType === A.BPF_NETFILTER;
    case T.BPF_PROG_TYPE_PERF_EVENT:
    case T.BPF_PROG_TYPE_TRACEPOINT:
      return attachType === A.BPF_PERF_EVENT;
    case T.BPF_PROG_TYPE_KPROBE:
      return probesAs(expected, attachType);
    default:
      if (FIXED.has(progType)) return attachType === expected;
      return PROG_TYPE_OF.get(attachType) === progType;
  }
}

function probesAs(expected: number, attachType: number): boolean {
  // A program that was loaded for many functions at once is attached so and not otherwise, and the other way round.
  for (const group of PROBES) if (group.includes(expected) !== group.includes(attachType)) return false;
  return attachType === A.BPF_PERF_EVENT || PROBES.some((group) => group.includes(attachType));
}
