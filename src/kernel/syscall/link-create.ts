/** BPF_LINK_CREATE: what a program may be attached to, by its type and the attach type (link_create). */
import type { LinkCreateAttr } from '../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { claimedLength, faults, isBadBuffer, isNullBuffer } from '../../uapi/attr/user-buffer.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE as T, bpfProgTypeName } from '../../uapi/prog-types.ts';
import type { Attacher } from '../hooks/attacher.ts';
import type { RunOf } from '../hooks/env.ts';
import type { UprobePlace } from '../hooks/uprobe.ts';
import type { LinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import { attachesAs } from '../rules/attach-as.ts';
import { fdMap, fdProg, type SyscallEnv } from './env.ts';

type Given = LinkCreateAttr['link_create'];
type Cookie = RunOf['cookie'];
/** A link, -errno, or what this kernel lacks to make one. */
type Answer = LinkObject | number | { readonly lacking: string };

/** MAX_KPROBE_MULTI_CNT */
const MAX_FUNCTIONS = 1 << 20;
const WORD = 8;
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
  const { progType, expectedAttachType } = prog.verified;
  if (!attachesAs(progType, expectedAttachType, attr.attach_type)) return -ERRNO.EINVAL;
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
      return { lacking: `hooks for ${bpfProgTypeName(progType)} programs` };
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
  const target = attr.target_fd ?? 0;
  const targetId = attr.tracing?.target_btf_id ?? 0;
  if (progType === T.BPF_PROG_TYPE_EXT) return (target !== 0) === (targetId !== 0) ? extension() : -ERRNO.EINVAL;
  if (attr.attach_type !== expectedAttachType) return -ERRNO.EINVAL;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to find functions and tracepoints in' };
  if (expectedAttachType === A.BPF_TRACE_ITER) return iter(env, attach, prog, attr);
  if (expectedAttachType === A.BPF_LSM_CGROUP) return { lacking: 'hooks of control groups' };
  if (expectedAttachType === A.BPF_TRACE_RAW_TP)
    return attach.rawTracepoint(prog, attach.targetName(prog).slice(PROBE.length), cookie);
  if ((target !== 0) !== (targetId !== 0)) return -ERRNO.EINVAL;
  // Other programs are targets that a program was loaded for.
  if (target !== 0) return -ERRNO.EINVAL;
  return attach.target(prog, cookie);
}

/** sizeof(union bpf_iter_link_info) */
const ITER_INFO = 16;

function iter(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const given = attr.iter?.iter_info;
  if ((attr.target_fd ?? 0) !== 0 || (attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  if (given !== undefined && (claimedLength(given) === 0) !== isNullBuffer(given)) return -ERRNO.EINVAL;
  if (faults(given)) return -ERRNO.EFAULT;
  const info = new Uint8Array(ITER_INFO);
  if (given?.subarray(ITER_INFO).some((byte) => byte !== 0) === true) return -ERRNO.E2BIG;
  info.set(given?.subarray(0, ITER_INFO) ?? []);
  return attach.iter(prog, { info, map: (fd) => (fd === 0 ? -ERRNO.EBADF : fdMap(env, fd)) });
}

const extension = (): Answer => ({ lacking: 'replacing functions of programs' });

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

function kprobeMulti(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const { flags = 0, syms, addrs, cookies } = attr.kprobe_multi ?? {};
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~BPF_F_KPROBE_MULTI_RETURN) !== 0) return -ERRNO.EINVAL;
  const bad = (syms as unknown) instanceof Uint8Array ? (syms as unknown as Uint8Array) : undefined;
  const names = bad === undefined ? syms : undefined;
  const byAddress = addrs !== undefined && !isNullBuffer(addrs);
  const byName = names !== undefined || bad !== undefined;
  if (byAddress === byName) return -ERRNO.EINVAL;
  const count = byAddress
    ? claimedLength(addrs) / WORD
    : bad === undefined
      ? (names ?? []).length
      : claimedLength(bad) / WORD;
  if (count === 0) return -ERRNO.EINVAL;
  if (count > MAX_FUNCTIONS) return -ERRNO.E2BIG;
  if (isBadBuffer(bad) || faults(addrs) || faults(cookies)) return -ERRNO.EFAULT;
  const given = cookies === undefined || isNullBuffer(cookies) ? undefined : cookiesOf(cookies);
  if (given !== undefined && given.length !== count) return -ERRNO.EINVAL;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to find functions in' };
  return attach.kprobeMulti(prog, { functions: names ?? addressesOf(addrs), cookies: given, returns: flags !== 0 });
}

function uprobeMulti(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const { path, offsets, ref_ctr_offsets: semaphores, cookies, flags = 0, pid = 0 } = attr.uprobe_multi ?? {};
  if ((attr.flags ?? 0) !== 0 || (attr.target_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~BPF_F_UPROBE_MULTI_RETURN) !== 0) return -ERRNO.EINVAL;
  if (path === undefined || offsets === undefined || isNullBuffer(offsets)) return -ERRNO.EINVAL;
  const count = claimedLength(offsets) / WORD;
  if (count === 0) return -ERRNO.EINVAL;
  if (count > MAX_FUNCTIONS) return -ERRNO.E2BIG;
  if (pid < 0) return -ERRNO.EINVAL;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to take registers from' };
  if ([offsets, semaphores, cookies].some((bytes) => faults(bytes))) return -ERRNO.EFAULT;
  const words = [semaphores, cookies].map((b) => (b === undefined || isNullBuffer(b) ? undefined : b));
  if (words.some((bytes) => bytes !== undefined && bytes.length !== count * WORD)) return -ERRNO.EINVAL;
  const places = uprobePlaces(offsets, words[0], words[1]);
  return attach.uprobeMulti(prog, { path, places, returns: flags !== 0, pid });
}

/** The numbers of a link's places, as user space gives them: 64 bits each. */
function uprobePlaces(
  offsets: Uint8Array,
  semaphores: Uint8Array | undefined,
  cookies: Uint8Array | undefined,
): readonly UprobePlace[] {
  const wide = (bytes: Uint8Array | undefined, i: number): readonly [number, number] => {
    if (bytes === undefined) return [0, 0];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return [view.getInt32(i * 8, true), view.getInt32(i * 8 + 4, true)];
  };
  // An offset beyond 2^53 loses bits that no file has.
  const number = ([lo, hi]: readonly [number, number]): number => (lo >>> 0) + hi * 2 ** 32;
  return Array.from({ length: offsets.length >>> 3 }, (_, i) => ({
    offset: number(wide(offsets, i)),
    semaphore: number(wide(semaphores, i)),
    cookie: wide(cookies, i),
  }));
}

function addressesOf(bytes: Uint8Array = new Uint8Array(0)): readonly bigint[] {
  return cookiesOf(bytes).map(([lo, hi]) => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}

function cookiesOf(bytes: Uint8Array): readonly Cookie[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / WORD }, (_, i) => [
    view.getInt32(i * WORD, true),
    view.getInt32(i * WORD + 4, true),
  ]);
}

function halves(value = 0n): Cookie {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}
