/** What a task is made of in guest memory: task_struct, credentials, namespaces, control groups. Members that a kernel lacks are left out. */
import { BTF_KIND } from '../../../btf/types.ts';
import type { StructInput, Structs, StructView } from '../struct-view.ts';
import { commBytes, COMM_LENGTH } from './current.ts';
import type { Namespaces } from './namespaces.ts';
import type { Task } from './task.ts';

/** The structs of one task. */
export interface TaskStructs extends Disposable {
  readonly task: StructView;
}

/** Structs of others that a task points to. */
interface Others {
  readonly parent: StructView | undefined;
  readonly leader: StructView | undefined;
  readonly cgroup: StructView | undefined;
  readonly mm: StructView;
  /** Guest address of its kernel stack, null when there is none. */
  readonly stack: number | null;
}

/** Makes them. */
export function taskStructs(structs: Structs, namespaces: Namespaces, task: Task, others: Others): TaskStructs {
  const { parent, leader, cgroup, mm, stack } = others;
  const made: StructView[] = [];
  const make = (name: string, values: Values): StructView | null => {
    const view = makeKnown(structs, name, values);
    if (view !== null) made.push(view);
    return view;
  };
  try {
    const cred = make('cred', {
      ...credentials(structs, task),
      user_ns: namespaces.userNamespaceStruct(task.userNamespace),
    });
    const pid = namespaces.pidStruct(task.pids, task.pidNamespace);
    made.push(pid);
    const view = structs.make('task_struct');
    made.push(view);
    const comm = new Uint8Array(COMM_LENGTH);
    comm.set(commBytes(task.comm));
    setKnown(structs, view, {
      pid: task.pid,
      tgid: task.tgid,
      comm,
      flags: task.flags,
      mm: task.kernelThread ? null : mm,
      active_mm: mm,
      stack,
      cred,
      real_cred: cred,
      parent: parent ?? view,
      real_parent: parent ?? view,
      group_leader: leader ?? view,
      thread_pid: pid,
      start_time: task.startTime,
      start_boottime: task.startTime,
      nsproxy: make('nsproxy', {
        ...namespaces.others(),
        pid_ns_for_children: namespaces.pidNamespaceStruct(task.pidNamespace),
      }),
      cgroups: cgroup === undefined ? null : make('css_set', { dfl_cgrp: cgroup }),
    });
    view.set(task.fields ?? {});
    return { task: view, [Symbol.dispose]: () => dispose(made) };
  } catch (error) {
    dispose(made);
    throw error;
  }
}

type Values = { readonly [member: string]: StructInput };

function dispose(made: readonly StructView[]): void {
  for (const view of made) view[Symbol.dispose]();
}

function credentials(structs: Structs, { uid, gid, capabilities }: Task): Values {
  const users = ['uid', 'suid', 'euid', 'fsuid'].map((name) => [name, { val: uid }] as const);
  const groups = ['gid', 'sgid', 'egid', 'fsgid'].map((name) => [name, { val: gid }] as const);
  // Before 6.3 they were two words.
  const { btf } = structs.types('cred');
  const whole = btf.memberOffset(structs.typeId('cred'), 'cap_effective.val') !== undefined;
  const set = whole ? { val: capabilities } : { cap: [capabilities & 0xffff_ffffn, capabilities >> 32n] };
  const caps = ['cap_effective', 'cap_permitted', 'cap_bset'].map((name) => [name, set] as const);
  return Object.fromEntries([...users, ...groups, ...caps]);
}

/** A struct with those values whose members it has; null when the kernel has no such struct. */
function makeKnown(structs: Structs, name: string, values: Values): StructView | null {
  if (structs.types(name).btf.find(name, BTF_KIND.STRUCT) === 0) return null;
  const view = structs.make(name);
  setKnown(structs, view, values);
  return view;
}

function setKnown(structs: Structs, view: StructView, values: Values): void {
  const members = structs.types(view.name).members(view.type);
  view.set(Object.fromEntries(Object.entries(values).filter(([name]) => members?.has(name) === true)));
}
