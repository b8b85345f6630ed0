/** What a port of the host ends while a program runs stays until the program has ended: nothing of it becomes another map's memory. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import type { RuntimeProgram } from '../../../src/kernel/boot/runtime-program.ts';
import { EventReader } from '../../../src/lib/events.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const VALUE = 64;
const CANARY = 0xc5;
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);

/** A runtime whose clock does something once, when a program asks for the time. */
class World {
  readonly sys: Runtime;
  readonly canaries: number[] = [];
  onClock: (() => void) | undefined;

  constructor(engine: Engine, options: RuntimeOptions = {}) {
    const ktimeNs = (out: Int32Array): void => {
      out.fill(0);
      const act = this.onClock;
      this.onClock = undefined;
      act?.();
    };
    this.sys = createRuntime({ memory: 64 << 20, kernelBtf, engine, ...options, host: { ktimeNs } });
  }

  map(map_type: number, more = {}): number {
    const size = { key_size: 4, value_size: VALUE, max_entries: 4 };
    const fd = this.sys.bpf(C.BPF_MAP_CREATE, { map_type, ...size, ...more });
    expect(fd).toBeGreaterThan(0);
    return fd;
  }

  set(map_fd: number, key: number, value: Uint8Array): void {
    expect(this.sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: u32(key), value, flags: 0n })).toBe(0);
  }

  get(map_fd: number, key: number): Uint8Array | number {
    const value = new Uint8Array(VALUE);
    const result = this.sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd, key: u32(key), value });
    return result < 0 ? result : value;
  }

  load(asm: string, maps: Record<string, number>, prog_type: number = T.BPF_PROG_TYPE_RAW_TRACEPOINT): number {
    const { insns } = assembled(asm, maps);
    const log_buf = new Uint8Array(1 << 16);
    const fd = this.sys.bpf(C.BPF_PROG_LOAD, { prog_type, insns, license: 'GPL', log_level: 1, log_buf });
    expect(fd, new TextDecoder().decode(log_buf).replace(/\0.*/s, '')).toBeGreaterThan(0);
    return fd;
  }

  /** Takes all memory of such maps that is free, and fills it. */
  plant(map_type: number = M.BPF_MAP_TYPE_HASH): void {
    for (let i = 0; i < 40; i++) {
      const fd = this.map(map_type);
      for (let key = 0; key < 4; key++) this.set(fd, key, new Uint8Array(VALUE).fill(CANARY));
      this.canaries.push(fd);
    }
  }

  /** Canary values that something has written to. */
  get victims(): number {
    let count = 0;
    for (const fd of this.canaries) {
      for (let key = 0; key < 4; key++) {
        const value = this.get(fd, key);
        if (typeof value === 'number' || value.some((byte) => byte !== CANARY)) count++;
      }
    }
    return count;
  }

  run(prog_fd: number, more = {}): { result: number; retval: number } {
    const test = { prog_fd, retval: 0, ...more };
    const result = this.sys.bpf(C.BPF_PROG_TEST_RUN, { test });
    return { result, retval: test.retval };
  }

  handle(fd: number): RuntimeProgram {
    return this.sys.program(fd) as RuntimeProgram;
  }
}

function assembled(asm: string, maps: Record<string, number>): { insns: Uint8Array } {
  return { insns: encodeInsns(assemble(asm, { map: (name) => maps[name] })) };
}

const LOOKUP = `
  r2 = r10
  r2 += -8
  call bpf_map_lookup_elem
  if r0 == 0 goto out
`;
const WRITE = `
  r6 = r0
  call bpf_ktime_get_ns
  r1 = 0x41414141
  *(u32 *)(r6 +0) = r1
  *(u32 *)(r6 +56) = r1
  r0 = *(u32 *)(r6 +56)
  goto end
out:
  r0 = 7
end:
  exit
`;
/** Finds the value of key 1, asks for the time, writes the value and returns what it wrote. */
const FIND_AND_WRITE = `r1 = 1\n*(u64 *)(r10 -8) = r1\nr1 = map[m] ll${LOOKUP}${WRITE}`;
/** The same in the inner map that an outer one holds under key 1. */
const IN_INNER = `r1 = 1\n*(u64 *)(r10 -8) = r1\nr1 = map[m] ll${LOOKUP}r1 = r0${LOOKUP}${WRITE}`;
const WRITTEN = { result: 0, retval: 0x41414141 };

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test.each([
    ['HASH', {}],
    ['HASH', { map_flags: 1 }],
    ['ARRAY', {}],
    ['LRU_HASH', {}],
    ['PERCPU_HASH', {}],
    ['PERCPU_ARRAY', {}],
  ] as const)('the map %s %j and the program are closed', (type, more) => {
    const world = new World(engine);
    const m = world.map(M[`BPF_MAP_TYPE_${type}`], more);
    world.set(m, 1, new Uint8Array(VALUE));
    const prog = world.load(FIND_AND_WRITE, { m });
    world.onClock = () => {
      world.sys.close(prog);
      world.sys.close(m);
      world.plant();
      world.plant(M.BPF_MAP_TYPE_ARRAY);
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
    expect(world.run(prog).result).toBeLessThan(0);
  });

  test('an LPM trie is closed', () => {
    const world = new World(engine);
    const m = world.map(M.BPF_MAP_TYPE_LPM_TRIE, { key_size: 8, map_flags: 1 });
    const key = new Uint8Array(8);
    key[0] = 1;
    expect(world.sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: m, key, value: new Uint8Array(VALUE), flags: 0n })).toBe(0);
    const prog = world.load(FIND_AND_WRITE, { m });
    world.onClock = () => {
      world.sys.close(prog);
      world.sys.close(m);
      world.plant();
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
  });

  test.each([0, 1])('an element is deleted and its memory used for another of its map (map_flags %i)', (map_flags) => {
    const world = new World(engine);
    const m = world.map(M.BPF_MAP_TYPE_HASH, { map_flags });
    world.set(m, 1, new Uint8Array(VALUE));
    world.plant();
    const prog = world.load(FIND_AND_WRITE, { m });
    world.onClock = () => {
      expect(world.sys.bpf(C.BPF_MAP_DELETE_ELEM, { map_fd: m, key: u32(1) })).toBe(0);
      for (let key = 2; key < 6; key++) world.set(m, key, new Uint8Array(VALUE));
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
    // The value that the program held is one of the same map's, as in the kernel.
    const written = [2, 3, 4, 5].filter((key) => (world.get(m, key) as Uint8Array)[0] === 0x41);
    expect(written.length).toBeLessThanOrEqual(1);
  });

  test.each(['ARRAY_OF_MAPS', 'HASH_OF_MAPS'] as const)('the inner map of %s is replaced and closed', (type) => {
    const world = new World(engine);
    const inner = world.map(M.BPF_MAP_TYPE_HASH);
    const other = world.map(M.BPF_MAP_TYPE_HASH);
    world.set(inner, 1, new Uint8Array(VALUE));
    const m = world.map(M[`BPF_MAP_TYPE_${type}`], { value_size: 4, inner_map_fd: inner });
    world.set(m, 1, u32(inner));
    const prog = world.load(IN_INNER, { m });
    world.onClock = () => {
      world.sys.close(inner);
      world.set(m, 1, u32(other));
      world.plant();
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
    world.onClock = () => {
      for (const fd of [prog, other, m]) world.sys.close(fd);
      world.plant();
    };
    world.set(other, 1, new Uint8Array(VALUE));
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
  });

  test('the program that was tail-called leaves its array and is closed', () => {
    const world = new World(engine);
    const m = world.map(M.BPF_MAP_TYPE_HASH);
    world.set(m, 1, new Uint8Array(VALUE));
    const progs = world.map(M.BPF_MAP_TYPE_PROG_ARRAY, { value_size: 4 });
    const target = world.load(FIND_AND_WRITE, { m });
    world.set(progs, 0, u32(target));
    const prog = world.load('r2 = map[progs] ll\nr3 = 0\ncall bpf_tail_call\nr0 = 9\nexit', { progs });
    world.onClock = () => {
      for (const fd of [target, m, progs, prog]) world.sys.close(fd);
      world.plant();
      // Slots and result cells of the closed programs would be theirs.
      for (let i = 0; i < 8; i++) world.load('r0 = 3\nexit', {});
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
  });

  test('entries of a prog array are gone at once for the calls that follow', () => {
    const world = new World(engine);
    const progs = world.map(M.BPF_MAP_TYPE_PROG_ARRAY, { value_size: 4 });
    world.set(progs, 0, u32(world.load('r0 = 3\nexit', {})));
    const asm = `
      r6 = r1
      call bpf_ktime_get_ns
      r1 = r6
      r2 = map[progs] ll
      r3 = 0
      call bpf_tail_call
      r0 = 9
      exit`;
    const prog = world.load(asm, { progs });
    world.onClock = () => void world.sys.bpf(C.BPF_MAP_DELETE_ELEM, { map_fd: progs, key: u32(0) });
    expect(world.run(prog)).toEqual({ result: 0, retval: 9 });
    world.set(progs, 0, u32(world.load('r0 = 4\nexit', {})));
    world.onClock = () => world.sys.close(progs);
    expect(world.run(prog)).toEqual({ result: 0, retval: 9 });
  });

  test('the runtime is disposed', () => {
    const world = new World(engine);
    const m = world.map(M.BPF_MAP_TYPE_HASH);
    world.set(m, 1, new Uint8Array(VALUE));
    const prog = world.load(FIND_AND_WRITE, { m });
    world.onClock = () => {
      world.sys[Symbol.dispose]();
      world.plant();
    };
    expect(world.run(prog)).toEqual(WRITTEN);
    expect(world.victims).toBe(0);
  });

  test('a packet runner is disposed, and disposed once more', () => {
    const world = new World(engine);
    const asm = `
      r6 = *(u32 *)(r1 +0)
      r7 = *(u32 *)(r1 +4)
      call bpf_ktime_get_ns
      r2 = r6
      r2 += 64
      if r2 > r7 goto out
      r1 = 0x41414141
      *(u32 *)(r6 +0) = r1
      *(u32 *)(r6 +56) = r1
    out:
      r0 = 2
      exit`;
    const runner = world.handle(world.load(asm, {}, T.BPF_PROG_TYPE_XDP)).runner({ capacity: 512 });
    const dispose = (): void => {
      runner[Symbol.dispose]();
      world.plant();
      world.plant(M.BPF_MAP_TYPE_ARRAY);
    };
    world.onClock = dispose;
    expect(runner.run(new Uint8Array(64))).toBe(2);
    expect(world.victims).toBe(0);
    runner[Symbol.dispose]();
    expect(() => runner.run(new Uint8Array(64))).toThrow(RangeError);
    expect(() => runner.runBatch([new Uint8Array(64)], new Uint32Array(1))).toThrow(RangeError);
    expect(world.victims).toBe(0);
  });

  test('programs that a port runs leave the outer one its stack and what it is run on', () => {
    const world = new World(engine);
    const deep = world.load(
      `r1 = 0x55555555\n${Array.from({ length: 64 }, (_, i) => `*(u64 *)(r10 -${i * 8 + 8}) = r1`).join('\n')}\nr0 = 5\nexit`,
      {},
      T.BPF_PROG_TYPE_XDP,
    );
    const asm = `
      r6 = 0x1234
      *(u64 *)(r10 -8) = r6
      *(u64 *)(r10 -512) = r6
      r1 = 3
      r2 = 0
      call bpf_redirect
      call bpf_ktime_get_ns
      r0 = *(u64 *)(r10 -8)
      r1 = *(u64 *)(r10 -512)
      r0 += r1
      exit`;
    const prog = world.load(asm, {}, T.BPF_PROG_TYPE_XDP);
    const data_in = new Uint8Array(64);
    const inner: unknown[] = [];
    world.onClock = () => {
      inner.push(world.run(deep, { data_in }), world.run(prog, { data_in }), world.handle(deep).runner().run(data_in));
    };
    expect(world.run(prog, { data_in })).toEqual({ result: 0, retval: 0x2468 });
    expect(inner).toEqual([{ result: 0, retval: 5 }, { result: 0, retval: 0x2468 }, 5]);
    expect(world.sys.runState.redirectIfindex).toBe(3);
  });

  test('a program in the hands of its host is refused once it is closed', () => {
    const world = new World(engine);
    const m = world.map(M.BPF_MAP_TYPE_HASH);
    world.set(m, 1, new Uint8Array(VALUE));
    const prog = world.load(FIND_AND_WRITE, { m });
    const handle = world.handle(prog);
    expect(handle.runContext(new Uint8Array(8)).r0[0]).toBe(0x41414141);
    world.sys.close(prog);
    world.sys.close(m);
    world.plant();
    expect(() => handle.runContext(new Uint8Array(8))).toThrow(RangeError);
    expect(world.victims).toBe(0);
  });
});

test('a ring buffer that its reader closes is read to its end', () => {
  const world = new World('interp');
  const m = world.map(M.BPF_MAP_TYPE_RINGBUF, { key_size: 0, value_size: 0, max_entries: 4096 });
  const asm = `
    r1 = 1
    *(u64 *)(r10 -8) = r1
    r1 = map[m] ll
    r2 = r10
    r2 += -8
    r3 = 8
    r4 = 0
    call bpf_ringbuf_output
    r0 = 0
    exit`;
  const prog = world.load(asm, { m });
  world.run(prog);
  world.run(prog);
  const spec = { type: M.BPF_MAP_TYPE_RINGBUF, maxEntries: 4096, valueTypeId: 0 };
  const ring = new EventReader(world.sys, { fd: m, name: 'm', btf: undefined, spec });
  let samples = 0;
  const read = ring.consume(() => {
    samples++;
    world.sys.close(m);
    world.sys.close(prog);
    world.plant();
  });
  expect([read, samples]).toEqual([2, 2]);
  expect(ring.consume(() => undefined)).toBe(0);
  ring.close();
  expect(ring.consume(() => undefined)).toBe(0);
  expect(world.victims).toBe(0);
});
