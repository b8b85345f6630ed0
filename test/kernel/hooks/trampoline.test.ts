/** Programs on functions and tracepoints of the simulated kernel: who is called, in which order, with what, and what a verdict does. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Engine, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import type { Link } from '../../../src/lib/attach/link.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { UnknownTarget } from '../../../src/kernel/world/trace/unknown-target.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/trace.o');

interface Note {
  readonly id: number;
  readonly arg: number;
  readonly cookie: bigint;
}

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;

  constructor(engine: Engine, programs: readonly string[]) {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, clock: 'virtual' });
    this.object = parseObject(OBJECT).load(this.runtime, { programs, kernelBtf: kernelBtf() });
  }

  attach(name: string, cookie?: bigint): Link {
    return this.object.program(name).attach(cookie === undefined ? {} : { cookie });
  }

  get trace() {
    return this.runtime.world.trace;
  }

  set(name: string, value: number): void {
    this.object.variable(name).setVariable(name, value);
  }

  /** What was noted since it was last asked. */
  notes(): Note[] {
    const map = this.object.variable('seen');
    const count = Number(this.object.variable('count').getVariable('count'));
    const all = (map.getVariable('seen') as unknown as Note[]).slice(0, count);
    this.set('count', 0);
    return all;
  }

  get order(): number[] {
    return this.notes().map(({ id }) => id);
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('the newest is called first, at entry and at exit', () => {
    using b = new Bench(engine, ['entry1', 'entry2', 'exit11', 'exit12']);
    for (const name of ['entry1', 'entry2', 'exit11', 'exit12']) b.attach(name);
    expect(b.trace.call('bpf_fentry_test1', { a: 1 }, () => 2)).toBe(2);
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [2, 1],
      [1, 1],
      [12, 2],
      [11, 2],
    ]);
  });

  test('arguments of all kinds, and cookies', () => {
    using b = new Bench(engine, ['entry6']);
    b.attach('entry6', 0x1234_5678_9abc_def0n);
    b.trace.call('bpf_fentry_test6', [16n, 17, 18, -19, 20, 0xffff_ffff_0000_0015n]);
    expect(b.notes()).toEqual(
      [16, 17, 18, -19 >>> 0, 20, 0x15].map((arg) => ({ id: 6, arg, cookie: 0x1234_5678_9abc_def0n })),
    );
  });

  test('a result that is put in place of the function ends what would be called before it', () => {
    using b = new Bench(engine, ['modify21', 'modify22', 'modify_entry', 'modify_exit']);
    for (const name of ['modify21', 'modify22', 'modify_entry', 'modify_exit']) b.attach(name);
    let calls = 0;
    const original = (): number => {
      calls++;
      return 4;
    };
    expect(b.trace.call('bpf_modify_return_test', { a: 1 }, original)).toBe(4);
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [23, 1],
      [22, 0],
      [21, 0],
      [24, 4],
    ]);
    b.set('replace', -22);
    expect(b.trace.call('bpf_modify_return_test', { a: 1 }, original)).toBe(-22);
    expect(b.order).toEqual([23, 22, 24]);
    expect(calls).toBe(1);
  });

  test('tracepoints call in the order of attachment', () => {
    using b = new Bench(engine, ['raw', 'typed']);
    b.attach('typed', 7n);
    b.attach('raw');
    const task = b.runtime.world.struct('task_struct', { pid: 42, comm: 'sh' });
    b.trace.hit('task_rename', { task, comm: 'ls' });
    expect(b.notes()).toEqual([
      { id: 32, arg: 42, cookie: 7n },
      { id: 31, arg: 1, cookie: 0n },
    ]);
  });

  test('LSM programs decide', () => {
    using b = new Bench(engine, ['unlink']);
    const link = b.attach('unlink');
    expect(b.trace.call('bpf_lsm_inode_unlink', {}, () => 0)).toBe(0);
    b.set('replace', -1);
    expect(b.trace.call('bpf_lsm_inode_unlink', {}, () => 0)).toBe(-1);
    link.close();
    expect(b.trace.call('bpf_lsm_inode_unlink', {}, () => 0)).toBe(0);
    expect(b.order).toEqual([41, 41]);
  });

  test('links: ids, information, and the end at the last descriptor', () => {
    using b = new Bench(engine, ['entry1', 'raw']);
    const link = b.attach('entry1', 5n);
    const raw = b.attach('raw');
    expect(link.info()).toMatchObject({ id: 1, type: 2, progId: b.object.program('entry1').id });
    expect(raw.info()).toMatchObject({ id: 2, type: 1 });
    expect(() => b.attach('entry1')).toThrow(/EBUSY/);
    expect(() => link.detach()).toThrow(/EOPNOTSUPP/);
    expect(() => link.update(b.object.program('entry1'))).toThrow(/EINVAL/);
    b.object.program('entry1').close();
    b.trace.call('bpf_fentry_test1', { a: 3 });
    expect(b.order).toEqual([1]);
    link.close();
    b.trace.call('bpf_fentry_test1', { a: 3 });
    expect(b.order).toEqual([]);
  });

  test('a snapshot knows what was attached', () => {
    using b = new Bench(engine, ['entry1', 'entry2']);
    b.attach('entry1');
    const before = b.runtime.snapshot();
    b.attach('entry2');
    b.runtime.restore(before);
    b.trace.call('bpf_fentry_test1', { a: 1 });
    expect(b.order).toEqual([1]);
  });

  test('a program that is running is not begun again, and counted', () => {
    using b = new Bench(engine, ['entry1', 'exit11']);
    b.attach('entry1');
    b.attach('exit11');
    b.trace.call('bpf_fentry_test1', { a: 1 }, () => Number(b.trace.call('bpf_fentry_test1', { a: 2 }, () => 5)));
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [1, 1],
      [1, 2],
      [11, 5],
      [11, 5],
    ]);
  });
});

test('what cannot be called says why', () => {
  using b = new Bench('interp', ['entry1']);
  b.attach('entry1');
  expect(() => b.trace.call('no_such_function')).toThrow(UnknownTarget);
  expect(() => b.trace.hit('no_such_tracepoint')).toThrow(UnknownTarget);
  expect(() => b.trace.call('bpf_fentry_test1', { b: 1 })).toThrow(
    /bpf_fentry_test1\(b\): there is no such argument; it has a/,
  );
  expect(() => b.trace.call('bpf_fentry_test1', [1, 2])).toThrow(/2 arguments were given, it has 1/);
  expect(() => b.trace.call('bpf_fentry_test1', { a: 2 ** 40 })).toThrow(/not in/);
  expect(() => b.trace.call('bpf_fentry_test1', { a: 1 }, () => 'text')).toThrow(/takes an integer/);
  expect(() =>
    b.trace.call('bpf_fentry_test1', { a: 1 }, () => {
      throw new Error('of the original');
    }),
  ).toThrow('of the original');
  // Nothing is held by those that failed.
  b.notes();
  b.trace.call('bpf_fentry_test1', { a: 9 });
  expect(b.notes().map(({ arg }) => arg)).toEqual([9]);
});
