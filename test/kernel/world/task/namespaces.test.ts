/** Namespaces of pids and users: numbers of tasks in them, and what cannot be made. */
import { describe, expect, test } from 'vitest';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const kernel = () => createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });

describe('numbers', () => {
  test('are given in every namespace down to its own, and free again', () => {
    using runtime = kernel();
    const { world } = runtime;
    const outer = world.pidNamespace();
    const inner = world.pidNamespace({ parent: outer });
    const [a, b] = [world.task({ pid: 10, pidNamespace: inner }), world.task({ pid: 11, pidNamespace: inner })];
    const thread = world.task({ pid: 12, tgid: 10, parent: a });
    expect([a.pids, b.pids, thread.pids]).toEqual([
      [10, 1, 1],
      [11, 2, 2],
      [12, 3, 3],
    ]);
    expect(world.task({ pid: 13, parent: b, nsPids: [40, 7] }).pids).toEqual([13, 40, 7]);
    expect(() => world.task({ pid: 14, parent: b, nsPids: [40] })).toThrow(
      `pid 40 of namespace ${outer.inode} is in use`,
    );
    // What failed took nothing.
    expect(world.task({ pid: 14, parent: b, nsPids: [41] }).pids).toEqual([14, 41, 4]);
    b[Symbol.dispose]();
    expect(world.task({ pid: 15, pidNamespace: inner, nsPids: [2, 2] }).pids).toEqual([15, 2, 2]);
    // The number of a process stays while a thread of it is there.
    a[Symbol.dispose]();
    expect(() => world.task({ pid: 16, pidNamespace: inner, nsPids: [1] })).toThrow('is in use');
    thread[Symbol.dispose]();
    expect(world.task({ pid: 16, pidNamespace: inner, nsPids: [1, 1] }).pids).toEqual([16, 1, 1]);
  });

  test('stay with a task that is replaced', () => {
    using runtime = kernel();
    const { world } = runtime;
    const pidNamespace = world.pidNamespace();
    const leader = world.task({ pid: 10, pidNamespace });
    const thread = world.task({ pid: 11, tgid: 10, parent: leader });
    const named = world.tasks.replace(thread, { comm: 'named' });
    expect([named.pids, named.comm]).toEqual([[11, 2], 'named']);
    expect(() => world.tasks.replace(named, { nsPids: [1] })).toThrow('is in use');
    expect(world.task({ pid: 12, pidNamespace }).pids).toEqual([12, 3]);
    expect(() => world.tasks.replace(leader, { pidNamespace: world.pidNamespace() })).toThrow('lives in another');
    expect(() => world.tasks.replace(leader, { nsPids: [5] })).toThrow('process 10 has the numbers 1');
  });

  test('are in a snapshot', () => {
    using runtime = kernel();
    const { world } = runtime;
    const pidNamespace = world.pidNamespace();
    world.task({ pid: 10, pidNamespace });
    using snapshot = runtime.snapshot();
    const { inode } = world.pidNamespace();
    world.task({ pid: 11, pidNamespace });
    runtime.restore(snapshot);
    expect(world.task({ pid: 12, pidNamespace }).pids).toEqual([12, 2]);
    expect(world.pidNamespace().inode).toBe(inode);
  });
});

test('a task has the namespaces of its parent', () => {
  using runtime = kernel();
  const { world } = runtime;
  const userNamespace = world.userNamespace({ uid: 1000, gid: 100 });
  const pidNamespace = world.pidNamespace({ userNamespace });
  const parent = world.task({ pid: 10, uid: 1000, userNamespace, pidNamespace });
  const child = world.task({ pid: 11, parent, startTime: 77n });
  expect([child.userNamespace, child.pidNamespace]).toEqual([userNamespace, pidNamespace]);
  const ns = child.struct.follow('nsproxy')?.follow('pid_ns_for_children');
  expect(ns?.get('level')).toBe(1);
  expect(ns?.follow('user_ns')?.get('owner.val')).toBe(1000);
  expect(child.struct.follow('cred')?.follow('user_ns')?.addr).toBe(ns?.follow('user_ns')?.addr);
  expect(child.struct.get('start_boottime')).toBe(77n);
  expect(child.struct.follow('real_parent')?.addr).toBe(parent.struct.addr);
  // Kinds that nobody told of are those that the kernel began with: one for all.
  const mounts = [child, world.tasks.current].map((task) => task.struct.follow('nsproxy')?.follow('mnt_ns')?.addr);
  expect(mounts[0]).toBe(mounts[1]);
});

test("a kernel thread borrows memory that is nobody's", () => {
  using runtime = kernel();
  const { world } = runtime;
  const [kthread, user, other] = [{ pid: 2, kernelThread: true }, { pid: 10 }, { pid: 11 }].map((spec) =>
    world.task(spec),
  );
  expect([kthread.struct.get('mm'), kthread.struct.get('flags')]).toEqual([0n, 0x20_0000]);
  expect(kthread.struct.follow('active_mm')?.get('pgd')).toBe(0n);
  expect(user.struct.get('mm')).toBe(user.struct.get('active_mm'));
  expect(user.struct.get('mm')).not.toBe(other.struct.get('mm'));
});

test('what cannot be made', () => {
  using runtime = kernel();
  const { world } = runtime;
  const one = world.pidNamespace({ inode: 5 });
  for (const inode of [0, 0.5, 2 ** 32]) expect(() => world.pidNamespace({ inode })).toThrow('no inode number');
  for (const make of [() => world.userNamespace({ inode: 5 }), () => world.pidNamespace({ inode: 0xefff_fffc })])
    expect(make).toThrow('another namespace has the inode number');
  let at = one;
  for (let i = 1; i < 32; i++) at = world.pidNamespace({ parent: at });
  expect(() => world.pidNamespace({ parent: at })).toThrow('at most 32 deep');
  expect(world.task({ pid: 10, pidNamespace: at }).pids).toEqual([10, ...Array.from({ length: 32 }, () => 1)]);
  const thread = { pid: 11, tgid: 10 };
  expect(world.task(thread).pidNamespace).toBe(at);
  const pidNamespace = world.tasks.namespaces.firstPid;
  expect(() => world.task({ ...thread, pid: 12, pidNamespace })).toThrow('process 10 lives in another namespace');
});
