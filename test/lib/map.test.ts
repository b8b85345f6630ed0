/** Elements of maps through the library, typed and untyped, one and many at once, in the embedded kernel and the live one. */
import { afterAll, describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import { createRuntime } from '../../src/kernel/boot/runtime.ts';
import { scalarBytes } from '../../src/lib/map.ts';
import type { BpfSyscall } from '../../src/uapi/attr/attr.ts';
import { BPF_NOEXIST } from '../../src/uapi/flags.ts';
import { kernelAbsent, liveKernel } from '../host/live-kernel.ts';
import { fixture } from './fixture.ts';

const live = await liveKernel();
if (live === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
afterAll(() => live?.[Symbol.dispose]());
const embedded = createRuntime({ memory: 1 << 26, cpus: 3, kernelBtf: await loadPackagedBtf() });
afterAll(() => embedded[Symbol.dispose]());

const kernels: [string, BpfSyscall][] = [
  ['embedded', embedded],
  ...(live ? [['live', live] as [string, BpfSyscall]] : []),
];
const loadMaps = (sys: BpfSyscall) => {
  const spec = fixture('maps.o');
  // Its file would outlive the test.
  Object.assign(spec.maps.get('events')!, { pinning: 0 });
  return spec.load(sys, { programs: ['target'] });
};

const key = (n: number) => ({ saddr: n, port: 80, proto: 6, pad: 0 });
const value = (packets: bigint) => ({ packets, bytes: 7n, comm: 'curl' });

describe.each(kernels)('%s kernel', (_, sys) => {
  test('elements with types are objects', () => {
    using c = loadMaps(sys);
    const flows = c.map('flows');
    expect(flows.lookup(key(1))).toBeUndefined();
    flows.update(key(1), value(3n), BPF_NOEXIST);
    expect(() => flows.update(key(1), value(4n), BPF_NOEXIST)).toThrow(
      /EEXIST.*update in map flows|update in map flows.*EEXIST/,
    );
    expect(flows.lookup(key(1))).toMatchObject({ packets: 3n, bytes: 7n });
    expect([...flows].map(([k]) => k)).toEqual([key(1)]);
    expect([...flows.keys()]).toEqual([key(1)]);
    expect(flows.delete(key(1))).toBe(true);
    expect(flows.delete(key(1))).toBe(false);
    expect([...flows.entries()]).toEqual([]);
    expect(() => flows.update({ saddr: 1, sport: 1 }, value(1n))).toThrow(/there is no member sport/);
  });

  test('values of per-CPU maps are lists, one for each CPU', () => {
    using c = loadMaps(sys);
    const counters = c.map('counters');
    const one = Array.from({ length: 16 }, (_unused, i) => i);
    const zero = Array.from({ length: 16 }, () => 0);
    expect(counters.lookup(2)).toEqual(Array.from({ length: counters.cpus }, () => zero));
    // One value for all of them, then one for the first only.
    counters.update(2, Uint8Array.from(Array.from({ length: counters.cpus }, () => one).flat()));
    expect(counters.lookup(2)).toEqual(Array.from({ length: counters.cpus }, () => one));
    counters.update(2, [zero]);
    expect((counters.lookup(2) as unknown[])[0]).toEqual(zero);
    expect(counters.valueBytes).toBe(16 * counters.cpus);
    expect(() => counters.delete(2)).toThrow(/delete in map counters/);
  });

  test('many elements at once', () => {
    using c = loadMaps(sys);
    const flows = c.map('flows');
    const keys = [1, 2, 3, 4, 5].map(key);
    expect(flows.updateBatch(keys.map((k, i) => [k, value(BigInt(i))] as const))).toBe(5);
    const addresses = (all: readonly Uint8Array[]): number[] =>
      all.map((k) => (flows.decodeKey(k) as { saddr: number }).saddr).sort((a, b) => a - b);
    const first = flows.lookupBatch(2000);
    expect([first.keys.length, first.values.length, first.next]).toEqual([5, 5, undefined]);
    expect(addresses(first.keys)).toEqual([1, 2, 3, 4, 5]);
    expect(flows.deleteBatch([key(1), key(2)])).toBe(2);
    expect(() => flows.deleteBatch([key(3), key(9)])).toThrow(/delete batch/);
    const rest = flows.lookupBatch(2000, undefined, true);
    expect(addresses(rest.keys)).toEqual([4, 5]);
    expect([...flows]).toEqual([]);
    const array = c.map('inner_a');
    array.updateBatch([
      [0, 10n],
      [1, 11n],
    ]);
    const half = array.lookupBatch(1);
    expect([half.keys, half.next === undefined]).toEqual([[Uint8Array.of(0, 0, 0, 0)], false]);
    expect(array.lookupBatch(1, half.next).values.map((v) => array.decodeValue(v))).toEqual([11n]);
  });

  test('a frozen map is read and no longer written', () => {
    using c = loadMaps(sys);
    const array = c.map('inner_a');
    array.update(1, 5n);
    array.freeze();
    expect(array.lookup(1)).toBe(5n);
    expect(() => array.update(1, 6n)).toThrow(/EPERM/);
    expect(() => array.freeze()).toThrow(/EPERM/);
  });

  test('variables of global data by name', () => {
    using c = fixture('data.o').load(sys, { programs: ['read_all'] });
    const data = c.map('.data');
    expect(Object.fromEntries(data.variables())).toEqual({ total: 7n, local_total: 3 });
    data.setVariable('total', 9n);
    expect([data.getVariable('total'), data.getVariable('local_total')]).toEqual([9n, 3]);
    expect(c.map('.rodata').getVariable('banner')).toBe('skep');
    expect(c.map('.bss').getVariable('zeroed')).toEqual([0n, 0n, 0n, 0n]);
    expect(() => data.getVariable('totl')).toThrow('there is no variable totl; did you mean total');
    expect(() => data.setVariable('local_total', 1n << 40n)).toThrow('does not fit 32 bits');
    expect(() => c.map('.rodata').setVariable('limit', 1)).toThrow(/EPERM/);
  });
});

describe('elements without types', () => {
  const bytes = (v: Parameters<typeof scalarBytes>[0], size: number): number[] => [...scalarBytes(v, size, 'key of m')];
  test('integers fill the size with their sign', () => {
    expect(bytes(258, 4)).toEqual([2, 1, 0, 0]);
    expect(bytes(-2, 4)).toEqual([254, 255, 255, 255]);
    expect(bytes(255n, 1)).toEqual([255]);
    expect(bytes(-128, 1)).toEqual([128]);
    expect(bytes(true, 2)).toEqual([1, 0]);
    expect(bytes(1n << 70n, 9)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 64]);
  });
  test('lists and bytes may be shorter than it', () => {
    expect(bytes([1, 2], 4)).toEqual([1, 2, 0, 0]);
    expect(bytes(Uint8Array.of(9), 2)).toEqual([9, 0]);
  });
  test.each([
    [256, 1, 'key of m: 256 does not fit 1 bytes'],
    [-129, 1, 'key of m: -129 does not fit 1 bytes'],
    [[256], 2, 'key of m: 256 is no byte'],
    [[[1]], 2, 'key of m: a list or an object is no byte'],
    [[1, 2, 3], 2, 'key of m: an integer or at most 2 bytes were expected'],
    [1.5, 8, 'key of m: an integer or at most 8 bytes were expected'],
    [{ a: 1 }, 8, 'key of m: an integer or at most 8 bytes were expected'],
  ])('%j in %i bytes is refused', (v, size, message) => {
    expect(() => bytes(v as never, size)).toThrow(new TypeError(message));
  });
});
