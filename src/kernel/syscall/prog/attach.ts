/** BPF_PROG_ATTACH, BPF_PROG_DETACH and BPF_PROG_QUERY: programs on hooks without links. */
import type { ProgAttachAttr, ProgQueryAttr } from '../../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import * as F from '../../../uapi/flags.ts';
import { BPF_PROG_TYPE as T, bpfProgTypeName } from '../../../uapi/prog-types.ts';
import { attachProgType } from '../../rules/attach-as.ts';
import { checkAttachAs } from './attach-check.ts';
import { emptyPlace, FIRST_REVISION } from './mprog.ts';
import { fdCgroup, fdMap, fdProg, isSockMap, type SyscallEnv } from '../env.ts';

/** 0, -errno, or what this kernel lacks. */
type Answer = number | { readonly lacking: string };

const BASE = F.BPF_F_ALLOW_OVERRIDE | F.BPF_F_ALLOW_MULTI | F.BPF_F_REPLACE | F.BPF_F_PREORDER;
const MPROG = F.BPF_F_REPLACE | F.BPF_F_BEFORE | F.BPF_F_AFTER | F.BPF_F_ID | F.BPF_F_LINK;

/** Types whose hooks are control groups; LSM programs by their attach type. */
const CGROUP: ReadonlySet<number> = new Set([
  ...[T.BPF_PROG_TYPE_CGROUP_SKB, T.BPF_PROG_TYPE_CGROUP_SOCK, T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR],
  ...[T.BPF_PROG_TYPE_SOCK_OPS, T.BPF_PROG_TYPE_CGROUP_DEVICE, T.BPF_PROG_TYPE_CGROUP_SYSCTL],
  T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
]);

const hooksOf = (type: number): Answer => ({ lacking: `hooks for ${bpfProgTypeName(type)} programs` });
const onCgroups = (type: number, attachType: number): boolean =>
  CGROUP.has(type) || (type === T.BPF_PROG_TYPE_LSM && attachType === A.BPF_LSM_CGROUP);

/** bpf_prog_attach */
export function progAttach(env: SyscallEnv, attr: ProgAttachAttr): number {
  const type = attachProgType(attr.attach_type);
  if (type === undefined) return -ERRNO.EINVAL;
  const flags = attr.attach_flags ?? 0;
  const many = type === T.BPF_PROG_TYPE_SCHED_CLS;
  const cgroup = onCgroups(type, attr.attach_type);
  if ((flags & ~(many ? MPROG : cgroup ? BASE | MPROG : BASE)) !== 0) return -ERRNO.EINVAL;
  if (!many && !cgroup && (relative(attr) || (attr.expected_revision ?? 0n) !== 0n)) return -ERRNO.EINVAL;
  const prog = fdProg(env, attr.attach_bpf_fd ?? 0);
  if (typeof prog === 'number') return prog;
  if (prog.verified.progType !== type) return -ERRNO.EINVAL;
  if (checkAttachAs(env, prog, attr.attach_type) < 0) return -ERRNO.EINVAL;
  if (type === T.BPF_PROG_TYPE_LSM && prog.verified.expectedAttachType !== A.BPF_LSM_CGROUP) return -ERRNO.EINVAL;
  return told(attr, put(env, type, attr));
}

/** bpf_prog_detach */
export function progDetach(env: SyscallEnv, attr: ProgAttachAttr): number {
  const type = attachProgType(attr.attach_type);
  if (type === undefined) return -ERRNO.EINVAL;
  const flags = attr.attach_flags ?? 0;
  if (type === T.BPF_PROG_TYPE_SCHED_CLS) {
    if ((flags & ~MPROG) !== 0) return -ERRNO.EINVAL;
    const prog = (attr.attach_bpf_fd ?? 0) === 0 ? undefined : fdProg(env, attr.attach_bpf_fd ?? 0);
    if (typeof prog === 'number') return prog;
    if (prog !== undefined && prog.verified.progType !== type) return -ERRNO.EINVAL;
  } else {
    if (flags !== 0 || relative(attr)) return -ERRNO.EINVAL;
    if (!CGROUP.has(type) && type !== T.BPF_PROG_TYPE_LSM && (attr.expected_revision ?? 0n) !== 0n)
      return -ERRNO.EINVAL;
  }
  return told(attr, take(env, type, attr));
}

const relative = (attr: ProgAttachAttr): boolean => ((attr.relative_fd ?? 0) | (attr.relative_id ?? 0)) !== 0;

function told(attr: { unsupported?: string }, answer: Answer): number {
  if (typeof answer === 'number') return answer;
  attr.unsupported = answer.lacking;
  return -ERRNO.EOPNOTSUPP;
}

function put(env: SyscallEnv, type: number, attr: ProgAttachAttr): Answer {
  if (onCgroups(type, attr.attach_type)) return onCgroup(env, attr.target_fd, type);
  switch (type) {
    case T.BPF_PROG_TYPE_SK_SKB:
    case T.BPF_PROG_TYPE_SK_MSG:
      if (((attr.attach_flags ?? 0) | (attr.replace_bpf_fd ?? 0)) !== 0) return -ERRNO.EINVAL;
      return sockMap(env, attr.target_fd ?? 0, type);
    case T.BPF_PROG_TYPE_FLOW_DISSECTOR:
      if (((attr.target_fd ?? 0) | (attr.attach_flags ?? 0) | (attr.replace_bpf_fd ?? 0)) !== 0) return -ERRNO.EINVAL;
      return hooksOf(type);
    case T.BPF_PROG_TYPE_SCHED_CLS: {
      const answer = device(env, attr);
      return typeof answer === 'number' ? answer : emptyPlace(env, type, attr) || answer;
    }
    default:
      return -ERRNO.EINVAL;
  }
}

function take(env: SyscallEnv, type: number, attr: ProgAttachAttr): Answer {
  if (CGROUP.has(type) || type === T.BPF_PROG_TYPE_LSM) return onCgroup(env, attr.target_fd, type);
  switch (type) {
    case T.BPF_PROG_TYPE_SK_SKB:
    case T.BPF_PROG_TYPE_SK_MSG: {
      if ((attr.replace_bpf_fd ?? 0) !== 0) return -ERRNO.EINVAL;
      const map = fdMap(env, attr.target_fd ?? 0);
      if (typeof map === 'number') return map;
      const prog = fdProg(env, attr.attach_bpf_fd ?? 0);
      if (typeof prog === 'number') return prog;
      return prog.verified.progType === type ? sockMap(env, attr.target_fd ?? 0, type) : -ERRNO.EINVAL;
    }
    case T.BPF_PROG_TYPE_FLOW_DISSECTOR: {
      if ((attr.target_fd ?? 0) !== 0) return -ERRNO.EINVAL;
      const prog = fdProg(env, attr.attach_bpf_fd ?? 0);
      if (typeof prog === 'number') return prog;
      // Nothing is attached, since nothing can be.
      return prog.verified.progType === type ? -ERRNO.ENOENT : -ERRNO.EINVAL;
    }
    case T.BPF_PROG_TYPE_SCHED_CLS: {
      const answer = device(env, attr);
      // Nothing is attached, since nothing can be.
      return typeof answer === 'number' ? answer : -ERRNO.ENOENT;
    }
    default:
      return -ERRNO.EINVAL;
  }
}

/** What is wrong with the descriptor of a control group, or what is lacking there. */
function onCgroup(env: SyscallEnv, fd: number | undefined, type: number): Answer {
  const group = fdCgroup(env, fd ?? 0);
  return typeof group === 'number' ? group : hooksOf(type);
}

function sockMap(env: SyscallEnv, fd: number, type: number): Answer {
  const map = fdMap(env, fd);
  if (typeof map === 'number') return map;
  return isSockMap(map) ? hooksOf(type) : -ERRNO.EOPNOTSUPP;
}

function device(
  env: SyscallEnv,
  { target_ifindex, target_fd, attach_type }: Pick<ProgAttachAttr, 'target_fd' | 'target_ifindex' | 'attach_type'>,
): Answer {
  const ifindex = (target_ifindex ?? 0) || (target_fd ?? 0);
  if (!env.hasDevice(ifindex)) return -ERRNO.ENODEV;
  // Devices of the simulated host are no netkits.
  const netkit = attach_type === A.BPF_NETKIT_PRIMARY || attach_type === A.BPF_NETKIT_PEER;
  return netkit ? -ERRNO.ENXIO : hooksOf(T.BPF_PROG_TYPE_SCHED_CLS);
}

/** bpf_prog_query */
export function progQuery(env: SyscallEnv, { query }: ProgQueryAttr): number {
  if (!env.caps.netAdmin && !env.caps.sysAdmin) return -ERRNO.EPERM;
  const { query_flags: flags = 0, attach_type: attachType, target_fd: target = 0 } = query;
  if ((flags & ~F.BPF_F_QUERY_EFFECTIVE) !== 0) return -ERRNO.EINVAL;
  const type = attachProgType(attachType);
  if (type === undefined) return -ERRNO.EINVAL;
  if (onCgroups(type, attachType)) return told(query, onCgroup(env, target, type));
  if (flags !== 0 && type !== T.BPF_PROG_TYPE_SCHED_CLS) return -ERRNO.EINVAL;
  switch (type) {
    case T.BPF_PROG_TYPE_SK_SKB:
    case T.BPF_PROG_TYPE_SK_MSG:
      return told(query, sockMap(env, target, type));
    case T.BPF_PROG_TYPE_FLOW_DISSECTOR:
    case T.BPF_PROG_TYPE_SK_LOOKUP:
      // No descriptor of this kernel is a network namespace.
      return env.fds.get(target) === undefined && target > 2 ? -ERRNO.EBADF : -ERRNO.EINVAL;
    case T.BPF_PROG_TYPE_SCHED_CLS:
      return onDevice(env, query);
    default:
      return -ERRNO.EINVAL;
  }
}

/** bpf_mprog_query of a device: nothing is attached, since nothing can be. */
function onDevice(env: SyscallEnv, query: ProgQueryAttr['query']): number {
  const answer = device(env, query);
  if (typeof answer === 'number') return answer;
  if (((query.query_flags ?? 0) | (query.attach_flags ?? 0)) !== 0) return -ERRNO.EINVAL;
  query.count = 0;
  query.revision = FIRST_REVISION;
  return 0;
}
