/** BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_UPDATE and BPF_LINK_DETACH. */
import type { LinkDetachAttr, LinkUpdateAttr, RawTracepointAttr } from '../../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_REPLACE } from '../../../uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import { endLink, type LinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { fdLink, fdProg, type SyscallEnv } from '../env.ts';
import { onTarget } from './on-target.ts';

/** Names of tracepoints and their NUL. */
const NAME_BYTES = 128;
const PROBE = 'btf_trace_';

type Cookie = readonly [lo: number, hi: number];

const halves = (value: bigint): Cookie => [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];

/** bpf_raw_tracepoint_open */
export function rawTracepointOpen(env: SyscallEnv, { raw_tracepoint: attr }: RawTracepointAttr): number {
  const prog = fdProg(env, attr.prog_fd);
  if (typeof prog === 'number') return prog;
  const { attach } = env;
  const cookie = halves(attr.cookie ?? 0n);
  const { progType: type, expectedAttachType } = prog.verified;
  const byTarget = type === T.BPF_PROG_TYPE_TRACING || type === T.BPF_PROG_TYPE_LSM || type === T.BPF_PROG_TYPE_EXT;
  const raw = type === T.BPF_PROG_TYPE_RAW_TRACEPOINT || type === T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
  if (!byTarget && !raw) return -ERRNO.EINVAL;
  if (byTarget && attr.name !== undefined) return -ERRNO.EINVAL;
  if (raw && typeof attr.name !== 'string') return -ERRNO.EFAULT;
  const lacking = lacks(env);
  if (attach === undefined || lacking !== undefined) {
    attr.unsupported = lacking ?? '';
    return -ERRNO.EOPNOTSUPP;
  }
  const typed = type === T.BPF_PROG_TYPE_TRACING && expectedAttachType === A.BPF_TRACE_RAW_TP;
  // A cookie is for those that take arguments as they are.
  if (byTarget && !typed)
    return installed(env, onTarget(env, attach, prog, { targetFd: 0, targetId: 0, cookie: [0, 0] }));
  const name = typed ? attach.targetName(prog).slice(PROBE.length) : (attr.name ?? '').slice(0, NAME_BYTES - 1);
  return installed(env, attach.rawTracepoint(prog, name, cookie));
}

/** What this kernel lacks to attach programs. */
function lacks(env: SyscallEnv): string | undefined {
  if (env.attach === undefined) return 'a kernel that only verifies attaches nothing';
  return env.vmlinux() === undefined ? 'no kernel BTF to find functions and tracepoints in' : undefined;
}

function installed(env: SyscallEnv, link: LinkObject | number): number {
  return typeof link === 'number' ? link : env.fds.install(link);
}

/** link_update */
export function linkUpdate(env: SyscallEnv, { link_update: attr }: LinkUpdateAttr): number {
  const flags = attr.flags ?? 0;
  if ((flags & ~BPF_F_REPLACE) !== 0) return -ERRNO.EINVAL;
  const link = fdLink(env, attr.link_fd);
  if (typeof link === 'number') return link;
  const next = fdProg(env, attr.new_prog_fd);
  if (typeof next === 'number') return next;
  const old = (flags & BPF_F_REPLACE) === 0 ? undefined : fdProg(env, attr.old_prog_fd ?? 0);
  if (typeof old === 'number') return old;
  if (old === undefined && (attr.old_prog_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  return link.hook.update === undefined ? -ERRNO.EINVAL : replaced(env, link, next, old);
}

function replaced(env: SyscallEnv, link: LinkObject, next: LoadedProg, old: LoadedProg | undefined): number {
  if (old !== undefined && old !== link.prog) return -ERRNO.EPERM;
  const before = link.prog;
  const answer = link.hook.update?.(link, next) ?? -ERRNO.EINVAL;
  if (answer < 0) return answer;
  link.prog = env.objects.get(next);
  env.objects.put(before);
  return 0;
}

/** link_detach */
export function linkDetach(env: SyscallEnv, { link_detach }: LinkDetachAttr): number {
  const link = fdLink(env, link_detach.link_fd);
  if (typeof link === 'number') return link;
  if (link.hook.detachable !== true) return -ERRNO.EOPNOTSUPP;
  endLink(link);
  return 0;
}
