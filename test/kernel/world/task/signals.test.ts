/** Signals of tasks: which vanish, which wait, and in which order they are taken; registers of the kernel's entry. */
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../../src/kernel/boot/runtime.ts';
import type { Task, TaskSpec } from '../../../../src/kernel/world/task/task.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import { fixtures } from '../../../proofs/scenarios/stage.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const EPERM = -1n;

class Bench implements Disposable {
  readonly runtime: Runtime = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });
  readonly object = parseObject(fixtures('process')).load(this.runtime, { kernelBtf: kernelBtf() });

  constructor(program = 'act') {
    this.object.program(program).attach();
  }

  task(spec: Omit<TaskSpec, 'pid'> = {}): Task {
    return this.runtime.world.task({ pid: 10, ...spec });
  }

  /** A task sends a signal to itself: what the helper gave. */
  send(task: Task, sig: number, mode = 5): bigint {
    this.object.variable('sig').setVariable('sig', sig);
    task.run(() => this.runtime.world.trace.syscalls.run('access', [0, 0x1000 + mode]));
    return (this.object.variable('seen').getVariable('seen') as { ret: bigint }).ret;
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

const numbers = (task: Task): readonly number[] => task.signals.pending.map(({ signal }) => signal);

describe('a signal', () => {
  test.each([
    [{ kernelThread: true }, 'a kernel thread'],
    [{ exiting: true }, 'a task that exits'],
  ])('does not reach %j: %s', (spec, _) => {
    using b = new Bench();
    const task = b.task(spec);
    expect(b.send(task, 10)).toBe(EPERM);
    expect(numbers(task)).toEqual([]);
  });

  test('does not reach the first process', () => {
    using b = new Bench();
    expect(b.send(b.runtime.world.tasks.current, 9)).toBe(EPERM);
  });

  test('vanishes when it is ignored, and waits when it is blocked', () => {
    using b = new Bench();
    const task = b.task({ signals: { ignored: [10, 12, 9], blocked: [12, 19], handled: [17] } });
    for (const sig of [10, 12, 9, 19, 17, 18, 15]) b.send(task, sig);
    expect(numbers(task)).toEqual([9, 12, 15, 17, 19]);
    expect(Array.from({ length: 5 }, () => task.signals.take()?.signal)).toEqual([9, 15, 17, 19, undefined]);
    expect(task.signals.wait([12])).toEqual({ signal: 12, to: 'group' });
  });

  test('is of one task or of all of a group', () => {
    using b = new Bench();
    const task = b.task();
    const thread = b.runtime.world.task({ pid: 11, tgid: 10 });
    b.send(task, 10, 6);
    b.send(thread, 12);
    expect(task.signals.pending).toEqual([
      { signal: 10, to: 'thread' },
      { signal: 12, to: 'group' },
    ]);
    expect(thread.signals.take()).toEqual({ signal: 12, to: 'group' });
    expect(numbers(task)).toEqual([10]);
    expect(numbers(thread)).toEqual([]);
  });

  test('is in a snapshot', () => {
    using b = new Bench();
    const task = b.task();
    b.send(task, 10);
    using snapshot = b.runtime.snapshot();
    task.signals.take();
    b.send(task, 12);
    b.runtime.restore(snapshot);
    expect(numbers(task)).toEqual([10]);
  });
});

test.each([
  [{ blocked: [0] }, 'blocked signals of task 10: 0 is not in 1..64'],
  [{ handled: [65] }, 'handled signals of task 10: 65'],
  [{ ignored: 'all' }, 'ignored signals of task 10 are no list'],
  [{ caught: [1] }, 'signals of task 10: no caught'],
])('signals %j are refused', (signals, message) => {
  using runtime = createRuntime({ memory: 16 << 20 });
  expect(() => runtime.world.task({ pid: 10, signals: signals as never })).toThrow(message);
  expect(runtime.world.tasks.pids).toEqual([1]);
});

describe('registers', () => {
  const words = (b: Bench): readonly bigint[] =>
    (b.object.variable('seen').getVariable('seen') as { words: bigint[] }).words.slice(0, 5);
  const enter = (b: Bench): void => b.runtime.world.trace.hit('sys_enter', { regs: 0n, id: 21 });

  test('of a task that has entered the kernel with none', () => {
    using b = new Bench('registers');
    expect(() => b.task().run(() => enter(b))).toThrow('task 10 has made no system call and was given no registers');
  });

  test('that were given', () => {
    using b = new Bench('registers');
    b.task({ registers: { di: 7, si: 0x1005 } }).run(() => enter(b));
    expect(words(b)).toEqual([7n, 0x1005n, 0n, 0n, 1n]);
  });

  test('of a kernel thread are zero', () => {
    using b = new Bench('registers');
    const before = b.object.variable('seen').getVariable('seen') as { count: number };
    b.task({ kernelThread: true }).run(() => enter(b));
    expect((b.object.variable('seen').getVariable('seen') as { count: number }).count).toBe(before.count);
  });

  test('of a call inside of another are given back', () => {
    using b = new Bench('registers');
    const { syscalls } = b.runtime.world.trace;
    const seen: unknown[] = [];
    b.task().run(() =>
      syscalls.run('access', [1, 0x1000], () => {
        syscalls.run('access', [2, 0x1000]);
        seen.push(words(b)[0]);
        enter(b);
        seen.push(words(b)[0]);
        return 0;
      }),
    );
    expect(seen).toEqual([2n, 1n]);
  });
});

test('a task does not end while another runs inside of it', () => {
  using b = new Bench('registers');
  const [outer, inner] = [b.task(), b.runtime.world.task({ pid: 11 })];
  outer.run(() => inner.run(() => expect(() => outer[Symbol.dispose]()).toThrow('it cannot end')));
  outer[Symbol.dispose]();
  expect(b.runtime.world.tasks.get(10)).toBeUndefined();
});
