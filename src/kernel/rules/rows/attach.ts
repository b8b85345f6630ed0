/** Attach types: the first release of each. They came in the order of their numbers. */
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import type { VersionName } from '../version.ts';

/** Each entry holds from its attach type up to the next one. */
export const ATTACH_SINCE: readonly (readonly [first: number, since: VersionName])[] = [
  [A.BPF_CGROUP_INET_INGRESS, '4.10'],
  [A.BPF_CGROUP_SOCK_OPS, '4.13'],
  [A.BPF_SK_SKB_STREAM_PARSER, '4.14'],
  [A.BPF_CGROUP_DEVICE, '4.15'],
  [A.BPF_SK_MSG_VERDICT, '4.17'],
  [A.BPF_CGROUP_UDP4_SENDMSG, '4.18'],
  [A.BPF_FLOW_DISSECTOR, '4.20'],
  [A.BPF_CGROUP_SYSCTL, '5.2'],
  [A.BPF_CGROUP_GETSOCKOPT, '5.3'],
  [A.BPF_TRACE_RAW_TP, '5.5'],
  [A.BPF_MODIFY_RETURN, '5.7'],
  [A.BPF_TRACE_ITER, '5.8'],
  [A.BPF_CGROUP_INET_SOCK_RELEASE, '5.9'],
  [A.BPF_SK_SKB_VERDICT, '5.13'],
  [A.BPF_SK_REUSEPORT_SELECT, '5.14'],
  [A.BPF_PERF_EVENT, '5.15'],
  [A.BPF_TRACE_KPROBE_MULTI, '5.18'],
  [A.BPF_LSM_CGROUP, '6.0'],
  [A.BPF_STRUCT_OPS, '6.4'],
  [A.BPF_TCX_INGRESS, '6.6'],
  [A.BPF_CGROUP_UNIX_CONNECT, '6.7'],
  [A.BPF_TRACE_KPROBE_SESSION, '6.10'],
  [A.BPF_TRACE_UPROBE_SESSION, '6.13'],
];

/** The first release that has an attach type. */
export function attachTypeSince(attachType: number): VersionName {
  return ATTACH_SINCE.findLast(([first]) => first <= attachType)?.[1] ?? ATTACH_SINCE[0][1];
}
