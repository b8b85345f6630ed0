/** Iterators: what is read of the objects of a kernel, and how reads are cut. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Engine, type Runtime } from '../../../../src/kernel/boot/runtime.ts';
import type { AttachOptions } from '../../../../src/lib/attach/attach.ts';
import type { Link } from '../../../../src/lib/attach/link.ts';
import type { Collection } from '../../../../src/lib/collection.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import { BPF_ATTACH_TYPE as A } from '../../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../../src/uapi/map-types.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/iter.o');
const decoder = new TextDecoder();

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;

  constructor(engine: Engine = 'jit', programs?: readonly string[]) {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, clock: 'virtual', cpus: 2 });
    const chosen = programs === undefined ? {} : { programs };
    this.object = parseObject(OBJECT).load(this.runtime, { ...chosen, kernelBtf: kernelBtf() });
  }

  attach(name: string, options: AttachOptions = {}): Link {
    return this.object.program(name).attach(options);
  }

  text(link: Link): string {
    return decoder.decode(link.read());
  }

  open(link: Link): number {
    return this.runtime.bpf(BPF_CMD.BPF_ITER_CREATE, { iter_create: { link_fd: link.fd } });
  }

  /** Reads of a size until the end or an error. */
  reads(fd: number, size: number): (string | number)[] {
    const all: (string | number)[] = [];
    for (;;) {
      const bytes = this.runtime.read(fd, size);
      if (typeof bytes === 'number') return [...all, bytes];
      if (bytes.length === 0) return all;
      all.push(decoder.decode(bytes));
    }
  }

  number(name: string): number {
    return Number(this.object.variable(name).getVariable(name));
  }

  set(name: string, value: number): void {
    this.object.variable(name).setVariable(name, value);
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

// How reads are cut, what errors there are and when the last call comes was recorded on 6.18.
describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('all maps by their ids, and a call behind the last one', () => {
    using b = new Bench(engine, ['maps']);
    const [numbers, places, each_cpu] = [8, 4, 2];
    const lines = b.text(b.attach('maps')).trim().split('\n');
    const shown = lines.slice(0, -1).map((line) => line.replace(/^\d+: \d+ /, ''));
    expect(shown).toEqual(
      expect.arrayContaining([`numbers 4 ${numbers}`, `places 4 ${places}`, `each_cpu 4 ${each_cpu}`]),
    );
    expect(lines.map((line) => line.replace(/:.*/, '')).slice(0, -1)).toEqual(shown.map((_, i) => `${i}`));
    expect(lines.at(-1)).toBe(`end ${lines.length - 2}`);
    expect([b.number('calls'), b.number('ends')]).toEqual([lines.length, 1]);
  });

  test('elements of a map, which the program may write', () => {
    using b = new Bench(engine, ['elements']);
    const numbers = b.object.map('numbers');
    for (const key of [1, 2, 3]) numbers.update(key, BigInt(key * 10));
    const link = b.attach('elements', { map: numbers });
    const sorted = (): string[] => b.text(link).trim().split('\n').sort();
    expect(sorted()).toEqual(['1=10', '2=20', '3=30']);
    expect(sorted()).toEqual(['1=11', '2=21', '3=31']);
    expect([b.number('calls'), b.number('ends')]).toEqual([8, 2]);
    expect(b.text(b.attach('elements', { map: b.object.map('places') }))).toBe('0=0\n1=0\n2=0\n3=0\n');
    expect(b.text(b.attach('elements', { map: b.object.map('each_cpu') }))).toBe('0=0\n1=0\n');
  });

  test('programs, links and tasks', () => {
    using b = new Bench(engine);
    const [programs, links, tasks] = ['programs', 'links', 'tasks'].map((name) => b.attach(name));
    const names = ['maps', 'elements', 'programs', 'links', 'tasks', 'large'];
    const ids = names.map((name) => `${b.object.program(name).id} ${name}`);
    expect(b.text(programs).trim().split('\n').sort()).toEqual(ids.sort());
    expect(b.text(links)).toBe([programs, links, tasks].map((link) => `${link.info().id}\n`).join(''));
    b.runtime.world.task({ pid: 700, comm: 'one' });
    b.runtime.world.task({ pid: 701, tgid: 700, comm: 'two' });
    expect(b.text(tasks)).toMatch(/\n700 one\n701 two\n$/);
    expect(b.text(b.attach('tasks', { tid: 701 }))).toBe('701 two\n');
    expect(b.text(b.attach('tasks', { pid: 700 }))).toBe('700 one\n701 two\n');
  });
});

test('reads end with an item that does not fit any more, and go on there', () => {
  using b = new Bench('jit', ['maps']);
  const link = b.attach('maps');
  const whole = b.text(link);
  const first = whole.indexOf('\n') + 1;
  const fd = b.open(link);
  const parts = b.reads(fd, 7) as string[];
  expect(parts.join('')).toBe(whole);
  const ends = parts.map((_, i) => parts.slice(0, i + 1).join('').length);
  expect(ends).toContain(first);
  expect(parts[0]).toHaveLength(7);
  expect(parts.slice(-2).join('')).toMatch(/end \d\n$/);
  expect(b.reads(fd, 100)).toEqual([]);
  expect(b.runtime.read(fd, 0)).toEqual(new Uint8Array(0));
});

test('an item that the program wants again, and more than a buffer holds', () => {
  using b = new Bench('jit', ['maps', 'large']);
  b.set('say', 1);
  const fd = b.open(b.attach('maps'));
  expect(b.runtime.read(fd, 4000)).toBe(-ERRNO.EAGAIN);
  expect(b.runtime.read(fd, 4000)).toBe(-ERRNO.EAGAIN);
  b.set('say', 0);
  expect(b.reads(fd, 4000)).toHaveLength(1);
  const large = b.open(b.attach('large'));
  expect(b.runtime.read(large, 65536)).toBe(-ERRNO.E2BIG);
  expect(b.number('said')).toBe(-ERRNO.EOVERFLOW);
});

test('a program is replaced by one of the same target', () => {
  using b = new Bench('jit', ['maps', 'large', 'programs']);
  const link = b.attach('maps');
  expect(() => link.update(b.object.program('programs'))).toThrow(/EINVAL/);
  link.update(b.object.program('large'));
  expect(() => link.read()).toThrow(/E2BIG/);
});

test('what cannot be iterated is refused', () => {
  using b = new Bench('jit');
  const link = (name: string, given: object = {}, more: object = {}): number => {
    const prog_fd = b.object.program(name).fd;
    return b.runtime.bpf(BPF_CMD.BPF_LINK_CREATE, {
      link_create: { prog_fd, attach_type: A.BPF_TRACE_ITER, iter: given, ...more },
    });
  };
  const info = (fd: number, length = 4): Uint8Array => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, fd, true);
    return bytes;
  };
  const map = (map_type: number, value_size: number): number =>
    b.runtime.bpf(BPF_CMD.BPF_MAP_CREATE, { map_type, key_size: 4, value_size, max_entries: 4 });
  const { fd } = b.object.map('numbers');
  expect(link('maps', {}, { flags: 1 })).toBe(-ERRNO.EINVAL);
  expect(link('maps', {}, { target_fd: 5 })).toBe(-ERRNO.EINVAL);
  expect(link('elements')).toBe(-ERRNO.EBADF);
  expect(link('elements', { iter_info: info(999) })).toBe(-ERRNO.EBADF);
  expect(link('elements', { iter_info: info(map(BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY, 4)) })).toBe(-ERRNO.EINVAL);
  expect(link('elements', { iter_info: info(map(BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, 4)) })).toBe(-ERRNO.EACCES);
  const long = info(fd, 64);
  expect(link('elements', { iter_info: long })).toBeGreaterThan(0);
  long[40] = 1;
  expect(link('elements', { iter_info: long })).toBe(-ERRNO.E2BIG);
  const create = (link_fd: number, flags = 0): number =>
    b.runtime.bpf(BPF_CMD.BPF_ITER_CREATE, { iter_create: { link_fd, flags } });
  expect(create(link('maps'), 1)).toBe(-ERRNO.EINVAL);
  expect(create(999)).toBe(-ERRNO.EBADF);
  expect(create(fd)).toBe(-ERRNO.EINVAL);
  expect(b.runtime.read(999, 10)).toBe(-ERRNO.EBADF);
  expect(b.runtime.read(fd, 10)).toBe(-ERRNO.EINVAL);
});

test('a reader keeps what it reads, and elements that go away are left out', () => {
  using b = new Bench('jit', ['elements']);
  const numbers = b.object.map('numbers');
  for (const key of [1, 2, 3]) numbers.update(key, 0n);
  const link = b.attach('elements', { map: numbers });
  const fd = b.open(link);
  link.close();
  expect(decoder.decode(b.runtime.read(fd, 1) as Uint8Array)).toMatch(/^\d$/);
  const snapshot = b.runtime.snapshot();
  for (const key of [1, 2, 3]) numbers.delete(key);
  expect(b.reads(fd, 100)).toEqual(['=0\n']);
  expect(b.runtime.close(fd)).toBe(0);
  for (let i = 0; i < 2; i++) {
    b.runtime.restore(snapshot);
    expect(b.reads(fd, 100).join('').split('\n')).toHaveLength(4);
  }
  expect(b.runtime.close(fd)).toBe(0);
});
