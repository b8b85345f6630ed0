/** Real time is a port: deadlines bound a whole call by it, and may_goto ends at the same jump in both engines. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

/** A clock that steps with every look. */
function stepping(ms: number): () => number {
  let now = 0;
  return () => (now += ms);
}

const runtime = (engine: Engine, options: RuntimeOptions): Runtime =>
  createRuntime({ memory: 64 << 20, kernelBtf, engine, ...options });

function load(sys: Runtime, asm: string): number {
  const insns = encodeInsns(assemble(asm));
  const fd = sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_XDP, insns, license: 'GPL' });
  expect(fd).toBeGreaterThan(0);
  return fd;
}

function run(sys: Runtime, prog_fd: number, more = {}): { result: number; retval: number; aborted: string } {
  const test = { prog_fd, data_in: new Uint8Array(64), retval: 0, aborted: '', ...more };
  const result = sys.bpf(C.BPF_PROG_TEST_RUN, { test });
  return { result, retval: test.retval, aborted: test.aborted };
}

const COUNT = `
  r6 = 0
again:
  may_goto done
  r6 += 1
  goto again
done:
  r0 = r6
  exit`;
/** The inner loop takes all ticks: the outer one ends because the time of its function is up. */
const NESTED = `
  r6 = 0
outer:
  may_goto done
  r6 += 1
inner:
  may_goto outer
  goto inner
done:
  r0 = r6
  exit`;

describe.each([1, 10, 100, 250, 1000])('a clock that steps %i ms a look', (step) => {
  test.each([
    ['one loop', COUNT],
    ['a loop in a loop', NESTED],
  ])('may_goto: %s', (_name, asm) => {
    const said = (['jit', 'interp'] as const).map((engine) => {
      const sys = runtime(engine, {
        host: {
          stopwatch: stepping(step),
          // The guest's clock stands still, which changes nothing.
          ktimeNs: (out) => void out.fill(0),
        },
      });
      const fd = load(sys, asm);
      return [run(sys, fd), run(sys, fd)];
    });
    expect(said[1]).toEqual(said[0]);
    expect(said[0][0].result).toBe(0);
    expect(said[0][1]).toEqual(said[0][0]);
    // The first tick starts the time, each tick is 65,536 jumps.
    if (asm === COUNT) expect(said[0][0].retval).toBe((1 + Math.ceil(250 / step)) * 65536 - 1);
  });
});

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('may_goto runs for its time, not for a number of jumps', () => {
    // Linux 6.18 counts 78 million in 250 ms where that fits.
    const sys = runtime(engine, { host: { stopwatch: stepping(1) } });
    expect(run(sys, load(sys, COUNT)).retval).toBeGreaterThan(8 << 20);
  });

  test('repeats of a test run are one call', () => {
    const sys = runtime(engine, { deadlineMs: 50, host: { stopwatch: stepping(1) } });
    const fd = load(sys, 'r0 = 2\nexit');
    expect(run(sys, fd, { repeat: 10 })).toEqual({ result: 0, retval: 2, aborted: '' });
    expect(run(sys, fd, { repeat: 0x7fff_ffff })).toMatchObject({
      result: -ERRNO.EINTR,
      aborted: 'still running after 50 ms',
    });
    // The next call has its own time.
    expect(run(sys, fd, { repeat: 10 })).toMatchObject({ result: 0 });
  });

  test('packets of a batch are one call', () => {
    const runnerOf = (step: number) => {
      const sys = runtime(engine, { deadlineMs: 50, host: { stopwatch: stepping(step) } });
      return sys.program(load(sys, 'r0 = 2\nexit'))?.runner({ capacity: 64 });
    };
    const packets = Array.from({ length: 6000 }, () => new Uint8Array(64));
    const verdicts = new Uint32Array(packets.length);
    expect(() => runnerOf(0.1)?.runBatch(packets, verdicts)).toThrow('still running after 50 ms');
    expect(verdicts[0]).toBe(2);
    const prepared = runnerOf(1)?.prepare(packets.slice(0, 200));
    expect(() => prepared?.run()).toThrow('still running after 50 ms');
    expect(() => prepared?.run(0, 20)).not.toThrow();
  });

  test('a program that a port runs does not give the outer one more time', () => {
    const made: Runtime[] = [];
    let inner = 0;
    const ktimeNs = (out: Int32Array): void => {
      out.fill(0);
      if (inner !== 0) run(made[0], inner);
    };
    const sys = runtime(engine, { deadlineMs: 50, host: { stopwatch: stepping(1), ktimeNs } });
    made.push(sys);
    const outer = load(sys, 'call bpf_ktime_get_ns\nr0 = 2\nexit');
    inner = load(sys, 'r0 = 1\nexit');
    expect(run(sys, outer, { repeat: 1_000_000 }).result).toBe(-ERRNO.EINTR);
  });
});
