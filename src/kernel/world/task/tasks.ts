/** The tasks of the simulated kernel by pid, and which one runs. */
import { type Restore, saveAll, saveMap, type Saved } from '../../mem/saved.ts';
import type { Cgroup, Cgroups } from '../cgroup/cgroup.ts';
import { MissingTypes } from '../layouts.ts';
import { checkTaskSpec } from './check-spec.ts';
import type { Structs, StructView } from '../struct-view.ts';
import type { CurrentTask, TaskIds } from './current.ts';
import { KernelStack } from './kernel-stack.ts';
import { Namespaces, type PidNamespace } from './namespaces.ts';
import { SIGNAL_RECORD_BYTES, TaskSignals } from './signals.ts';
import { type ThreadGroup, ThreadGroups, zeros } from './thread-group.ts';
import { Task, type TaskOwner, type TaskSpec } from './task.ts';
import { type TaskStructs, taskStructs } from './task-struct.ts';

/** What tasks are made of. */
export interface TasksParts {
  readonly structs: Structs;
  readonly cgroups: Cgroups;
  readonly current: CurrentTask;
  /** The guest's clock. */
  readonly now: () => bigint;
}

export class Tasks implements Saved, TaskOwner {
  readonly #structs: Structs;
  readonly #current: CurrentTask;
  readonly #cgroups: Cgroups;
  readonly #byPid = new Map<number, Task>();
  readonly #made = new Map<Task, TaskStructs>();
  readonly #groups: ThreadGroups;
  readonly #now: () => bigint;
  /** Namespaces that tasks live in. */
  readonly namespaces: Namespaces;
  readonly #stacks = new Map<Task, KernelStack>();
  readonly #records = new Map<Task, number>();
  #initMm: StructView | undefined;
  /** Those that run inside of each other, the innermost last. */
  #running: readonly Task[];

  /** @param first the task that runs when the runtime begins, as the host says */
  constructor(parts: TasksParts, first: TaskIds) {
    const { structs, cgroups, current } = parts;
    this.#structs = structs;
    this.#current = current;
    this.#cgroups = cgroups;
    this.#now = parts.now;
    this.namespaces = new Namespaces(structs);
    this.#groups = new ThreadGroups(structs.env, this.namespaces);
    this.#running = [this.#add({ ...first, cgroup: cgroups.ofId(first.cgroupId) })];
    this.#switch(this.#running);
    current.whenAsked(() => this.#addressOf(this.current));
  }

  /** The task that runs now. */
  get current(): Task {
    return this.#running[this.#running.length - 1];
  }

  /** A task by its pid; undefined when there is none. */
  get(pid: number): Task | undefined {
    return this.#byPid.get(pid);
  }

  /** A task by its number in a namespace of pids; undefined when none has it there. */
  find(number: number, namespace: PidNamespace): Task | undefined {
    if (namespace.level === 0) return this.#byPid.get(number);
    for (const task of this.#byPid.values())
      if (task.pids[namespace.level] === number && namespace.holds(task.pidNamespace)) return task;
    return undefined;
  }

  /** Called with each process whose last thread has ended. */
  whenEnded(call: (group: ThreadGroup) => void): void {
    this.#groups.whenEnded = call;
  }

  /** Whether a task is in a control group itself. */
  inCgroup(group: Cgroup): boolean {
    return [...this.#byPid.values()].some(({ cgroup }) => cgroup === group);
  }

  /** Pids in use, in their order. */
  get pids(): readonly number[] {
    return [...this.#byPid.keys()].sort((a, b) => a - b);
  }

  /** A new task. Throws RangeError for a pid that is in use, and for members that no task can have. */
  make(spec: TaskSpec): Task {
    checkTaskSpec(spec);
    const { pid } = spec;
    if (this.#byPid.has(pid)) throw new RangeError(`pid ${pid} is in use`);
    const parent = spec.parent ?? this.#byPid.values().next().value;
    return this.#add({
      ...spec,
      ...(parent === undefined ? {} : { parent }),
      cgroup: spec.cgroup ?? parent?.cgroup ?? this.#cgroups.root,
    });
  }

  /** Another task in the place of one: what is not said stays as it was. It runs when that one ran. Throws as {@link make}. */
  replace(task: Task, spec: Omit<TaskSpec, 'pid'>): Task {
    checkTaskSpec({ ...spec, pid: task.pid });
    const { parent, registers } = task;
    const before = {
      ...{ pid: task.pid, tgid: task.tgid, comm: task.comm, uid: task.uid, gid: task.gid, cgroup: task.cgroup },
      ...{ kernelThread: task.kernelThread, exiting: task.exiting, signals: task.signalSpec },
      ...{ pidNamespace: task.pidNamespace, userNamespace: task.userNamespace, startTime: task.startTime },
      ...(parent === undefined ? {} : { parent }),
      ...(registers === undefined ? {} : { registers }),
      ...(spec.uid === undefined || spec.uid === task.uid ? { capabilities: task.capabilities } : {}),
    };
    // A thread keeps its numbers; those of a leader are its process's.
    const own = task.pid === task.tgid ? undefined : task.pids;
    if (own !== undefined) this.namespaces.free(own, task.pidNamespace);
    let made: Task;
    try {
      made = this.#add({
        ...before,
        ...(own === undefined ? {} : { nsPids: own.slice(1) }),
        ...spec,
        cgroup: spec.cgroup ?? task.cgroup,
      });
    } catch (error) {
      if (own !== undefined) this.namespaces.take(task.pid, task.pidNamespace, own.slice(1));
      throw error;
    }
    const old = this.#made.get(task);
    this.#made.delete(task);
    this.#switch(this.#running.map((running) => (running === task ? made : running)));
    old?.[Symbol.dispose]();
    this.#leave(task, false);
    return made;
  }

  #add(spec: TaskSpec & { readonly cgroup: Cgroup }): Task {
    const { pid, tgid = pid, parent, nsPids } = spec;
    const { namespaces } = this;
    const siblings = this.#groups.get(tgid)?.pidNamespace;
    const pidNamespace = spec.pidNamespace ?? siblings ?? parent?.pidNamespace ?? namespaces.firstPid;
    const userNamespace = spec.userNamespace ?? parent?.userNamespace ?? namespaces.firstUser;
    const threadGroup = this.#groups.enter(tgid, pidNamespace, pid === tgid ? nsPids : undefined);
    let pids: readonly number[];
    try {
      pids = pid === tgid ? threadGroup.pids : namespaces.take(pid, pidNamespace, nsPids);
    } catch (error) {
      this.#groups.leave(threadGroup);
      throw error;
    }
    const startTime = spec.startTime ?? this.#now();
    const task = new Task(this, { ...spec, threadGroup, pids, pidNamespace, userNamespace, startTime });
    this.#byPid.set(pid, task);
    return task;
  }

  structOf(task: Task): StructView {
    return this.#structsOf(task).task;
  }

  #structsOf(task: Task): TaskStructs {
    let made = this.#made.get(task);
    if (made === undefined) {
      if (this.#byPid.get(task.pid) !== task) throw new RangeError(`task ${task.pid} has ended`);
      const others = {
        parent: task.parent === undefined ? undefined : this.structOf(task.parent),
        leader: this.#leaderOf(task),
        cgroup: task.cgroup.struct,
        mm: this.#mmOf(task),
        stack: this.#stackFor(task),
      };
      made = taskStructs(this.#structs, this.namespaces, task, others);
      this.#made.set(task, made);
    }
    return made;
  }

  signalsOf(task: Task): TaskSignals {
    const { env } = this.#structs;
    const thread = zeros(env, SIGNAL_RECORD_BYTES);
    this.#records.set(task, thread);
    return new TaskSignals(env.mem, { thread, group: task.threadGroup.signals }, task.signalSpec, isInit(task));
  }

  /** The registers that the task that runs entered the kernel with, which its struct leads to from now on. */
  entry(): StructView {
    const task = this.current;
    const known = this.#stacks.get(task);
    if (known !== undefined) return known.registers;
    const stack = new KernelStack(this.#structs);
    this.#stacks.set(task, stack);
    this.#made.get(task)?.task.set({ stack: stack.base });
    return stack.registers;
  }

  /** The stack of a task whose registers are known: a kernel thread has entered with none. */
  #stackFor(task: Task): number | null {
    const known = this.#stacks.get(task);
    if (known !== undefined) return known.base;
    if (!task.kernelThread && task.registers === undefined) return null;
    const stack = new KernelStack(this.#structs);
    this.#stacks.set(task, stack);
    stack.registers.set(task.registers ?? {});
    return stack.base;
  }

  /** Kernel threads borrow the kernel's own. */
  #mmOf(task: Task): StructView {
    if (!task.kernelThread) return task.threadGroup.mm(this.#structs);
    this.#initMm ??= this.#structs.make('mm_struct');
    return this.#initMm;
  }

  #leaderOf(task: Task): StructView | undefined {
    const leader = task.tgid === task.pid ? undefined : this.#byPid.get(task.tgid);
    return leader === undefined ? undefined : this.structOf(leader);
  }

  #addressOf(task: Task): number {
    try {
      return this.structOf(task).addr;
    } catch (error) {
      // Without types there is no struct, and a program gets none.
      if (error instanceof MissingTypes) return 0;
      throw error;
    }
  }

  run<T>(task: Task, fn: () => T): T {
    if (this.#byPid.get(task.pid) !== task) throw new RangeError(`task ${task.pid} has ended`);
    this.#switch([...this.#running, task]);
    try {
      return fn();
    } finally {
      this.#switch(this.#running.slice(0, -1));
    }
  }

  #switch(running: readonly Task[]): void {
    this.#running = running;
    const task = this.current;
    this.#current.set(task.ids, {
      struct: this.#made.get(task)?.task.addr ?? 0,
      group: task.cgroup.record,
      space: task.kernelThread ? 0 : task.threadGroup.memory.record,
      flags: task.flags,
      threadSignals: this.#records.get(task) ?? 0,
      groupSignals: task.threadGroup.signals,
      namespace: task.pidNamespace.inode,
      nsPid: task.pids[task.pidNamespace.level],
      nsTgid: task.threadGroup.pids[task.pidNamespace.level],
    });
  }

  end(task: Task): void {
    if (this.#byPid.get(task.pid) !== task) return;
    if (this.#running.includes(task)) throw new RangeError(`task ${task.pid} runs: it cannot end`);
    this.#byPid.delete(task.pid);
    const made = this.#made.get(task);
    this.#made.delete(task);
    made?.[Symbol.dispose]();
    this.#leave(task, true);
  }

  /** @param ended whether its numbers are free from now on */
  #leave(task: Task, ended: boolean): void {
    if (ended && task.pid !== task.tgid) this.namespaces.free(task.pids, task.pidNamespace);
    this.#groups.leave(task.threadGroup);
    this.#stacks.get(task)?.[Symbol.dispose]();
    this.#stacks.delete(task);
    const record = this.#records.get(task);
    const { heap, rcu } = this.#structs.env;
    if (record !== undefined) rcu.call(() => heap.free(record));
    this.#records.delete(task);
  }

  save(): Restore {
    const maps = saveAll([
      { save: () => saveMap(this.#byPid) },
      { save: () => saveMap(this.#made) },
      { save: () => saveMap(this.#stacks) },
      { save: () => saveMap(this.#records) },
      this.#groups,
      this.namespaces,
    ]);
    const [running, initMm] = [this.#running, this.#initMm];
    return () => {
      maps();
      this.#running = running;
      this.#initMm = initMm;
    };
  }
}

/** Whether it is the first process of a namespace below the first one. */
const isInit = ({ pidNamespace: { level }, threadGroup }: Task): boolean => level > 0 && threadGroup.pids[level] === 1;
