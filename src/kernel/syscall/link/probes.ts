/** Links to many places at once: what BPF_LINK_CREATE says of kprobe_multi and uprobe_multi, in the kernel's order of checks. */
import type { LinkCreateAttr } from '../../../uapi/attr/attr.ts';
import { claimedLength, faults, isNullBuffer } from '../../../uapi/attr/user-buffer.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN } from '../../../uapi/flags.ts';
import type { Attacher } from '../../hooks/attacher.ts';
import type { RunOf } from '../../hooks/env.ts';
import type { UprobePlace } from '../../hooks/uprobe.ts';
import type { LinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { SyscallEnv } from '../env.ts';

type Given = LinkCreateAttr['link_create'];
type Cookie = RunOf['cookie'];
type Answer = LinkObject | number | { readonly lacking: string };

/** MAX_KPROBE_MULTI_CNT */
const MAX_FUNCTIONS = 1 << 20;
const WORD = 8;

/** A pointer that the binary form has and that may not lead anywhere: its bytes, undefined for null. */
const pointed = (bytes: Uint8Array | undefined): Uint8Array | undefined => (isNullBuffer(bytes) ? undefined : bytes);

export function kprobeMulti(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const given = attr.kprobe_multi ?? {};
  const { flags = 0 } = given;
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~BPF_F_KPROBE_MULTI_RETURN) !== 0) return -ERRNO.EINVAL;
  // The binary form has a pointer that cannot be followed in place of names.
  const bad = (given.syms as unknown) instanceof Uint8Array ? (given.syms as unknown as Uint8Array) : undefined;
  const names = bad === undefined ? given.syms : undefined;
  const addrs = pointed(given.addrs);
  const byName = names !== undefined || bad !== undefined;
  if ((addrs !== undefined) === byName) return -ERRNO.EINVAL;
  const count = names === undefined ? claimedLength(addrs ?? bad) / WORD : names.length;
  if (count === 0) return -ERRNO.EINVAL;
  if (count > MAX_FUNCTIONS) return -ERRNO.E2BIG;
  const cookies = pointed(given.cookies);
  if (bad !== undefined || faults(addrs) || faults(cookies)) return -ERRNO.EFAULT;
  if (cookies !== undefined && cookies.length !== count * WORD) return -ERRNO.EINVAL;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to find functions in' };
  const functions = names ?? addressesOf(addrs);
  return attach.kprobeMulti(prog, { functions, cookies: cookies && cookiesOf(cookies), returns: flags !== 0 });
}

export function uprobeMulti(env: SyscallEnv, attach: Attacher, prog: LoadedProg, attr: Given): Answer {
  const given = attr.uprobe_multi ?? {};
  const { path, flags = 0, pid = 0 } = given;
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~BPF_F_UPROBE_MULTI_RETURN) !== 0) return -ERRNO.EINVAL;
  const [offsets, semaphores, cookies] = [given.offsets, given.ref_ctr_offsets, given.cookies].map(pointed);
  const count = claimedLength(offsets) / WORD;
  if (path === undefined || offsets === undefined || count === 0) return -ERRNO.EINVAL;
  if (count > MAX_FUNCTIONS) return -ERRNO.E2BIG;
  if (pid < 0) return -ERRNO.EINVAL;
  if (typeof (path as unknown) !== 'string') return -ERRNO.EFAULT;
  if (env.vmlinux() === undefined) return { lacking: 'no kernel BTF to take registers from' };
  const found = attach.uprobeTarget(path, pid);
  if (found < 0) return found;
  if ([offsets, semaphores, cookies].some((bytes) => faults(bytes))) return -ERRNO.EFAULT;
  for (const bytes of [semaphores, cookies])
    if (bytes !== undefined && bytes.length !== count * WORD) return -ERRNO.EINVAL;
  return attach.uprobeMulti(prog, {
    path,
    places: uprobePlaces(offsets, semaphores, cookies),
    returns: flags !== 0,
    pid,
  });
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
    return [view.getInt32(i * WORD, true), view.getInt32(i * WORD + 4, true)];
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
