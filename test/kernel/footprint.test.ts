/** What programs and maps leave behind: little while they live, nothing when they are closed, and closing many is quick. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { assemble } from '../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { createRuntime, type Runtime } from '../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../src/uapi/prog-types.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Bytes of JavaScript objects and of their buffers, with all garbage gone. */
async function held(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((done) => setTimeout(done, 5));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** 128 instructions with branches, so that verification remembers states. */
const insns = encodeInsns(
  assemble(
    `r0 = *(u64 *)(r1 +0)\n${Array.from({ length: 42 }, (_, i) => `if r0 == ${i} goto +1\nr0 += 1\nr2 = r0`).join('\n')}\nexit`,
  ),
);
const load = (sys: Runtime): number =>
  sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns, license: 'GPL' });
const map = (sys: Runtime): number =>
  sys.bpf(C.BPF_MAP_CREATE, { map_type: M.BPF_MAP_TYPE_HASH, key_size: 4, value_size: 8, max_entries: 2 });

test.each(['jit', 'interp'] as const)('%s: a loaded program does not hold its verification', async (engine) => {
  using sys = createRuntime({ memory: 64 << 20, engine });
  // What the host compiles and learns of the loader itself comes first.
  for (let i = 0; i < 300; i++) expect(load(sys)).toBeGreaterThan(0);
  const before = await held();
  const count = 300;
  for (let i = 0; i < count; i++) load(sys);
  // With the host's objects of an instance; compiled ones have drivers beside them, interpreted ones decoded instructions.
  expect(((await held()) - before) / count).toBeLessThan(10 << 10);
});

test('programs and maps that are loaded and closed again and again leave nothing', async () => {
  using sys = createRuntime({ memory: 64 << 20 });
  const cycle = (): void => {
    const fds = [map(sys), map(sys), load(sys)];
    for (const fd of fds) expect(sys.close(fd)).toBe(0);
  };
  // What a cycle leaves is left in every round; what the host learns of the code comes in a few of them.
  const grown: number[] = [];
  let before = await held();
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 100; i++) cycle();
    const now = await held();
    grown.push(now - before);
    before = now;
  }
  expect(Math.min(...grown)).toBeLessThan(64 << 10);
});

const two = encodeInsns(assemble('r0 = 0\nexit'));
const small = (sys: Runtime): number =>
  sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns: two, license: 'GPL' });
const types = new BtfBuilder();
types.int('int', 4, 1);
const btf = types.encode();
const loadBtf = (sys: Runtime): number => sys.bpf(C.BPF_BTF_LOAD, { btf });

/** Milliseconds that closing one of `count` objects takes. */
function closing(sys: Runtime, make: (sys: Runtime) => number, count: number): number {
  const fds = Array.from({ length: count }, () => make(sys));
  expect(Math.min(...fds)).toBeGreaterThan(0);
  const start = process.cpuUsage();
  for (const fd of fds) sys.close(fd);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / count;
}

test.each([
  ['jit', 'programs', small, 400],
  ['interp', 'programs', small, 400],
  ['jit', 'types', loadBtf, 2000],
] as const)('%s: closing many %s takes time in proportion', (engine, _what, make, some) => {
  using sys = createRuntime({ memory: 64 << 20, engine });
  closing(sys, make, some);
  const few = closing(sys, make, some);
  expect(closing(sys, make, some * 8)).toBeLessThan(few * 4 + 0.02);
});

test.each(['in their order', 'the last first', 'mixed'])('closing many maps, %s, takes time in proportion', (order) => {
  using sys = createRuntime({ memory: 256 << 20 });
  const timed = (count: number): number => {
    const fds = Array.from({ length: count }, () => map(sys));
    if (order === 'the last first') fds.reverse();
    const step = order === 'mixed' ? 7919 : 1;
    const start = performance.now();
    for (let i = 0; i < count; i++) sys.close(fds[(i * step) % count]);
    return (performance.now() - start) / count;
  };
  timed(1000);
  const few = timed(2000);
  expect(timed(16_000)).toBeLessThan(few * 4 + 0.02);
});
