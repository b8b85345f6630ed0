/** What PROG_LOAD accepts as expected_attach_type, attach targets and privileges of each program type, as data. */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import type { ProgLoadAttr } from '../../uapi/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import type { Caps } from '../rules/prog-type.ts';

/** Attach types that a program type may name; types without a row take any (bpf_prog_load_check_attach). */
const EXPECTED: Readonly<Record<number, readonly number[]>> = {
  [T.BPF_PROG_TYPE_CGROUP_SOCK]: [
    A.BPF_CGROUP_INET_SOCK_CREATE,
    A.BPF_CGROUP_INET_SOCK_RELEASE,
    A.BPF_CGROUP_INET4_POST_BIND,
    A.BPF_CGROUP_INET6_POST_BIND,
  ],
  [T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: [
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
  [T.BPF_PROG_TYPE_CGROUP_SKB]: [A.BPF_CGROUP_INET_INGRESS, A.BPF_CGROUP_INET_EGRESS],
  [T.BPF_PROG_TYPE_CGROUP_SOCKOPT]: [A.BPF_CGROUP_SETSOCKOPT, A.BPF_CGROUP_GETSOCKOPT],
  [T.BPF_PROG_TYPE_SK_LOOKUP]: [A.BPF_SK_LOOKUP],
  [T.BPF_PROG_TYPE_SK_REUSEPORT]: [A.BPF_SK_REUSEPORT_SELECT, A.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE],
  [T.BPF_PROG_TYPE_NETFILTER]: [A.BPF_NETFILTER],
  [T.BPF_PROG_TYPE_SYSCALL]: [0],
  [T.BPF_PROG_TYPE_EXT]: [0],
};

/** Where 0 stands for another attach type, for programs from before it had to be named. */
const DEFAULT_ATTACH: Readonly<Record<number, number>> = {
  [T.BPF_PROG_TYPE_CGROUP_SOCK]: A.BPF_CGROUP_INET_SOCK_CREATE,
  [T.BPF_PROG_TYPE_SK_REUSEPORT]: A.BPF_SK_REUSEPORT_SELECT,
};

const BTF_TARGET_TYPES: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_TRACING,
  T.BPF_PROG_TYPE_LSM,
  T.BPF_PROG_TYPE_STRUCT_OPS,
  T.BPF_PROG_TYPE_EXT,
]);
const BTF_MAX_TYPE = 0xfffff;

/** Types that need CAP_NET_ADMIN beside CAP_BPF (is_net_admin_prog_type). */
const NET_ADMIN: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_SCHED_ACT,
  T.BPF_PROG_TYPE_XDP,
  T.BPF_PROG_TYPE_LWT_IN,
  T.BPF_PROG_TYPE_LWT_OUT,
  T.BPF_PROG_TYPE_LWT_XMIT,
  T.BPF_PROG_TYPE_LWT_SEG6LOCAL,
  T.BPF_PROG_TYPE_SK_SKB,
  T.BPF_PROG_TYPE_SK_MSG,
  T.BPF_PROG_TYPE_FLOW_DISSECTOR,
  T.BPF_PROG_TYPE_CGROUP_DEVICE,
  T.BPF_PROG_TYPE_CGROUP_SOCK,
  T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  T.BPF_PROG_TYPE_CGROUP_SYSCTL,
  T.BPF_PROG_TYPE_SOCK_OPS,
  T.BPF_PROG_TYPE_EXT,
  T.BPF_PROG_TYPE_NETFILTER,
]);
/** Types that need CAP_PERFMON (is_perfmon_prog_type). */
const PERFMON: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_KPROBE,
  T.BPF_PROG_TYPE_TRACEPOINT,
  T.BPF_PROG_TYPE_PERF_EVENT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  T.BPF_PROG_TYPE_TRACING,
  T.BPF_PROG_TYPE_LSM,
  T.BPF_PROG_TYPE_STRUCT_OPS,
  T.BPF_PROG_TYPE_EXT,
]);

/** The attach type that 0 means (bpf_prog_load_fixup_attach_type). */
export function fixupAttachType(type: number, expected: number): number {
  return expected === 0 ? (DEFAULT_ATTACH[type] ?? 0) : expected;
}

/** 0 or -EPERM. */
export function checkCaps(type: number, caps: Caps): number {
  if (NET_ADMIN.has(type) && !caps.netAdmin && !caps.sysAdmin) return -ERRNO.EPERM;
  return PERFMON.has(type) && !caps.perfmon && !caps.sysAdmin ? -ERRNO.EPERM : 0;
}

/** 0 or -EINVAL (bpf_prog_load_check_attach). */
export function checkAttach(attr: ProgLoadAttr, expected: number, hasTarget: boolean, targetIsProg: boolean): number {
  const btfId = attr.attach_btf_id ?? 0;
  if (btfId !== 0) {
    if (btfId > BTF_MAX_TYPE || !hasTarget || !BTF_TARGET_TYPES.has(attr.prog_type)) return -ERRNO.EINVAL;
  }
  if (hasTarget && !targetIsProg && btfId === 0) return -ERRNO.EINVAL;
  if (targetIsProg && attr.prog_type !== T.BPF_PROG_TYPE_TRACING && attr.prog_type !== T.BPF_PROG_TYPE_EXT)
    return -ERRNO.EINVAL;
  const allowed = EXPECTED[attr.prog_type];
  return allowed === undefined || allowed.includes(expected) ? 0 : -ERRNO.EINVAL;
}
