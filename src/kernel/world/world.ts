/** The simulated host of one runtime: its time, its devices. Programs see it through helpers and contexts; it knows nothing of them. */
import { NotSimulated } from '../../util/errors.ts';
import type { Restore, Saved } from '../mem/saved.ts';
import { saveAll } from '../mem/saved.ts';
import type { NetDevices } from './net/device.ts';
import type { StructInput, Structs, StructView } from './struct-view.ts';
import type { Cgroup, Cgroups } from './cgroup/cgroup.ts';
import type { PidNamespace, PidNamespaceSpec, UserNamespace, UserNamespaceSpec } from './task/namespaces.ts';
import type { Task, TaskSpec } from './task/task.ts';
import type { Tasks } from './task/tasks.ts';
import type { AreaSpec, UserBytes } from './user/address-space.ts';
import type { WorldTime } from './time/time.ts';
import type { Trace } from './trace/trace.ts';

/** What a runtime's programs live in. */
export class World implements Saved {
  /** The guest's clock, and what is to happen by it. */
  readonly time: WorldTime;
  /** Network devices by ifindex. */
  readonly devices: NetDevices;

  /** Kernel structs by the target's BTF. */
  readonly structs: Structs;
  /** Tasks by pid, and which one runs. */
  readonly tasks: Tasks;
  /** Control groups by path. */
  readonly cgroups: Cgroups;

  readonly #trace: Trace | undefined;

  constructor(parts: {
    readonly time: WorldTime;
    readonly devices: NetDevices;
    readonly structs: Structs;
    readonly tasks: Tasks;
    readonly cgroups: Cgroups;
    readonly trace: Trace | undefined;
  }) {
    this.time = parts.time;
    this.devices = parts.devices;
    this.structs = parts.structs;
    this.tasks = parts.tasks;
    this.cgroups = parts.cgroups;
    this.#trace = parts.trace;
  }

  /** Functions and tracepoints, which programs attach to. Throws NotSimulated in a kernel that only verifies. */
  get trace(): Trace {
    if (this.#trace === undefined) throw new NotSimulated('world.trace', 'a kernel that only verifies runs nothing');
    return this.#trace;
  }

  /**
   * Bytes, or text with its NUL, in the memory of the process that runs: what programs read there by user addresses, and system calls get
   * as pointers. That of another process is `memory.map` of its task.
   */
  user(content: string | Uint8Array, spec?: AreaSpec): UserBytes {
    return this.tasks.current.memory.map(content, spec);
  }

  /** A new task: {@link Tasks.make}. */
  task(spec: TaskSpec): Task {
    return this.tasks.make(spec);
  }

  /** A new namespace of pids: {@link Namespaces.makePid}. */
  pidNamespace(spec?: PidNamespaceSpec): PidNamespace {
    return this.tasks.namespaces.makePid(spec);
  }

  /** A new namespace of users: {@link Namespaces.makeUser}. */
  userNamespace(spec?: UserNamespaceSpec): UserNamespace {
    return this.tasks.namespaces.makeUser(spec);
  }

  /** A control group by its path, made where it is not there: {@link Cgroups.at}. */
  cgroup(path: string, id?: bigint): Cgroup {
    return this.cgroups.at(path, id);
  }

  /** Its time, devices, tasks and traces; structs are in the memory and in their owners' hands. */
  save(): Restore {
    const { time, devices, tasks, cgroups } = this;
    return saveAll([time, devices, tasks, cgroups, ...(this.#trace === undefined ? [] : [this.#trace])]);
  }

  /**
   * A kernel struct in guest memory, any that the kernel's BTF has: members by name, nested, in lists, by enumerator; text for arrays
   * of char and `char *`; other structs for pointers to them. Throws StructError, and MissingTypes without such a type.
   */
  struct(name: string, values?: { readonly [member: string]: StructInput }): StructView {
    return this.structs.make(name, values);
  }
}
