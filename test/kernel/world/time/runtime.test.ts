/** A runtime with a virtual clock: every clock of its programs follows it, in both engines, and two runs are the same bit for bit. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE } from '../../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const ENGINES: readonly Engine[] = ['jit', 'interp'];
/** Clocks by helper id: ktime, boot, coarse, tai, jiffies. */
const CLOCKS = [5, 125, 160, 208, 118] as const;

/** Writes all clocks and a random number (helper 7) to the array. */
const READS = `
  r1 = map[clocks]
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto done
  r6 = r0
${[...CLOCKS, 7].map((id, i) => `  call ${id}\n  *(u64 *)(r6 + ${i * 8}) = r0`).join('\n')}
done:
  r0 = 0
  exit`;

interface Clocked {
  readonly sys: Runtime;
  run(): readonly bigint[];
}

function clocked(engine: Engine, options: RuntimeOptions = {}): Clocked {
  let random = 1;
  const random32 = (): number => (random = Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  const sys = createRuntime({ memory: 16 << 20, kernelBtf, engine, clock: 'virtual', ...options, host: { random32 } });
  const value_size = 8 * (CLOCKS.length + 1);
  const map_fd = sys.bpf(C.BPF_MAP_CREATE, {
    ...{ map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size, max_entries: 1 },
  });
  const insns = encodeInsns(assemble(READS, { map: () => map_fd }));
  const prog_fd = sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_XDP, insns, license: 'GPL' });
  expect([map_fd > 0, prog_fd > 0]).toEqual([true, true]);
  return {
    sys,
    run() {
      sys.program(prog_fd)?.runner().run(new Uint8Array(64));
      const value = new Uint8Array(value_size);
      expect(sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd, key: new Uint8Array(4), value })).toBe(0);
      return [...new BigUint64Array(value.buffer)];
    },
  };
}

describe.each(ENGINES)('%s', (engine) => {
  test('programs see the clock that their host sets, and nothing moves it but advance', () => {
    const { sys, run } = clocked(engine, { clock: { boot: 10_000_000_001n, realtime: 20_000_000_000n } });
    const { time } = sys.world;
    const said = (): readonly bigint[] => [time.now(), time.boot(), time.coarse(), time.tai(), time.jiffies()];
    expect(run().slice(0, 5)).toEqual([
      10_000_000_001n,
      10_000_000_001n,
      10_000_000_000n,
      20_000_000_000n,
      4294894796n,
    ]);
    expect(run().slice(0, 5)).toEqual(said());
    sys.advance(5_123_456_789n);
    expect(run().slice(0, 5)).toEqual([
      15_123_456_790n,
      15_123_456_790n,
      15_120_000_000n,
      25_123_456_789n,
      4294896076n,
    ]);
    expect(run().slice(0, 5)).toEqual(said());
  });

  test('an event runs a program at its own time', () => {
    const { sys, run } = clocked(engine, { clock: { boot: 0n } });
    const seen: bigint[] = [];
    const tick = (): void => {
      seen.push(run()[0]);
      sys.world.time.at(sys.world.time.now() + 100n, 0, tick);
    };
    sys.world.time.at(100n, 0, tick);
    expect(sys.advance(350n)).toBe(3);
    expect([seen, sys.world.time.now()]).toEqual([[100n, 200n, 300n], 350n]);
  });
});

test('two runs with the same ports leave the same memory, and both engines the same values', () => {
  const story = (engine: Engine): { values: readonly (readonly bigint[])[]; memory: Uint8Array } => {
    const { sys, run } = clocked(engine);
    const values: (readonly bigint[])[] = [];
    const again = (step: bigint): void => {
      values.push(run());
      if (step < 1n << 40n) sys.world.time.at(sys.world.time.now() + step, 0, () => again(step * 3n));
    };
    again(7n);
    sys.advance(1n << 42n);
    return { values, memory: sys.memory.u8 };
  };
  const [first, second, other] = [story('jit'), story('jit'), story('interp')];
  expect(first.values.length).toBeGreaterThan(20);
  expect(second.values).toEqual(first.values);
  expect(Buffer.compare(first.memory, second.memory)).toBe(0);
  expect(other.values).toEqual(first.values);
});

test('by default time is the host’s, and programs cannot be ahead of it', () => {
  const { sys, run } = clocked('jit', { clock: 'host' });
  const { time } = sys.world;
  const before = time.now();
  const [inside] = run();
  expect(inside).toBeGreaterThanOrEqual(before);
  expect(time.now()).toBeGreaterThanOrEqual(inside);
});

test('the time of loading is the guest’s', () => {
  const { sys } = clocked('jit', { clock: { boot: 77n << 32n } });
  const bytes = new Uint8Array(256);
  const bpf_fd = [3, 4, 5].find((fd) => sys.program(fd) !== undefined) ?? -1;
  expect(sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd, info: bytes, kind: 'prog' } })).toBe(0);
  // struct bpf_prog_info.load_time
  expect(new DataView(bytes.buffer).getBigUint64(40, true)).toBe(77n << 32n);
});
