/** Perf events that sample, and the programs on them: when, with what, and who may be attached. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { PERF_COUNT_SW as SW, PERF_TYPE, type PerfEventAttr } from '../../../src/uapi/perf-event.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/sample.o');
const MS = 1_000_000n;

interface Sample {
  readonly ip: bigint;
  readonly period: bigint;
  readonly address: bigint;
  readonly cookie: bigint;
  readonly now: bigint;
  readonly wrong_size: bigint;
  readonly value: { readonly counter: bigint; readonly enabled: bigint; readonly running: bigint };
}

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;

  constructor(options: { readonly engine?: 'jit' | 'interp'; readonly cpus?: number } = {}) {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual', ...options });
    this.object = parseObject(OBJECT).load(this.runtime, { kernelBtf: kernelBtf() });
  }

  open(attr: Partial<PerfEventAttr>): number {
    return this.runtime.perfEventOpen({ type: PERF_TYPE.PERF_TYPE_SOFTWARE, ...attr });
  }

  attach(attr: Partial<PerfEventAttr>, name = 'sample', cookie = 0n) {
    return this.object.program(name).attach({ perfEvent: this.open(attr), cookie });
  }

  samples(): Sample[] {
    const { object } = this;
    const count = Number(object.variable('count').getVariable('count'));
    object.variable('count').setVariable('count', 0);
    return (object.variable('samples').getVariable('samples') as unknown as Sample[]).slice(0, count);
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

const GHZ = 1_000_000_000;

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('a clock by its period: when, and what was counted', () => {
    using b = new Bench({ engine });
    const began = b.runtime.world.time.now();
    const link = b.attach({ sample_period: MS }, 'sample', 0x1234n);
    b.runtime.world.trace.perf.interrupted = () => ({ ip: 0xffff_ffff_8100_1000n });
    b.runtime.advance(3n * MS + 500n);
    const value = (n: bigint) => ({ counter: n * MS, enabled: n * MS, running: n * MS });
    expect(b.samples()).toEqual(
      [1n, 2n, 3n].map((n) => ({
        ip: 0xffff_ffff_8100_1000n,
        period: MS,
        address: 0n,
        cookie: 0x1234n,
        now: began + n * MS,
        wrong_size: BigInt(-ERRNO.EINVAL),
        value: value(n),
      })),
    );
    link.close();
    b.runtime.advance(10n * MS);
    expect(b.samples()).toEqual([]);
  });
});

test('a clock by its frequency, and no faster than the kernel', () => {
  using b = new Bench();
  const link = b.attach({ sample_freq: 100n });
  b.runtime.advance(25n * MS);
  expect(b.samples().map(({ period }) => period)).toEqual([10n * MS, 10n * MS]);
  link.close();
  // Ten microseconds lie between two samples at least; programs are told what was asked for.
  using often = b.attach({ config: BigInt(SW.PERF_COUNT_SW_TASK_CLOCK), sample_period: 100n });
  b.runtime.advance(35_000);
  expect(b.samples().map(({ period }) => period)).toEqual([100n, 100n, 100n]);
  expect(often.fd).toBeGreaterThan(0);
});

test('hardware exists when its rate was declared', () => {
  using b = new Bench();
  const cycles = { type: PERF_TYPE.PERF_TYPE_HARDWARE, sample_period: 1_000_000n };
  expect(b.open(cycles)).toBe(-ERRNO.ENOENT);
  b.runtime.world.trace.perf.declare('hardware:0', 2 * GHZ);
  using link = b.attach(cycles);
  b.runtime.advance(1_200_000);
  expect(b.samples().map(({ value }) => [value.counter, value.enabled])).toEqual([
    [1_000_000n, 500_000n],
    [2_000_000n, 1_000_000n],
  ]);
  expect(() => b.runtime.world.trace.perf.declare('hardware:1', 0)).toThrow(RangeError);
  expect(link.fd).toBeGreaterThan(0);
});

test('what the kernel counts by itself is sampled whenever a period is full', () => {
  using b = new Bench();
  using link = b.attach({ config: BigInt(SW.PERF_COUNT_SW_PAGE_FAULTS), sample_period: 3n });
  const { perf } = b.runtime.world.trace;
  perf.count('software:2', 2, 0x1000n);
  expect(b.samples()).toEqual([]);
  perf.count('software:2', 5, 0x2000n);
  expect(b.samples().map(({ address, value }) => [address, value.counter])).toEqual([
    [0x2000n, 7n],
    [0x2000n, 7n],
  ]);
  perf.count('software:3', 5);
  expect(b.samples()).toEqual([]);
  link.close();
  perf.count('software:2', 3);
  expect(b.samples()).toEqual([]);
});

// Recorded on 6.18.
test('an event has one program of its kind, and a trace event each program once', () => {
  using b = new Bench();
  const clock = { sample_period: MS };
  expect(() => b.attach(clock, 'probe')).toThrow(/EINVAL/);
  expect(() => b.attach(clock, 'event')).toThrow(/EINVAL/);
  const fd = b.open(clock);
  const link = b.object.program('sample').attach({ perfEvent: fd });
  expect(() => b.object.program('sample').attach({ perfEvent: fd })).toThrow(/EEXIST/);
  link.close();
  b.object.program('sample').attach({ perfEvent: fd }).close();
  const id = BigInt((b.runtime.readText('/sys/kernel/tracing/events/sched/sched_switch/id') as string).trim());
  const event = { type: PERF_TYPE.PERF_TYPE_TRACEPOINT, config: id };
  expect(() => b.attach(event, 'sample')).toThrow(/EINVAL/);
  using first = b.attach(event, 'event');
  expect(() => b.attach(event, 'event')).toThrow(/EEXIST/);
  using second = b.attach(event, 'event2');
  expect([first.fd, second.fd].every((n) => n > 0)).toBe(true);
  expect(() => b.object.program('event').attach({ perfEvent: b.object.program('event').fd })).toThrow(/EBADF/);
});

test('rates, numbers and CPUs that there are not', () => {
  using b = new Bench({ cpus: 2 });
  expect(b.open({ sample_freq: 200_000n })).toBe(-ERRNO.EINVAL);
  expect(b.open({ sample_period: 1n << 63n })).toBe(-ERRNO.EINVAL);
  expect(b.open({ config: 12n })).toBe(-ERRNO.ENOENT);
  expect(b.open({ type: 100 })).toBe(-ERRNO.ENOENT);
  expect(b.open({ type: PERF_TYPE.PERF_TYPE_TRACEPOINT, config: 999_999_999n })).toBe(-ERRNO.EINVAL);
  expect(b.open({ cpu: 2 })).toBe(-ERRNO.EINVAL);
  expect(b.open({ cpu: 1 })).toBe(-ERRNO.EOPNOTSUPP);
  expect(b.open({ pid: 1 })).toBe(-ERRNO.EOPNOTSUPP);
  expect(b.open({ type: PERF_TYPE.PERF_TYPE_BREAKPOINT })).toBe(-ERRNO.EOPNOTSUPP);
});

test('a program set on the event itself stays as long as that', () => {
  using b = new Bench();
  const { runtime, object } = b;
  const program = object.program('sample').fd;
  const fd = b.open({ sample_period: MS });
  expect(runtime.perfEventSetBpf(fd, object.program('probe').fd)).toBe(-ERRNO.EINVAL);
  expect(runtime.perfEventSetBpf(fd, 99)).toBe(-ERRNO.EBADF);
  expect(runtime.perfEventSetBpf(99, program)).toBe(-ERRNO.EBADF);
  expect(runtime.perfEventSetBpf(program, program)).toBe(-ERRNO.ENOTTY);
  expect(runtime.perfEventSetBpf(fd, program)).toBe(0);
  expect(runtime.perfEventSetBpf(fd, program)).toBe(-ERRNO.EEXIST);
  runtime.advance(MS);
  expect(b.samples()).toHaveLength(1);
  runtime.close(fd);
  runtime.advance(MS);
  expect(b.samples()).toHaveLength(0);
});

test('a snapshot keeps samples that are to come', () => {
  using b = new Bench();
  b.attach({ sample_period: MS });
  b.attach({ config: BigInt(SW.PERF_COUNT_SW_PAGE_FAULTS), sample_period: 2n });
  const { perf } = b.runtime.world.trace;
  perf.count('software:2');
  const snapshot = b.runtime.snapshot();
  for (let i = 0; i < 2; i++) {
    using late = b.attach({ sample_period: MS / 2n });
    expect(late.fd).toBeGreaterThan(0);
    b.runtime.advance(MS);
    expect(b.samples()).toHaveLength(3);
    b.runtime.restore(snapshot);
  }
  b.runtime.advance(2n * MS);
  perf.count('software:2');
  expect(b.samples().map(({ value }) => value.counter)).toEqual([MS, 2n * MS, 2n]);
});

test('an error of a sample ends the call, and the samples behind it come', () => {
  using b = new Bench();
  b.attach({ sample_period: MS });
  b.runtime.world.trace.perf.interrupted = () => ({ no_such_register: 1 });
  expect(() => b.runtime.advance(2n * MS)).toThrow(/no_such_register/);
  b.runtime.world.trace.perf.interrupted = undefined;
  b.runtime.advance(2n * MS);
  expect(b.samples()).toHaveLength(2);
});
