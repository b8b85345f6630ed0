/** Tasks as events describe them: the one that is there, or a new one in its place. */
import type { StructInput } from '../struct-view.ts';
import type { World } from '../world.ts';
import type { SignalSpec } from './signals.ts';
import type { Task, TaskSpec } from './task.ts';

/** The task of an event: made when it is new, or changed. */
export interface EventTask {
  readonly pid: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Pid of its parent. */
  readonly ppid?: number;
  /** Path of its control group. */
  readonly cgroup?: string;
  /** Inode number of its namespace of pids, which is made in the first one when it is new. A task stays in its namespace. */
  readonly pidNamespace?: number;
  /** Its numbers there and above, but for the first. */
  readonly nsPids?: readonly number[];
  /** Inode number of its namespace of users, which is made in the first one when it is new. */
  readonly userNamespace?: number;
  /** CAP_* as bits. */
  readonly capabilities?: number | bigint;
  /** Nanoseconds of the guest's clock. */
  readonly startTime?: number | bigint;
  readonly kernelThread?: boolean;
  readonly exiting?: boolean;
  readonly signals?: SignalSpec;
  /** What lies in the memory of its process from now on, by address: text with a NUL behind it, or bytes. Its pages are made. */
  readonly memory?: { readonly [address: string]: string | readonly number[] };
  /** Other members of its task_struct. */
  readonly fields?: { readonly [member: string]: StructInput };
}

/** A task that cannot be as an event has it. */
export class WrongTask extends Error {}

const MEMBERS: ReadonlySet<string> = new Set([
  ...['pid', 'tgid', 'comm', 'uid', 'gid', 'ppid', 'cgroup', 'fields', 'pidNamespace', 'nsPids', 'userNamespace'],
  ...['capabilities', 'startTime', 'kernelThread', 'exiting', 'signals', 'memory'],
]);

/** Members that say nothing new when they are what the task has. */
const SAME = [
  ...(['tgid', 'comm', 'uid', 'gid', 'parent', 'cgroup', 'pidNamespace', 'userNamespace'] as const),
  ...(['capabilities', 'startTime', 'kernelThread', 'exiting'] as const),
] as const;

/** Throws WrongTask for what no task can be. */
export function eventTask(world: World, given: EventTask): Task {
  if (typeof (given as unknown) !== 'object' || (given as unknown) === null || !Number.isInteger(given.pid))
    throw new WrongTask('task needs a pid');
  for (const key of Object.keys(given)) if (!MEMBERS.has(key)) throw new WrongTask(`task has an unknown member ${key}`);
  const { tasks } = world;
  const known = tasks.get(given.pid);
  try {
    const spec = specOf(world, given);
    const task = known === undefined ? tasks.make({ ...spec, pid: given.pid }) : changed(world, known, spec);
    if (given.memory !== undefined) place(task, given.memory);
    return task;
  } catch (error) {
    if (error instanceof RangeError) throw new WrongTask(error.message);
    throw error;
  }
}

function specOf(world: World, given: EventTask): Omit<TaskSpec, 'pid'> {
  const { pid, ppid, cgroup, memory: _, pidNamespace, userNamespace, capabilities, startTime, ...rest } = given;
  const { tasks } = world;
  if (cgroup !== undefined && typeof (cgroup as unknown) !== 'string') throw new WrongTask('cgroup of task is no path');
  const parent = ppid === undefined || ppid === pid ? undefined : (tasks.get(ppid) ?? tasks.make({ pid: ppid }));
  const { namespaces } = tasks;
  const users =
    userNamespace === undefined
      ? undefined
      : (namespaces.findUser(userNamespace) ?? namespaces.makeUser({ inode: userNamespace }));
  const pids =
    pidNamespace === undefined
      ? undefined
      : (namespaces.findPid(pidNamespace) ??
        namespaces.makePid({ inode: pidNamespace, ...(users === undefined ? {} : { userNamespace: users }) }));
  return {
    ...rest,
    ...(parent === undefined ? {} : { parent }),
    ...(cgroup === undefined ? {} : { cgroup: world.cgroup(cgroup) }),
    ...(pids === undefined ? {} : { pidNamespace: pids }),
    ...(users === undefined ? {} : { userNamespace: users }),
    ...(capabilities === undefined ? {} : { capabilities: wholeNumber('capabilities', capabilities) }),
    ...(startTime === undefined ? {} : { startTime: wholeNumber('startTime', startTime) }),
  };
}

function wholeNumber(name: string, value: number | bigint): bigint {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return BigInt(value);
  throw new WrongTask(`${name} of task is ${String(value)}, no whole number`);
}

function changed({ tasks }: World, task: Task, spec: Omit<TaskSpec, 'pid'>): Task {
  const numbers = spec.nsPids?.every((number, i) => number === task.pids[i + 1]) ?? true;
  const others = spec.fields === undefined && spec.signals === undefined;
  const same = others && numbers && SAME.every((name) => spec[name] === undefined || spec[name] === task[name]);
  return same ? task : tasks.replace(task, spec);
}

function place(task: Task, memory: EventTask['memory']): void {
  if (typeof (memory as unknown) !== 'object' || memory === null || Array.isArray(memory))
    throw new WrongTask('memory of task is no object of addresses');
  for (const [address, content] of Object.entries(memory ?? {})) {
    if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(address))
      throw new WrongTask(`memory of task: ${address} is no address`);
    const bytes = typeof content === 'string' ? content : Uint8Array.from(content, byteOf);
    task.memory.put(BigInt(address), bytes);
  }
}

function byteOf(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xff) return value as number;
  throw new WrongTask(`memory of task: ${String(value)} is no byte`);
}
