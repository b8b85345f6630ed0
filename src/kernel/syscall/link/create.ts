/** BPF_LINK_CREATE: what a program may be attached to, by its type and the attach type (link_create). */
import type { LinkCreateAttr } from '../../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { faults } from '../../../uapi/attr/user-buffer.ts';
import { claimedLength, isNullBuffer } from '../../../uapi/attr/user-buffer.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import type { Attacher } from '../../hooks/attacher.ts';
import type { RunOf } from '../../hooks/env.ts';
import type { LinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { fdMap, fdProg, type SyscallEnv } from '../env.ts';
import { checkAttachAs } from '../prog/attach-check.ts';
import { linkElsewhere } from './elsewhere.ts';
import { onTarget } from './on-target.ts';
import { kprobeMulti, uprobeMulti } from './probes.ts';

type Given = LinkCreateAttr['link_create'];
type Cookie = RunOf['cookie'];
/** A link, -errno, or what this kernel lacks to make one. */
type Answer = LinkObject | number | { readonly lacking: string };

const PAGE_SIZE = 4096;
const PROBE = 'btf_trace_';

/** link_create */
export function linkCreate(env: SyscallEnv, { link_create: attr }: LinkCreateAttr): number {
  const answer = create(env, attr);
  if (typeof answer === 'number') return answer;
  if ('lacking' in answer) {
    attr.unsupported = answer.lacking;
    return -ERRNO.EOPNOTSUPP;
  }
  return env.fds.install(answer);
}

function create(env: SyscallEnv, attr: Given): Answer {
  if (attr.attach_type === A.BPF_STRUCT_OPS) return structOps(env, attr);
  const prog = fdProg(env, attr.prog_fd ?? 0);
  if (typeof prog === 'number') return prog;
  const { progType } = prog.verified;
  const wrong = checkAttachAs(env, prog, attr.attach_type);
  if (wrong < 0) return wrong;
  const { attach } = env;
  if (attach === undefined) return { lacking: 'a kernel that only verifies attaches nothing' };
  switch (progType) {
    case T.BPF_PROG_TYPE_TRACING:
    case T.BPF_PROG_TYPE_LSM:
    case T.BPF_PROG_TYPE_EXT:
      return tracing(env, attach, prog, attr);
    case T.BPF_PROG_TYPE_TRACEPOINT:
    case T.BPF_PROG_TYPE_PERF_EVENT:
      return perfEvent(env, attach, prog, attr);
    case T.BPF_PROG_TYPE_KPROBE:
      return probe(env, attach, prog, attr);
    default:
      return linkElsewhere(env, prog, attr);
  }
}

function structOps(env: SyscallEnv, attr: Given): Answer {
  const map = fdMap(env, attr.map_fd ?? 0);
  if (typeof map === 'number') return map;
  return -ERRNO.EINVAL;
}

function tracing(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const { progType, expectedAttachType } = prog.verified;
  const cookie = halves(attr.tracing?.cookie);
  const targetFd = attr.target_fd ?? 0;
  const targetId = attr.tracing?.target_btf_id ?? 0;
  if (progType === T.BPF_PROG_TYPE_EXT) return onTarget(env, attach, prog, { targetFd, targetId, cookie });
  if (attr.attach_type !== expectedAttachType) return -ERRNO.EINVAL;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to find functions and tracepoints in' };
  if (expectedAttachType === A.BPF_TRACE_ITER) return iter(env, attach, prog, attr);
  if (expectedAttachType === A.BPF_LSM_CGROUP) return { lacking: 'hooks of control groups' };
  if (expectedAttachType === A.BPF_TRACE_RAW_TP)
    return attach.rawTracepoint(prog, attach.targetName(prog).slice(PROBE.length), cookie);
  return onTarget(env, attach, prog, { targetFd, targetId, cookie });
}

/** sizeof(union bpf_iter_link_info) */
const ITER_INFO = 16;

function iter(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const given = attr.iter?.iter_info;
  if ((attr.target_fd ?? 0) !== 0 || (attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  if (given !== undefined && (claimedLength(given) === 0) !== isNullBuffer(given)) return -ERRNO.EINVAL;
  if (claimedLength(given) > PAGE_SIZE) return -ERRNO.E2BIG;
  if (faults(given)) return -ERRNO.EFAULT;
  const info = new Uint8Array(ITER_INFO);
  if (given?.subarray(ITER_INFO).some((byte) => byte !== 0) === true) return -ERRNO.E2BIG;
  info.set(given?.subarray(0, ITER_INFO) ?? []);
  return attach.iter(prog, { info, map: (fd) => (fd === 0 ? -ERRNO.EBADF : fdMap(env, fd)) });
}

function perfEvent(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  const entry = env.fds.get(attr.target_fd ?? 0);
  if (entry?.object.kind !== 'perf_event') return -ERRNO.EBADF;
  return attach.perfEvent(prog, entry.object, halves(attr.perf_event?.bpf_cookie));
}

function probe(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  switch (attr.attach_type) {
    case A.BPF_PERF_EVENT:
      return perfEvent(env, attach, prog, attr);
    case A.BPF_TRACE_KPROBE_MULTI:
    case A.BPF_TRACE_KPROBE_SESSION:
      return kprobeMulti(env, attach, prog, attr);
    default:
      return uprobeMulti(env, attach, prog, attr);
  }
}

function halves(value = 0n): Cookie {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}
