/** The environment of the commands of bpf(2): one runtime's objects, descriptors and engines. */
import type { Btf } from '../../btf/btf.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import type { Attacher } from '../hooks/attacher.ts';
import type { LinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { MapEnv } from '../maps/env.ts';
import type { BtfObject } from '../object/btf.ts';
import type { Executable } from '../object/executable.ts';
import type { FdTable } from '../object/fd-table.ts';
import type { ObjectTable } from '../object/kernel-object.ts';
import type { BpfFs } from '../bpffs/bpf-fs.ts';
import type { RunStats } from '../object/run-stats.ts';
import type { Cgroup } from '../world/cgroup/cgroup.ts';
import type { CgroupFs } from '../world/cgroup/cgroup-fs.ts';
import type { Files } from '../world/fs/files.ts';
import type { Rules } from '../rules/compile.ts';
import type { Caps } from '../rules/prog-type.ts';
import type { VerifiedProgram, VerifierInput, VerifierOutcome } from '../verifier/result.ts';
import type { MapObject } from '../object/map.ts';
import type { TestRunAttr } from '../../uapi/attr/attr.ts';

export interface SyscallEnv {
  readonly objects: ObjectTable;
  readonly fds: FdTable;
  readonly caps: Caps;
  /** The rules of the kernel version. */
  readonly rules: Rules;
  /** Maps have no storage and programs no code: they are verified, nothing else. */
  readonly verifyOnly: boolean;
  readonly maps: MapEnv;
  readonly vmlinux: () => Btf | undefined;
  readonly verify: (input: VerifierInput) => VerifierOutcome;
  readonly compile: (program: VerifiedProgram) => Executable;
  /** The hooks; none in a kernel that only verifies. */
  readonly attach: Attacher | undefined;
  /** File systems, where objects are pinned; none in a kernel that only verifies. */
  readonly files: Files | undefined;
  readonly bpffs: BpfFs | undefined;
  readonly cgroupFs: CgroupFs | undefined;
  /** Counting of runs. */
  readonly stats: RunStats;
  /** Descriptors of a task's process by its pid, as the caller sees it; undefined when there is no such task. */
  readonly tableOf: (pid: number) => FdTable | undefined;
  readonly nrCpus: number;
  /** Milliseconds with a fraction, monotonic. */
  readonly stopwatch: () => number;
  /** Nanoseconds since boot, by the guest's clock. */
  readonly bootTime: () => LoadedProg['loadTime'];
  readonly hasDevice: (ifindex: number) => boolean;
  /** The part of BPF_PROG_TEST_RUN that runs the program: 0 or -errno. */
  readonly testRun: (prog: LoadedProg, test: TestRunAttr['test']) => number;
}

/** The answer for a descriptor without an object: the standard streams are open, and of another kind. */
function notOpen(fd: number): number {
  return fd === 0 || fd === 1 || fd === 2 ? -ERRNO.EINVAL : -ERRNO.EBADF;
}

/**
 * The map behind a descriptor: -EBADF when it is not open, -EINVAL when it is something else, -EPERM when it was not opened for what
 * `mode` (FMODE_*) asks.
 */
export function fdMap(env: SyscallEnv, fd: number, mode = 0): MapObject | number {
  const entry = env.fds.get(fd);
  if (entry === undefined) return notOpen(fd);
  if (entry.object.kind !== 'map') return -ERRNO.EINVAL;
  return (entry.mode & mode) === mode ? entry.object : -ERRNO.EPERM;
}

/** Whether a map holds sockets, whose programs it runs. */
export const isSockMap = ({ map: { desc } }: MapObject): boolean =>
  desc.type === BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKMAP || desc.type === BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKHASH;

/** The program behind a descriptor, or -errno as {@link fdMap}. */
export function fdProg(env: SyscallEnv, fd: number): LoadedProg | number {
  const object = env.fds.get(fd)?.object;
  if (object === undefined) return notOpen(fd);
  return object.kind === 'prog' ? object : -ERRNO.EINVAL;
}

/** The BTF behind a descriptor, or -errno as {@link fdMap}. */
export function fdBtf(env: SyscallEnv, fd: number): BtfObject | number {
  const object = env.fds.get(fd)?.object;
  if (object === undefined) return notOpen(fd);
  return object.kind === 'btf' ? object : -ERRNO.EINVAL;
}

/** The control group whose directory is open: -EBADF when it is none's, -ENOENT when the group was removed. */
export function fdCgroup(env: SyscallEnv, fd: number): Cgroup | number {
  const object = env.fds.get(fd)?.object;
  return (object?.kind === 'directory' ? env.cgroupFs?.groupOf(object.directory) : undefined) ?? -ERRNO.EBADF;
}

/** The link behind a descriptor, or -errno as {@link fdMap}. */
export function fdLink(env: SyscallEnv, fd: number): LinkObject | number {
  const object = env.fds.get(fd)?.object;
  if (object === undefined) return notOpen(fd);
  return object.kind === 'link' ? object : -ERRNO.EINVAL;
}
