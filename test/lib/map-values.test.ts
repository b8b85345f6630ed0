/** Maps without keys, maps of maps and program arrays through the library, in the embedded kernel and the live one. */
import { afterAll, describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import { createRuntime } from '../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../src/uapi/attr/attr.ts';
import { kernelAbsent, liveKernel } from '../host/live-kernel.ts';
import { fixture } from './fixture.ts';

const live = await liveKernel();
if (live === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
afterAll(() => live?.[Symbol.dispose]());
const embedded = createRuntime({ memory: 1 << 26, kernelBtf: await loadPackagedBtf() });
afterAll(() => embedded[Symbol.dispose]());

const kernels: [string, BpfSyscall][] = [
  ['embedded', embedded],
  ...(live ? [['live', live] as [string, BpfSyscall]] : []),
];

describe.each(kernels)('%s kernel', (_, sys) => {
  test('queues give the oldest, stacks the newest, and both tell when they are empty', () => {
    using c = fixture('keyless.o').load(sys);
    const queue = c.map('queue');
    const stack = c.map('stack');
    for (const m of [queue, stack]) {
      expect(m.pop()).toBeUndefined();
      expect(m.peek()).toBeUndefined();
      m.push({ x: 1, y: 2 });
      m.push({ x: 3, y: 4 });
      expect(() => m.push({ x: 5, y: 6 })).toThrow(/E2BIG/);
    }
    queue.push({ x: 5, y: 6 }, 2n);
    expect([queue.peek(), queue.pop(), queue.pop(), queue.pop()]).toEqual([
      { x: 3, y: 4 },
      { x: 3, y: 4 },
      { x: 5, y: 6 },
      undefined,
    ]);
    expect([stack.peek(), stack.pop(), stack.pop(), stack.pop()]).toEqual([
      { x: 3, y: 4 },
      { x: 3, y: 4 },
      { x: 1, y: 2 },
      undefined,
    ]);
  });

  test('bloom filters know what was put in', () => {
    using c = fixture('keyless.o').load(sys);
    const bloom = c.map('bloom');
    expect(bloom.mayHave(7)).toBe(false);
    bloom.push(7);
    expect(bloom.mayHave(7)).toBe(true);
    expect(() => bloom.pop()).toThrow(/pop is for a queue or a stack, and bloom is a bloom_filter/);
    expect(() => c.map('outer').push(1)).toThrow(/push is for a queue/);
  });

  test('maps and programs are values of maps of maps and program arrays', () => {
    using c = fixture('keyless.o').load(sys);
    const [first, outer] = [c.map('first'), c.map('outer')];
    expect(outer.lookupMap(9)).toBeUndefined();
    outer.update(9, first);
    first.update(1, { x: 10, y: 20 });
    using inside = outer.lookupMap(9);
    expect(inside?.lookup(1)).toEqual({ x: 10, y: 20 });
    expect(inside?.spec).toMatchObject({ keySize: 4, valueSize: 8, maxEntries: 2 });
    expect(() => first.lookupMap(0)).toThrow(/lookupMap is for maps of maps, and first is a array/);
    c.map('jumps').update(0, c.program('drop'));
    expect(c.program('pass').testRun({ data: new Uint8Array(64) }).retval).toBe(1);
  });

  test('variables have their first values before the program sees them', () => {
    using c = fixture('keyless.o').load(sys, { variables: { limit: 2 } });
    expect(c.program('pass').testRun({ data: new Uint8Array(64) }).retval).toBe(2);
    expect(c.variable('seen').getVariable('seen')).toBe(2);
  });

  test('maps that are shared must be the ones that the object defines, and stay open', () => {
    using one = fixture('keyless.o').load(sys);
    const share = (map: string, fd: number) =>
      fixture('keyless.o').load(sys, { maps: new Map([[map, fd]]), programs: [] });
    const two = share('first', one.map('first').fd);
    one.map('first').update(0, { x: 1, y: 1 });
    expect(two.map('first').lookup(0)).toEqual({ x: 1, y: 1 });
    two.close();
    expect(one.map('first').lookup(0)).toEqual({ x: 1, y: 1 });
    expect(() => share('queue', one.map('first').fd)).toThrow(
      /type is BPF_MAP_TYPE_ARRAY, and BPF_MAP_TYPE_QUEUE was expected; key_size is 4, and 0 was expected$/,
    );
    expect(() => share('stack', one.map('queue').fd)).toThrow(/type is BPF_MAP_TYPE_QUEUE/);
    expect(() => share('.rodata', one.map('.bss').fd)).toThrow(/map_flags is 0x400, and 0x480 was expected$/);
    expect(() => share('first', one.program('drop').fd)).toThrow(/use descriptor \d+ for map first/);
    expect(() => share('first', 9999)).toThrow(/EBADF/);
    expect(one.map('first').lookup(0)).toEqual({ x: 1, y: 1 });
  });
});
