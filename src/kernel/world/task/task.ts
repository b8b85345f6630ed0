/** A task of the simulated kernel: its identity, its task_struct, and what it runs. */
import type { Cgroup } from '../cgroup/cgroup.ts';
import type { StructInput, StructView } from '../struct-view.ts';
import type { AddressSpace } from '../user/address-space.ts';
import type { PidNamespace, UserNamespace } from './namespaces.ts';
import { PF, type TaskIds } from './current.ts';
import type { SignalSpec, TaskSignals } from './signals.ts';
import type { ThreadGroup } from './thread-group.ts';

/** A new task. */
export interface TaskSpec {
  readonly pid: number;
  /** The process that it belongs to. Default: `pid`, one of its own. */
  readonly tgid?: number;
  /** Its name; 15 bytes of it are kept. Default: `task`. */
  readonly comm?: string;
  /** Default: 0. */
  readonly uid?: number;
  readonly gid?: number;
  /** Default: the task that the runtime began with. */
  readonly parent?: Task;
  /** Default: the parent's. */
  readonly cgroup?: Cgroup;
  /** Default: that of the threads of its process, or the parent's. */
  readonly pidNamespace?: PidNamespace;
  /** Its numbers in the namespaces of pids below the first one, down to its own. Default: the next that are free. */
  readonly nsPids?: readonly number[];
  /** Default: the parent's. */
  readonly userNamespace?: UserNamespace;
  /** CAP_* as bits, those that it may have and has. Default: all for uid 0, none for others. */
  readonly capabilities?: bigint;
  /** Nanoseconds of the guest's clock. Default: now. */
  readonly startTime?: bigint;
  /** It has no memory of a process: programs reach none in it. Default: so it is for pid 0, which is idle. */
  readonly kernelThread?: boolean;
  /** It runs the last of its life: it gets no signals, and nobody writes to its memory. */
  readonly exiting?: boolean;
  /** What it does with signals. */
  readonly signals?: SignalSpec;
  /** Registers that it entered the kernel with, by their names in struct pt_regs. A system call of it brings its own. */
  readonly registers?: { readonly [register: string]: StructInput };
  /** Other members of its task_struct, by their names. */
  readonly fields?: { readonly [member: string]: StructInput };
}

/** What a task needs of those that it belongs to. */
export interface TaskOwner {
  structOf(task: Task): StructView;
  signalsOf(task: Task): TaskSignals;
  run<T>(task: Task, fn: () => T): T;
  end(task: Task): void;
}

/** A task as it begins: nothing is left to defaults that come from others. */
export interface TaskParts extends TaskSpec {
  readonly cgroup: Cgroup;
  readonly threadGroup: ThreadGroup;
  readonly pids: readonly number[];
  readonly pidNamespace: PidNamespace;
  readonly userNamespace: UserNamespace;
  readonly startTime: bigint;
}

/** CAP_CHOWN to CAP_CHECKPOINT_RESTORE. */
const ALL_CAPABILITIES = (1n << 41n) - 1n;

/** A task of the simulated kernel: what it is never changes, {@link TaskSpec} says it; `world.task` makes one. */
export class Task implements Disposable {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  readonly uid: number;
  readonly gid: number;
  readonly parent: Task | undefined;
  readonly cgroup: Cgroup;
  readonly kernelThread: boolean;
  readonly exiting: boolean;
  /** Its numbers, from the first namespace of pids down to its own: `pid` is the first. */
  readonly pids: readonly number[];
  readonly pidNamespace: PidNamespace;
  readonly userNamespace: UserNamespace;
  readonly capabilities: bigint;
  readonly startTime: bigint;
  /** What it shares with the threads of its group. */
  readonly threadGroup: ThreadGroup;
  /** Signals that programs sent to it. */
  readonly signals: TaskSignals;
  readonly fields: TaskSpec['fields'];
  readonly registers: TaskSpec['registers'];
  readonly signalSpec: SignalSpec;
  readonly #owner: TaskOwner;

  constructor(owner: TaskOwner, spec: TaskParts) {
    this.#owner = owner;
    this.pid = spec.pid;
    this.tgid = spec.tgid ?? spec.pid;
    this.comm = spec.comm ?? 'task';
    this.uid = spec.uid ?? 0;
    this.gid = spec.gid ?? 0;
    this.parent = spec.parent;
    this.cgroup = spec.cgroup;
    this.kernelThread = spec.kernelThread ?? spec.pid === 0;
    this.exiting = spec.exiting ?? false;
    this.threadGroup = spec.threadGroup;
    this.pids = spec.pids;
    this.pidNamespace = spec.pidNamespace;
    this.userNamespace = spec.userNamespace;
    this.capabilities = spec.capabilities ?? (this.uid === 0 ? ALL_CAPABILITIES : 0n);
    this.startTime = spec.startTime;
    this.fields = spec.fields;
    this.registers = spec.registers;
    this.signalSpec = spec.signals ?? {};
    this.signals = owner.signalsOf(this);
  }

  get ids(): TaskIds {
    const { pid, tgid, uid, gid, comm, cgroup } = this;
    return { pid, tgid, uid, gid, comm, cgroupId: cgroup.id };
  }

  /** PF_* of its task_struct. */
  get flags(): number {
    return (this.kernelThread ? PF.KTHREAD : 0) | (this.exiting ? PF.EXITING : 0);
  }

  /** The memory of its process. Throws RangeError for a kernel thread. */
  get memory(): AddressSpace {
    if (this.kernelThread) throw new RangeError(`task ${this.pid} is a kernel thread: it has no memory of its own`);
    return this.threadGroup.memory;
  }

  /** Its task_struct in guest memory, with credentials, parent, namespaces and control groups. Throws MissingTypes without kernel types. */
  get struct(): StructView {
    return this.#owner.structOf(this);
  }

  /** Makes it the current task while `fn` runs: what `fn` calls runs as it. Gives what `fn` gives. */
  run<T>(fn: () => T): T {
    return this.#owner.run(this, fn);
  }

  /** It ends: its pid is free, and its structs go when no program can reach them. */
  [Symbol.dispose](): void {
    this.#owner.end(this);
  }
}
