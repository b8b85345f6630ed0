/** Probes of binaries: who is called, in which order, with which registers, and what a process sees of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Engine, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { UnknownTarget } from '../../../src/kernel/world/trace/unknown-target.ts';
import type { Binary } from '../../../src/kernel/world/user/binary.ts';
import type { AttachOptions } from '../../../src/lib/attach/attach.ts';
import type { Link } from '../../../src/lib/attach/link.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BPF_ATTACH_TYPE as A } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/user.o');
const WORK = 0x12f6;
const WORK2 = 0x12fb;
const BASE = 0x40_0000;
const PATH = '/opt/app';
const symbols = { work: WORK, work2: WORK2, say: 0x1400, read: 0x1500, mark: 0x1600 };

interface Note {
  readonly id: bigint;
  readonly arg: bigint;
  readonly ret: bigint;
  readonly ip: bigint;
  readonly func_ip: bigint;
  readonly cookie: bigint;
}

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;
  readonly app: Binary;

  constructor(engine: Engine = 'jit') {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, clock: 'virtual' });
    this.object = parseObject(OBJECT).load(this.runtime, { kernelBtf: kernelBtf() });
    this.app = this.runtime.world.trace.binaries.add(PATH, { symbols });
  }

  attach(name: string, options: AttachOptions = {}): Link {
    return this.object.program(name).attach(options);
  }

  notes(): Note[] {
    const count = Number(this.object.variable('count').getVariable('count'));
    this.object.variable('count').setVariable('count', 0);
    return (this.object.variable('seen').getVariable('seen') as unknown as Note[]).slice(0, count);
  }

  get order(): number[] {
    return this.notes().map(({ id }) => Number(id));
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

// Orders and errors as recorded on 6.18.
describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('the newest first, single ones and those at many places alike, at the entry and at the return', () => {
    using b = new Bench(engine);
    for (const [i, name] of ['first', 'second', 'third', 'fourth'].entries())
      b.attach(name, { cookie: BigInt(0x11 * (i + 1)) });
    const cookies = [0x55n, 0x56n];
    b.attach('many', { cookies });
    b.attach('many_return', { cookies });
    expect(b.app.call('work', [6], (a) => Number(a) + 1)).toBe(7);
    const address = BigInt(BASE + WORK);
    expect(b.notes()).toEqual([
      { id: 5n, arg: 6n, ret: 0n, ip: address, func_ip: address, cookie: 0x55n },
      { id: 2n, arg: 6n, ret: 0n, ip: address, func_ip: address, cookie: 0x22n },
      { id: 1n, arg: 6n, ret: 0n, ip: address, func_ip: address, cookie: 0x11n },
      { id: 6n, arg: 0n, ret: 7n, ip: 0n, func_ip: address, cookie: 0x55n },
      { id: 4n, arg: 0n, ret: 7n, ip: 0n, func_ip: address, cookie: 0x44n },
      { id: 3n, arg: 0n, ret: 7n, ip: 0n, func_ip: address, cookie: 0x33n },
    ]);
    b.app.call('work2', [1]);
    expect(b.notes().map(({ id, cookie }) => [id, cookie])).toEqual([
      [5n, 0x56n],
      [6n, 0x56n],
    ]);
  });

  test('a session is called at the return when its entry said 0', () => {
    using b = new Bench(engine);
    b.attach('session');
    b.app.call(WORK2, [1]);
    expect(b.order).toEqual([8, 8]);
    b.object.variable('skip').setVariable('skip', 1);
    b.app.call(WORK2, [1]);
    expect(b.order).toEqual([8]);
  });

  test('text of a process is where its arguments and results point to', () => {
    using b = new Bench(engine);
    b.attach('say');
    b.app.call('say', ['hello']);
    expect(b.object.variable('text').getVariable('text')).toBe('hello');
    b.attach('read_line');
    expect(b.app.call('read', [], () => 'a line')).toBe('a line');
    expect(b.object.variable('text').getVariable('text')).toBe('a line');
  });
});

test('marks have their values in registers, and their semaphores count the sites that are probed', () => {
  using b = new Bench();
  const semaphore = 0x4000;
  const mark = { binary: PATH, function: 'mark', semaphore };
  expect(b.app.semaphore(semaphore)).toBe(0);
  b.app.pass('mark', { di: 1 });
  const link = b.attach('first', mark);
  const again = b.attach('second', mark);
  expect(b.app.semaphore(semaphore)).toBe(1);
  const other = b.attach('many', { functions: ['work'], semaphore });
  expect(b.app.semaphore(semaphore)).toBe(2);
  b.app.pass('mark', { di: 7, ax: 9n });
  expect(b.notes().map(({ id, arg, ret }) => [id, arg, ret])).toEqual([
    [2n, 7n, 9n],
    [1n, 7n, 9n],
  ]);
  // All probes of a site have its semaphore.
  expect(() => b.attach('third', { binary: PATH, function: 'mark' })).toThrow(/EINVAL/);
  expect(() => b.attach('third', { ...mark, semaphore: semaphore + 2 })).toThrow(/EINVAL/);
  expect(() => b.attach('third', { ...mark, function: 'say', semaphore: semaphore + 1 })).toThrow(/EINVAL/);
  link.close();
  other.close();
  expect(b.app.semaphore(semaphore)).toBe(1);
  again.close();
  expect(b.app.semaphore(semaphore)).toBe(0);
  expect(() => b.app.pass('mark', { no_such: 1 })).not.toThrow();
  b.attach('first', mark);
  expect(() => b.app.pass('mark', { no_such: 1 })).toThrow(/no_such/);
});

test('calls of one process alone', () => {
  using b = new Bench();
  const { world } = b.runtime;
  const task = world.task({ pid: 700, comm: 'app' });
  b.attach('many', { functions: ['work'], pid: 700 });
  b.attach('first', { pid: 700 });
  b.app.call('work');
  expect(b.order).toEqual([]);
  task.run(() => b.app.call('work'));
  expect(b.order).toEqual([1, 5]);
  expect(() => b.attach('many', { functions: ['work'], pid: 701 })).toThrow(/ESRCH/);
  expect(() => b.attach('first', { pid: 701 })).toThrow(/ESRCH/);
});

test('what cannot be attached is refused, and holds no place', () => {
  using b = new Bench();
  expect(() => b.attach('first', { binary: '/nofile', offset: 0, function: '' })).toThrow(/ENOENT/);
  expect(() => b.attach('first', { offset: 1 << 30 })).toThrow(/EINVAL/);
  expect(() => b.attach('first', { function: 'nothing' })).toThrow(/ENOENT/);
  expect(() => b.attach('many', { functions: ['no*'] })).toThrow(/ENOENT/);
  const fd = b.object.program('many').fd;
  const offsets = (...all: bigint[]) => new Uint8Array(BigUint64Array.from(all).buffer);
  const multi = (given: object, prog_fd = fd, attach_type: number = A.BPF_TRACE_UPROBE_MULTI): number =>
    b.runtime.bpf(BPF_CMD.BPF_LINK_CREATE, {
      link_create: { prog_fd, attach_type, uprobe_multi: { path: PATH, offsets: offsets(1n), ...given } },
    });
  expect(multi({ offsets: offsets() })).toBe(-ERRNO.EINVAL);
  expect(multi({ path: undefined })).toBe(-ERRNO.EINVAL);
  expect(multi({ path: '' })).toBe(-ERRNO.EBADF);
  expect(multi({ path: '/nofile' })).toBe(-ERRNO.ENOENT);
  expect(multi({ flags: 2 })).toBe(-ERRNO.EINVAL);
  expect(multi({ pid: 999_999 })).toBe(-ERRNO.ESRCH);
  expect(multi({ offsets: offsets(2n ** 64n - 1n) })).toBe(-ERRNO.EINVAL);
  expect(multi({ offsets: offsets(1n, 1n << 30n), ref_ctr_offsets: offsets(2n, 2n) })).toBe(-ERRNO.EINVAL);
  expect(b.app.semaphore(2)).toBe(0);
  expect(multi({}, b.object.program('first').fd)).toBe(-ERRNO.EINVAL);
  expect(multi({}, fd, A.BPF_TRACE_UPROBE_SESSION)).toBe(-ERRNO.EINVAL);
  expect(multi({}, b.object.program('session').fd)).toBe(-ERRNO.EINVAL);
  expect(multi({ offsets: offsets(1n, 1n) })).toBeGreaterThan(0);
  b.app.call(1);
  expect(b.order).toEqual([5, 5]);
});

test('links closed inside of their own call, errors in between, places that there are not', () => {
  using b = new Bench();
  const link = b.attach('third');
  const many = b.attach('many');
  expect(
    b.app.call('work', [1], () => {
      link.close();
      many.close();
      return 2;
    }),
  ).toBe(2);
  expect(b.order).toEqual([5]);
  b.attach('first');
  const boom = (): never => {
    throw new Error('boom');
  };
  expect(() => b.app.call('work', [1], boom)).toThrow('boom');
  expect(() => b.app.call('work', [1n << 64n])).toThrow(RangeError);
  expect(() => b.app.call('nothing')).toThrow(UnknownTarget);
  expect(() => b.app.call(1 << 30)).toThrow(UnknownTarget);
  expect(b.app.call('work', [-1])).toBe(0);
  expect(b.notes().map(({ arg }) => arg)).toEqual([1n, 2n ** 64n - 1n]);
  expect(() => b.runtime.world.trace.binaries.add(PATH, {})).toThrow(RangeError);
  expect(() => b.runtime.world.trace.binaries.add('/x', { symbols: { a: 9 }, size: 9 })).toThrow(RangeError);
});

test('a snapshot keeps binaries and what is attached to them', () => {
  using b = new Bench();
  b.attach('first');
  const snapshot = b.runtime.snapshot();
  b.attach('second');
  b.runtime.world.trace.binaries.add('/late', {});
  b.runtime.restore(snapshot);
  expect(b.runtime.world.trace.binaries.get('/late')).toBeUndefined();
  b.app.call('work');
  expect(b.order).toEqual([1]);
});
