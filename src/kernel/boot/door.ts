/** The door of one process to an embedded kernel: bpf(2) and the calls beside it, on descriptors of its own. */
import type { Btf } from '../../btf/btf.ts';
import type { BpfAttrs, BpfSyscall, KernelTraits } from '../../uapi/attr/attr.ts';
import type { UserMemory } from '../../uapi/attr/decode.ts';
import type { MappedPages, PerfRing } from '../../uapi/embedded.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { FileCalls } from '../../uapi/files.ts';
import type { PerfEventAttr } from '../../uapi/perf-event.ts';
import { NotSimulated } from '../../util/errors.ts';
import { type FdEntry, FIRST_FD } from '../object/fd-table.ts';
import type { Caps } from '../rules/prog-type.ts';
import { sysBpfBinary } from '../syscall/binary.ts';
import { sysBpf } from '../syscall/dispatch.ts';
import { fdProg, type SyscallEnv } from '../syscall/env.ts';
import { readFdInfo } from '../syscall/fdinfo.ts';
import { fileCalls } from '../syscall/files.ts';
import { readDescriptor } from '../syscall/handles.ts';
import { perfEventOpen, perfEventSetBpf } from '../syscall/perf-event-open.ts';
import type { HookEnv } from '../testrun/env.ts';
import type { Task } from '../world/task/task.ts';
import { kernelTraits } from './parts.ts';
import { RuntimeProgram } from './runtime-program.ts';
import { mapPages, openPerfRing } from './user-pages.ts';

/** Where a descriptor's copy goes, and whether an exec closes it. */
export interface DupOptions {
  /** Smallest number that it may get. Default: any. */
  readonly from?: number;
  /** Default: false. */
  readonly closeOnExec?: boolean;
}

/**
 * A process's door: what it opens is in its own table of descriptors, and what it may do follows from its credentials. Once it has ended,
 * calls give -ESRCH.
 */
export interface ProcessDoor extends BpfSyscall {
  /** bpf(2) with union bpf_attr in its binary form, whose pointers lead into `memory`. */
  bpfBinary(cmd: number, attr: Uint8Array, memory: UserMemory): number;
  /** The program behind a descriptor; users of the loader have it as `Program.embedded`. Undefined for other descriptors. */
  program(fd: number): RuntimeProgram | undefined;
  mmap(fd: number, offset: number, length: number, writable: boolean): MappedPages | number;
  perfRing(mapFd: number, cpu: number, bytes: number): PerfRing | number;
  /** read(2) of what can be read: iterators. The next bytes, at most `size`; none at the end. */
  read(fd: number, size: number): Uint8Array | number;
  /** Symbols of a binary of the world, with their offsets; or -ENOENT. */
  symbolsOf(path: string): Readonly<Record<string, number>> | number;
  /** Files of tracefs and sysfs about what programs attach to, and /proc/self/fdinfo of BPF objects; -ENOENT for others. */
  readText(path: string): string | number;
  perfEventOpen(attr: PerfEventAttr): number;
  /** Attaches a program to a perf event for as long as that is open (PERF_EVENT_IOC_SET_BPF): 0 or -errno. */
  perfEventSetBpf(fd: number, progFd: number): number;
  /** Files of the simulated host, a BPF file system at /sys/fs/bpf among them; none in a kernel that only verifies. */
  readonly files: FileCalls | undefined;
  /** Another descriptor of the same open file (dup(2), F_DUPFD): its number, or -EBADF. */
  dup(fd: number, options?: DupOptions): number;
  /** The same under a number, where what was open is closed (dup2(2)). The standard streams are NotSimulated. */
  dup2(fd: number, to: number, options?: Omit<DupOptions, 'from'>): number;
  /**
   * Another process gets a descriptor of the same open file (SCM_RIGHTS, pidfd_getfd(2)): its number there, -EBADF, or -ESRCH when
   * that process has ended. Throws RangeError for one of another runtime.
   */
  send(fd: number, to: ProcessDoor, options?: DupOptions): number;
  /** Whether an exec closes a descriptor (FD_CLOEXEC), or -EBADF. What bpf(2) opens is closed. */
  closesOnExec(fd: number): boolean | number;
  /** 0 or -EBADF. */
  setCloseOnExec(fd: number, closeOnExec: boolean): number;
  /** The process runs another binary (execve(2)): descriptors are closed that close then. */
  exec(): void;
  /** A task of another process has begun as a copy of this one (fork(2)): its door, with all descriptors. */
  fork(child: Task): ProcessDoor;
}

/** What doors have in common. */
export interface DoorParts {
  readonly env: SyscallEnv;
  readonly hooks: HookEnv;
  /** The door of a task's process. */
  readonly doorOf: (task: Task) => EmbeddedDoor;
}

export class EmbeddedDoor implements ProcessDoor {
  protected readonly parts: DoorParts;
  readonly #task: Task | undefined;
  readonly #alive: () => boolean;

  /** @param task who calls; without one it is the task that runs */
  constructor(parts: DoorParts, task?: Task, alive: () => boolean = () => true) {
    this.parts = parts;
    this.#task = task;
    this.#alive = alive;
  }

  protected get env(): SyscallEnv {
    return this.parts.env;
  }

  /** Calls as the process. */
  #as<T>(call: () => T): T | number {
    if (!this.#alive()) return -ERRNO.ESRCH;
    return this.#task === undefined ? call() : this.#task.run(call);
  }

  get kernel(): KernelTraits {
    return kernelTraits(this.env.nrCpus, () => this.kernelBtf());
  }

  bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number {
    return this.#as(() => sysBpf(this.env, cmd, attr));
  }

  bpfBinary(cmd: number, attr: Uint8Array, memory: UserMemory): number {
    return this.#as(() => sysBpfBinary(this.env, cmd, attr, memory));
  }

  close(fd: number): number {
    return this.#as(() => this.env.fds.close(fd));
  }

  program(fd: number): RuntimeProgram | undefined {
    const prog = fdProg(this.env, fd);
    return typeof prog === 'number' ? undefined : new RuntimeProgram(this.parts.hooks, prog);
  }

  mmap(fd: number, offset: number, length: number, writable: boolean): MappedPages | number {
    return this.#as(() => mapPages(this.parts, fd, { offset, length, writable }));
  }

  perfRing(mapFd: number, cpu: number, bytes: number): PerfRing | number {
    return this.#as(() => openPerfRing(this.parts, mapFd, cpu, bytes));
  }

  perfEventOpen(attr: PerfEventAttr): number {
    return this.#as(() => perfEventOpen(this.env, attr));
  }

  perfEventSetBpf(fd: number, progFd: number): number {
    return this.#as(() => perfEventSetBpf(this.env, fd, progFd));
  }

  read(fd: number, size: number): Uint8Array | number {
    return this.#as(() => readDescriptor(this.env, fd, size));
  }

  symbolsOf(path: string): Readonly<Record<string, number>> | number {
    if (typeof (path as unknown) !== 'string') return -ERRNO.EFAULT;
    return this.env.attach?.symbols(path) ?? -ERRNO.ENOENT;
  }

  readText(path: string): string | number {
    if (typeof (path as unknown) !== 'string') return -ERRNO.EFAULT;
    return this.#as(() => {
      const text = readFdInfo(this.env, path);
      if (text !== undefined) return text;
      return this.env.vmlinux() === undefined ? -ERRNO.ENOENT : (this.env.attach?.readFile(path) ?? -ERRNO.ENOENT);
    });
  }

  get files(): FileCalls | undefined {
    const { files, fds } = this.env;
    return files === undefined ? undefined : fileCalls(files, fds, (call) => this.#as(call));
  }

  dup(fd: number, { from = 0, closeOnExec = false }: DupOptions = {}): number {
    return this.#as(() => {
      if (!Number.isInteger(from) || from < 0) return -ERRNO.EINVAL;
      const entry = this.#open(fd);
      return typeof entry === 'number' ? entry : this.env.fds.add(entry, closeOnExec, Math.max(from, FIRST_FD));
    });
  }

  dup2(fd: number, to: number, { closeOnExec = false }: Omit<DupOptions, 'from'> = {}): number {
    return this.#as(() => {
      const entry = this.#open(fd);
      if (typeof entry === 'number') return entry;
      if (!Number.isInteger(to) || to < 0) return -ERRNO.EBADF;
      if (to < FIRST_FD) throw new NotSimulated(`dup2(${fd}, ${to})`, 'the standard streams are no files here');
      return fd === to ? fd : this.env.fds.replace(entry, closeOnExec, to);
    });
  }

  send(fd: number, to: ProcessDoor, { from = 0, closeOnExec = false }: DupOptions = {}): number {
    if (!(to instanceof EmbeddedDoor) || to.env.objects !== this.env.objects)
      throw new RangeError('descriptors are sent to processes of the same runtime');
    return this.#as(() => {
      const entry = this.#open(fd);
      if (typeof entry === 'number') return entry;
      return to.#as(() => to.env.fds.add(entry, closeOnExec, Math.max(from, FIRST_FD)));
    });
  }

  #open(fd: number): FdEntry | number {
    if (fd === 0 || fd === 1 || fd === 2)
      throw new NotSimulated(`descriptor ${fd}`, 'the standard streams are no files here');
    return this.env.fds.get(fd) ?? -ERRNO.EBADF;
  }

  closesOnExec(fd: number): boolean | number {
    return this.#as<boolean | number>(() => this.env.fds.get(fd)?.closeOnExec ?? -ERRNO.EBADF);
  }

  setCloseOnExec(fd: number, closeOnExec: boolean): number {
    return this.#as(() => this.env.fds.setCloseOnExec(fd, closeOnExec));
  }

  exec(): void {
    this.#as(() => this.env.fds.exec());
  }

  fork(child: Task): ProcessDoor {
    const door = this.parts.doorOf(child);
    if (door.env.fds === this.env.fds) throw new RangeError(`task ${child.pid} is a thread of the process itself`);
    if (door.env.fds.open.length > 0) throw new RangeError(`the process of task ${child.pid} has descriptors already`);
    for (const [fd, entry] of this.env.fds.open) door.env.fds.replace(entry, entry.closeOnExec, fd);
    return door;
  }

  kernelBtf(): Btf | undefined {
    return this.env.vmlinux();
  }
}

/** CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON and CAP_BPF of a task, over what belongs to the first namespace of users. */
export function capsOf({ capabilities, userNamespace }: Task): Caps {
  const has = (bit: bigint): boolean => userNamespace.level === 0 && ((capabilities >> bit) & 1n) === 1n;
  return { netAdmin: has(12n), sysAdmin: has(21n), perfmon: has(38n), bpf: has(39n) };
}
