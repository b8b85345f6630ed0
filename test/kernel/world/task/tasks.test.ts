/** Tasks of the simulated kernel: which one runs, and what programs find behind its struct. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../../src/kernel/boot/runtime.ts';
import type { Collection } from '../../../../src/lib/collection.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/task.o');

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;

  constructor(options: RuntimeOptions = {}) {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual', ...options });
    this.object = parseObject(OBJECT).load(this.runtime, { kernelBtf: kernelBtf() });
  }

  get world() {
    return this.runtime.world;
  }

  look(): Record<string, unknown> {
    this.world.trace.hit('sched_switch', { prev: this.world.tasks.current.struct });
    return this.object.variable('seen').getVariable('seen') as Record<string, unknown>;
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('what a program sees of the task that runs', () => {
    using b = new Bench({ engine });
    b.object.program('look').attach();
    const cgroup = b.world.cgroup('/system.slice/ssh.service', 4242n);
    const sshd = b.world.task({ pid: 800, comm: 'sshd', cgroup });
    const sh = b.world.task({
      pid: 901,
      tgid: 900,
      comm: 'a-very-long-shell-name',
      uid: 1000,
      gid: 100,
      parent: sshd,
      fields: { exit_code: 256 },
    });
    expect(sh.run(() => b.look())).toMatchObject({
      pid_tgid: (900n << 32n) | 901n,
      uid_gid: (100n << 32n) | 1000n,
      cgroup: 4242n,
      ancestor: b.world.cgroup('/system.slice').id,
      node: 4242n,
      ppid: 800,
      // Its leader is not there.
      leader: 901,
      euid: 1000,
      mnt_ns: 0xefff_fff8,
      level: 2,
      exit_code: 256,
      comm: 'a-very-long-she',
      parent: 'sshd',
      group: 'ssh.service',
    });
    const leader = b.world.task({ pid: 900, comm: 'leader', parent: sshd });
    const thread = b.world.task({ pid: 902, tgid: 900, parent: sshd });
    expect(thread.run(() => b.look())).toMatchObject({ leader: leader.pid, cgroup: 4242n });
    expect(b.look()).toMatchObject({ pid_tgid: (1n << 32n) | 1n, comm: 'skep', ppid: 1, cgroup: 1n, level: 0 });
  });

  test('structs are walked by their types', () => {
    using b = new Bench({ engine });
    b.object.program('walk').attach();
    const init = b.world.tasks.current;
    const child = b.world.task({ pid: 7, parent: init });
    expect(child.run(() => b.look())).toMatchObject({ ppid: 1, leader: 7 });
  });
});

test('tasks run inside of each other, and an error gives the CPU back', () => {
  using b = new Bench();
  const { world } = b;
  const [one, two] = [world.task({ pid: 10 }), world.task({ pid: 11 })];
  const seen: number[] = [];
  one.run(() => {
    two.run(() => seen.push(world.tasks.current.pid));
    seen.push(world.tasks.current.pid);
  });
  expect(seen).toEqual([11, 10]);
  expect(() =>
    one.run(() => {
      throw new Error('boom');
    }),
  ).toThrow('boom');
  expect(world.tasks.current.pid).toBe(1);
});

test('pids are used once at a time, and a task that ended is not run', () => {
  using b = new Bench();
  const { world } = b;
  const task = world.task({ pid: 10 });
  expect(() => world.task({ pid: 10 })).toThrow('pid 10 is in use');
  for (const pid of [-1, 1.5, 2 ** 23]) expect(() => world.task({ pid })).toThrow(RangeError);
  expect(() => task.run(() => task[Symbol.dispose]())).toThrow('it cannot end');
  const { struct } = task;
  task[Symbol.dispose]();
  expect(() => struct.get('pid')).toThrow(/disposed/);
  expect(() => task.run(() => 0)).toThrow('has ended');
  expect(world.tasks.pids).toEqual([1]);
  world.task({ pid: 10, comm: 'again' });
  expect(world.tasks.get(10)?.comm).toBe('again');
});

test('a snapshot keeps tasks, and which of them ran', () => {
  using b = new Bench();
  b.object.program('look').attach();
  const task = b.world.task({ pid: 10, comm: 'kept' });
  task.run(() => b.look());
  const snapshot = b.runtime.snapshot();
  b.world.task({ pid: 11 });
  task[Symbol.dispose]();
  b.runtime.restore(snapshot);
  expect(b.world.tasks.pids).toEqual([1, 10]);
  expect(task.run(() => b.look())).toMatchObject({ comm: 'kept' });
});

test('without types of the kernel a program gets no task_struct', () => {
  using runtime = createRuntime({ memory: 16 << 20 });
  expect(runtime.world.task({ pid: 5 }).run(() => runtime.world.tasks.current.pid)).toBe(5);
  expect(() => runtime.world.tasks.current.struct).toThrow('no kernel BTF');
});
