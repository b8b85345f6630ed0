/** A story for tests: a runtime with a map of every type, a program over them, and commands, runs and time in an order that a seed gives. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

/** Bytes of its memory. */
export const MEMORY = 32 << 20;
const u32 = (...n: number[]): Uint8Array => new Uint8Array(Uint32Array.from(n).buffer);

/** Key, value, entries and flags of one map of each type. */
export const MAPS: Readonly<Record<number, readonly [key: number, value: number, entries: number, flags?: number]>> = {
  [M.BPF_MAP_TYPE_HASH]: [4, 8, 6],
  [M.BPF_MAP_TYPE_ARRAY]: [4, 8, 6],
  [M.BPF_MAP_TYPE_PROG_ARRAY]: [4, 4, 8],
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: [4, 4, 2],
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: [4, 4, 2],
  [M.BPF_MAP_TYPE_PERCPU_HASH]: [4, 8, 6, 1],
  [M.BPF_MAP_TYPE_PERCPU_ARRAY]: [4, 8, 6],
  [M.BPF_MAP_TYPE_STACK_TRACE]: [4, 32, 8],
  [M.BPF_MAP_TYPE_LRU_HASH]: [4, 8, 6],
  [M.BPF_MAP_TYPE_LRU_PERCPU_HASH]: [4, 8, 6],
  [M.BPF_MAP_TYPE_LPM_TRIE]: [8, 8, 6, 1],
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: [4, 4, 8],
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: [4, 4, 8],
  [M.BPF_MAP_TYPE_DEVMAP]: [4, 8, 8],
  [M.BPF_MAP_TYPE_CPUMAP]: [4, 8, 2],
  [M.BPF_MAP_TYPE_XSKMAP]: [4, 4, 8],
  [M.BPF_MAP_TYPE_QUEUE]: [0, 8, 6],
  [M.BPF_MAP_TYPE_STACK]: [0, 8, 6],
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: [4, 8, 8],
  [M.BPF_MAP_TYPE_RINGBUF]: [0, 0, 4096],
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: [0, 8, 6],
};

/** Draws a random number, reads the clock, writes to maps, sends to both kinds of rings, prints, and calls whatever stands in the array. */
const WORK = `
  r6 = r1
  *(u64 *)(r10 - 16) = 0
  call 7
  *(u64 *)(r10 - 8) = r0
  r0 &= 7
  *(u32 *)(r10 - 12) = r0
  call 5
  *(u64 *)(r10 - 24) = r0
  r1 = map[hash]
  r2 = r10
  r2 += -12
  r3 = r10
  r3 += -8
  r4 = 0
  call 2
  r1 = map[ring]
  r2 = r10
  r2 += -24
  r3 = 24
  r4 = 0
  call 130
  r1 = r6
  r2 = map[perf]
  r3 = 0xffffffff ll
  r4 = r10
  r4 += -24
  r5 = 24
  call 25
  r1 = r6
  r2 = map[progs]
  r3 = *(u32 *)(r10 - 12)
  call 12
  r0 = 2
  exit`;

/** A runtime with a map of every type, a program over them, and a seeded story of commands. */
export class Story {
  readonly sys: Runtime;
  readonly maps: readonly (readonly [type: number, fd: number])[];
  readonly prog: number;
  #seed = 1;
  /** What every step gave. */
  said: unknown[] = [];

  constructor(engine: Engine, options: RuntimeOptions = {}) {
    this.sys = createRuntime({ memory: MEMORY, kernelBtf, engine, cpus: 2, clock: 'virtual', ...options });
    const inner = this.map(M.BPF_MAP_TYPE_ARRAY);
    const types = Object.keys(MAPS).map(Number);
    this.maps = types.map((type) => [type, this.map(type, inner)] as const);
    const fd = (type: number): number => this.maps.find(([t]) => t === type)?.[1] ?? -1;
    const names: Record<string, number> = {
      hash: fd(M.BPF_MAP_TYPE_HASH),
      ring: fd(M.BPF_MAP_TYPE_RINGBUF),
      perf: fd(M.BPF_MAP_TYPE_PERF_EVENT_ARRAY),
      progs: fd(M.BPF_MAP_TYPE_PROG_ARRAY),
    };
    this.prog = this.load(WORK, names);
    this.tick();
  }

  /** An event that runs the program and comes again. */
  tick(): void {
    const { time } = this.sys.world;
    time.at(time.now() + 1000n, 0, () => {
      this.run();
      this.tick();
    });
  }

  map(map_type: number, inner?: number): number {
    const [key_size, value_size, max_entries, map_flags = 0] = MAPS[map_type];
    const fd = this.sys.bpf(C.BPF_MAP_CREATE, {
      ...{ map_type, key_size, value_size, max_entries, map_flags },
      ...(inner === undefined ? {} : { inner_map_fd: inner }),
    });
    expect(fd, `map type ${map_type}`).toBeGreaterThan(0);
    return fd;
  }

  load(asm: string, maps: Record<string, number> = {}): number {
    const insns = encodeInsns(assemble(asm, { map: (name) => maps[name] }));
    const log_buf = new Uint8Array(1 << 16);
    const fd = this.sys.bpf(C.BPF_PROG_LOAD, {
      ...{ prog_type: T.BPF_PROG_TYPE_XDP, insns, license: 'GPL', log_level: 1, log_buf },
    });
    expect(fd, new TextDecoder().decode(log_buf).replace(/\0.*/s, '')).toBeGreaterThan(0);
    return fd;
  }

  run(prog_fd = this.prog): number {
    const test = { prog_fd, data_in: new Uint8Array(64), retval: -1 };
    const result = this.sys.bpf(C.BPF_PROG_TEST_RUN, { test });
    return result < 0 ? result : test.retval;
  }

  #random(n: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * n);
  }

  /** One command on one map; values are small numbers, which are also descriptors of programs and maps, and devices. */
  #command(): unknown {
    const [type, map_fd] = this.maps[this.#random(this.maps.length)];
    const [keySize, valueSize] = MAPS[type];
    const key = u32(...(type === M.BPF_MAP_TYPE_LPM_TRIE ? [this.#random(33), this.#random(9)] : [this.#random(9)]));
    const value = new Uint8Array(Math.ceil(valueSize / 8) * 16);
    value[0] = this.#random(40);
    const elem = { map_fd, ...(keySize === 0 ? {} : { key }), value, flags: 0n };
    const cmd = [C.BPF_MAP_UPDATE_ELEM, C.BPF_MAP_UPDATE_ELEM, C.BPF_MAP_LOOKUP_ELEM, C.BPF_MAP_DELETE_ELEM][
      this.#random(4)
    ];
    return [type, cmd, this.sys.bpf(cmd, elem), Buffer.from(value).toString('hex')];
  }

  /** Commands, runs, time, loads and closes in an order that the seed gives. */
  steps(seed: number, count: number): readonly string[] {
    this.#seed = seed;
    this.said = [];
    const made: number[] = [];
    for (let i = 0; i < count; i++) {
      const what = this.#random(20);
      if (what < 14) this.said.push(this.#command());
      else if (what < 16) this.said.push(this.run());
      else if (what < 17) this.said.push(this.sys.advance(BigInt(this.#random(5000))));
      else if (what < 18) made.push(this.load(`r0 = ${this.#random(4)}\nexit`), this.map(M.BPF_MAP_TYPE_HASH));
      else this.said.push(this.sys.close(made.pop() ?? -1));
    }
    this.said.push(this.sys.world.time.now(), made);
    return this.said.map((line) => JSON.stringify(line, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v)));
  }

  /** A digest of the whole memory. */
  memory(): string {
    return createHash('sha256').update(this.sys.memory.u8).digest('hex');
  }
}
