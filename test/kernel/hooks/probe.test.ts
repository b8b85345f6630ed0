/** Probes and trace events of the simulated kernel: who is called, in which order, with which registers and records. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Engine, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { UnknownTarget } from '../../../src/kernel/world/trace/unknown-target.ts';
import type { AttachOptions } from '../../../src/lib/attach/attach.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import type { Link } from '../../../src/lib/attach/link.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BPF_ATTACH_TYPE as A } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { NotSimulated } from '../../../src/util/errors.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/probe.o');

interface Note {
  readonly id: number;
  readonly arg: number;
  readonly cookie: bigint;
  readonly ip: bigint;
}

class Bench implements Disposable {
  readonly runtime: Runtime;
  readonly object: Collection;

  constructor(engine: Engine, programs: readonly string[]) {
    this.runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, clock: 'virtual' });
    this.object = parseObject(OBJECT).load(this.runtime, { programs, kernelBtf: kernelBtf() });
  }

  attach(name: string, options: AttachOptions = {}): Link {
    return this.object.program(name).attach(options);
  }

  get trace() {
    return this.runtime.world.trace;
  }

  notes(): Note[] {
    const map = this.object.variable('seen');
    const count = Number(this.object.variable('count').getVariable('count'));
    const all = (map.getVariable('seen') as unknown as Note[]).slice(0, count);
    this.object.variable('count').setVariable('count', 0);
    return all;
  }

  get order(): number[] {
    return this.notes().map(({ id }) => id);
  }

  [Symbol.dispose](): void {
    this.runtime[Symbol.dispose]();
  }
}

const PROGRAMS = ['probe1', 'probe2', 'return11', 'return12', 'many', 'many_return', 'entry', 'exit_'];

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('probes stand around everything else, in the order of the kernel', () => {
    using b = new Bench(engine, PROGRAMS);
    for (const name of PROGRAMS) b.attach(name);
    expect(b.trace.call('bpf_fentry_test1', { a: 7 }, () => 8)).toBe(8);
    // The group that came later is called first, single probes newest first; returns the other way round.
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [21, 7],
      [2, 7],
      [1, 7],
      [31, 7],
      [32, 8],
      [11, 8],
      [12, 8],
      [22, 8],
    ]);
  });

  test('arguments in registers, address and cookie', () => {
    using b = new Bench(engine, ['probe1', 'probe6', 'return11']);
    b.attach('probe6', { cookie: 0xfeed_0000_beefn });
    b.trace.call('bpf_fentry_test6', [16n, 17, 18, -19, 20, 21n]);
    expect(b.notes()).toEqual(
      [16, 17, 18, -19 >>> 0, 20].map((arg) => ({ id: 6, arg, cookie: 0xfeed_0000_beefn, ip: 0n })),
    );
    b.attach('probe1');
    b.attach('return11');
    b.trace.call('bpf_fentry_test1', { a: 1 });
    const ips = b.notes().map(({ ip }) => ip);
    const [lo, hi] = b.trace.function('bpf_fentry_test1').address;
    expect(ips).toEqual(Array(2).fill((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)));
  });

  test('one program on all functions that a pattern fits, with cookies by name', () => {
    using b = new Bench(engine, ['many']);
    const link = b.attach('many');
    for (const name of ['bpf_fentry_test1', 'bpf_fentry_test9']) b.trace.call(name, [3]);
    b.trace.call('bpf_modify_return_test', { a: 1 });
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [21, 3],
      [21, 3],
    ]);
    link.close();
    b.trace.call('bpf_fentry_test1', [3]);
    expect(b.notes()).toEqual([]);
    b.attach('many', { functions: ['bpf_fentry_test1', 'bpf_fentry_test2'], cookies: [5n, 6n] });
    b.trace.call('bpf_fentry_test2', [1, 2n]);
    b.trace.call('bpf_fentry_test1', [1]);
    expect(b.notes().map(({ cookie }) => cookie)).toEqual([6n, 5n]);
  });

  test('a session is called at the return when its entry said 0', () => {
    using b = new Bench(engine, ['session']);
    b.attach('session');
    b.trace.call('bpf_fentry_test1', { a: 1 }, () => 5);
    expect(b.notes().map(({ arg }) => arg)).toEqual([0, 5]);
    b.object.variable('skip').setVariable('skip', 1);
    b.trace.call('bpf_fentry_test1', { a: 1 }, () => 5);
    expect(b.notes()).toHaveLength(1);
  });

  test('records of trace events, with text behind them, in one order with raw tracepoints', () => {
    using b = new Bench(engine, ['exec', 'exec_raw']);
    b.attach('exec', { cookie: 9n });
    b.attach('exec_raw');
    using task = b.runtime.world.struct('task_struct');
    b.trace.record(
      'sched:sched_process_exec',
      { filename: '/bin/ls', pid: 12, old_pid: 11 },
      { p: task, old_pid: 11, bprm: null },
    );
    expect(b.notes().map(({ id, arg, cookie }) => [id, arg, cookie])).toEqual([
      [41, 12, 9n],
      [42, 11, 0n],
    ]);
    expect(b.object.variable('text').getVariable('text')).toBe('/bin/ls');
  });

  test('a system call passes its events, its function and whoever looks at all calls', () => {
    using b = new Bench(engine, ['openat', 'openat_exit', 'enter_raw', 'openat_probe']);
    using links = b.object.attach();
    expect(links.size).toBe(4);
    expect(b.trace.syscalls.run('openat', [-100, 0x7000_0000n, 0o101], () => 3)).toBe(3n);
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [43, 0o101],
      [45, 257],
      [46, 0o101],
      [44, 3],
    ]);
    expect(b.trace.syscalls.run('read', [3], () => -9)).toBe(-9n);
    expect(b.order).toEqual([45]);
  });

  test('what runs at a probe is not entered again, and trampolines are', () => {
    using b = new Bench(engine, ['probe1', 'entry', 'return11']);
    const probe = b.attach('probe1');
    b.attach('entry');
    b.attach('return11');
    let depth = 0;
    b.trace.function('bpf_fentry_test1').probes.attach('entry', 'multi', () => {
      if (depth++ < 1) b.trace.call('bpf_fentry_test1', { a: 2 });
    });
    b.trace.call('bpf_fentry_test1', { a: 1 });
    expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
      [1, 2],
      [31, 2],
      [11, 0],
      [1, 1],
      [31, 1],
      [11, 0],
    ]);
    probe.close();
  });
});

test('a snapshot keeps what is attached', () => {
  using b = new Bench('jit', ['probe1', 'exec', 'many']);
  b.attach('probe1');
  const snapshot = b.runtime.snapshot();
  b.attach('many');
  b.attach('exec');
  b.runtime.restore(snapshot);
  b.trace.call('bpf_fentry_test1', { a: 1 });
  b.trace.record('sched_process_exec', { pid: 1 });
  expect(b.order).toEqual([1]);
});

test('what cannot be attached is refused with its name, and leaves nothing open', () => {
  using b = new Bench('jit', ['probe1', 'many', 'exec', 'too_far']);
  expect(() => b.attach('probe1', { function: 'no_such_function' })).toThrow(/ENOENT/);
  expect(() => b.attach('probe1', { function: 'bpf_fentry_test1', offset: 9 })).toThrow(/EOPNOTSUPP/);
  expect(() => b.attach('many', { functions: ['no_such_function'] })).toThrow(/ESRCH/);
  expect(() => b.attach('many', { functions: ['bpf_fentry_test1', 'bpf_fentry_test1'] })).toThrow(/ESRCH/);
  expect(() => b.attach('many', { functions: ['no_such*'] })).toThrow(/no function fits/);
  expect(() => b.attach('exec', { tracepoint: 'net:sched_process_exec' })).toThrow(/ENOENT/);
  expect(() => b.attach('too_far')).toThrow(/EACCES/);
  const next = b.runtime.perfEventOpen({ type: 8, probe_name: 'bpf_fentry_test1' });
  b.runtime.close(next);
  expect(b.runtime.perfEventOpen({ type: 8, probe_name: 'bpf_fentry_test1' })).toBe(next);
});

test('records that do not fit, and hits that lack what a program takes', () => {
  using b = new Bench('jit', ['exec', 'exec_raw']);
  const { trace } = b;
  // Nobody looks.
  trace.record('sched:sched_process_exec', { no_such_field: 1 });
  b.attach('exec');
  expect(() => trace.record('sched:sched_process_exec', { no_such_field: 1 })).toThrow(/filename, pid, old_pid/);
  expect(() => trace.record('sched:sched_process_exec', { pid: 2 ** 31 })).toThrow(/not in/);
  expect(() => trace.record('sched:sched_process_exec', { filename: 7 })).toThrow(/text or bytes/);
  expect(() => trace.record('no:such_event', {})).toThrow(UnknownTarget);
  expect(() => trace.hit('sched_process_exec', { old_pid: 1 })).toThrow(NotSimulated);
  b.attach('exec_raw');
  expect(() => trace.record('sched:sched_process_exec', { pid: 1 })).toThrow(NotSimulated);
});

test('a link that is closed inside of its own run, and what throws in between, leave nothing attached or held', () => {
  using b = new Bench('jit', ['probe1', 'return11']);
  const link = b.attach('probe1');
  b.attach('return11');
  const fn = b.trace.function('bpf_fentry_test1');
  const closing = fn.probes.attach('entry', 'single', () => link.close());
  b.trace.call('bpf_fentry_test1', { a: 1 });
  // It was taken away before its turn came.
  expect(b.order).toEqual([11]);
  closing.detach();
  expect(() =>
    b.trace.call('bpf_fentry_test1', { a: 1 }, () => {
      throw new Error('boom');
    }),
  ).toThrow('boom');
  b.trace.call('bpf_fentry_test1', { a: 1 }, () => 4);
  expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([[11, 4]]);
});

test('records and arguments hold what their integers hold, with and without bigints', () => {
  using b = new Bench('jit', ['exec', 'probe1', 'return11']);
  const { trace } = b;
  b.attach('exec');
  for (const filename of ['', 'é', '/bin/\u{1f600}', 'x'.repeat(31)]) {
    trace.record('sched:sched_process_exec', { filename, pid: -1 });
    expect(b.object.variable('text').getVariable('text')).toBe(filename);
  }
  expect(b.notes().map(({ arg }) => arg)).toEqual(Array(4).fill(0xffff_ffff));
  expect(() => trace.record('sched:sched_process_exec', { filename: 'x'.repeat(8192) })).toThrow(/do not fit 8192/);
  expect(() => trace.record('sched:sched_process_exec', { filename: 'é'.repeat(4096) })).toThrow(/do not fit 8192/);
  expect(() => trace.record('sched:sched_process_exec', { pid: 0.5 })).toThrow(/an integer/);
  b.attach('probe1');
  b.attach('return11');
  expect(trace.call('bpf_fentry_test1', { a: -5 }, () => -6)).toBe(-6);
  expect(trace.call('bpf_fentry_test1', { a: -5n }, () => -6n)).toBe(-6);
  expect(() => trace.call('bpf_fentry_test1', { a: 2 ** 31 })).toThrow(/not in/);
  expect(() => trace.call('bpf_fentry_test1', { a: 1 }, () => 2 ** 31)).toThrow(/not in/);
  expect(b.notes().map(({ arg }) => arg | 0)).toEqual([-5, -6, -5, -6, 1]);
});

// Errors as recorded on 6.18, but for places inside of functions, of which there are none.
test('functions by their addresses', () => {
  using b = new Bench('jit', ['probe1', 'return11', 'many']);
  const addressOf = (name: string): bigint => {
    const [lo, hi] = b.trace.function(name).address;
    return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  };
  const at = addressOf('bpf_fentry_test1');
  const open = (probe_addr: bigint, config = 0n): number => b.runtime.perfEventOpen({ type: 8, probe_addr, config });
  expect([open(0n), open(0x1234n), open(-8n), open(at + 1n)]).toEqual(
    [ERRNO.EINVAL, ERRNO.ENOENT, ERRNO.ENOENT, ERRNO.EOPNOTSUPP].map((errno) => -errno),
  );
  expect(open(at + 1n, 1n)).toBe(-ERRNO.EINVAL);
  b.attach('probe1', { perfEvent: open(at) });
  b.attach('return11', { perfEvent: open(at, 1n) });
  b.trace.call('bpf_fentry_test1', { a: 3 }, () => 4);
  expect(b.notes().map(({ id, arg }) => [id, arg])).toEqual([
    [1, 3],
    [11, 4],
  ]);
  const multi = (...addresses: bigint[]): number =>
    b.runtime.bpf(BPF_CMD.BPF_LINK_CREATE, {
      link_create: {
        prog_fd: b.object.program('many').fd,
        attach_type: A.BPF_TRACE_KPROBE_MULTI,
        kprobe_multi: { addrs: new Uint8Array(BigUint64Array.from(addresses).buffer) },
      },
    });
  expect([multi(0n), multi(at, 0x1234n), multi(at + 1n)]).toEqual(Array(3).fill(-ERRNO.ENOENT));
  const fd = multi(at, at + 4n, addressOf('bpf_fentry_test2'));
  expect(fd).toBeGreaterThan(0);
  b.trace.call('bpf_fentry_test1', { a: 5 });
  b.trace.call('bpf_fentry_test2', { a: 6 });
  expect(b.order).toEqual([21, 1, 11, 21]);
});
