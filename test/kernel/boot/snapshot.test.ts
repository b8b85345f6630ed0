/** Snapshots: after going back everything that follows is as it was the first time, byte for byte, and what was made since is gone. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import { unsupportedMapType } from '../../../src/kernel/maps/make/create.ts';
import { MAP_TYPES } from '../../../src/kernel/rules/rows/maps.ts';
import { StructError } from '../../../src/kernel/world/struct-view.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { NotSimulated } from '../../../src/util/errors.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const MEMORY = 32 << 20;
const u32 = (...n: number[]): Uint8Array => new Uint8Array(Uint32Array.from(n).buffer);

/** Key, value, entries and flags of one map of each type. */
const MAPS: Readonly<Record<number, readonly [key: number, value: number, entries: number, flags?: number]>> = {
  [M.BPF_MAP_TYPE_HASH]: [4, 8, 6],
  [M.BPF_MAP_TYPE_ARRAY]: [4, 8, 6],
  [M.BPF_MAP_TYPE_PROG_ARRAY]: [4, 4, 8],
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: [4, 4, 2],
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
class Story {
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

const ENGINES: readonly Engine[] = ['jit', 'interp'];

test('there is a map of every type that can be created', () => {
  const creatable = Object.keys(MAP_TYPES)
    .map(Number)
    .filter((type) => unsupportedMapType(type) === undefined);
  expect(Object.keys(MAPS).map(Number)).toEqual(creatable);
});

describe.each(ENGINES)('%s', (engine) => {
  test('what follows a snapshot follows it again, to the last byte', () => {
    const story = new Story(engine);
    story.steps(1, 300);
    const snapshot = story.sys.snapshot();
    const before = story.memory();
    const first = story.steps(2, 400);
    const after = story.memory();
    for (let round = 0; round < 3; round++) {
      // Something else in between each time.
      story.steps(3 + round, round * 100);
      story.sys.restore(snapshot);
      expect(story.memory()).toBe(before);
      expect(story.steps(2, 400)).toEqual(first);
      expect(story.memory()).toBe(after);
    }
    expect(snapshot.bytes).toBeLessThan(MEMORY / 8);
  });

  test('what was made since vanishes, what was closed is there again', () => {
    const story = new Story(engine);
    const { sys } = story;
    const old = sys.program(story.prog);
    const snapshot = sys.snapshot();
    const ids = (): readonly number[] => {
      const out: number[] = [];
      for (let id = 0; ; ) {
        const attr = { start_id: id, next_id: 0 };
        if (sys.bpf(C.BPF_PROG_GET_NEXT_ID, attr) !== 0) return out;
        out.push((id = attr.next_id));
      }
    };
    const before = ids();
    const fd = story.load('r0 = 3\nexit');
    const late = sys.program(fd);
    const runner = late?.runner();
    expect([story.run(fd), runner?.run(new Uint8Array(64))]).toEqual([3, 3]);
    const struct = sys.world.struct('task_struct', { comm: 'late' });
    const map = story.map(M.BPF_MAP_TYPE_ARRAY);
    const event = sys.world.time.at(1n << 40n, 0, () => undefined);
    for (const [, old] of story.maps) expect(sys.close(old)).toBe(0);
    expect(sys.close(story.prog)).toBe(0);
    sys.restore(snapshot);

    expect([story.run(fd), sys.bpf(C.BPF_MAP_FREEZE, { map_fd: map })]).toEqual([-ERRNO.EBADF, -ERRNO.EBADF]);
    expect(sys.program(fd)).toBeUndefined();
    expect(() => late?.runContext(new Uint8Array(64))).toThrow();
    expect(() => late?.runner().run(new Uint8Array(64))).toThrow('was closed');
    expect(() => runner?.run(new Uint8Array(64))).toThrow(RangeError);
    expect(() => struct.get('comm')).toThrow(StructError);
    expect([event.pending, event.cancel()]).toEqual([false, false]);
    runner?.[Symbol.dispose]();
    struct[Symbol.dispose]();

    expect(ids()).toEqual(before);
    expect([story.run(), old?.runner().run(new Uint8Array(64))]).toEqual([2, 2]);
    expect(story.load('r0 = 1\nexit')).toBe(fd);
    expect(story.run(fd)).toBe(1);
  });

  test('packet runners of before go on', () => {
    const story = new Story(engine);
    const runner = story.sys.program(story.prog)?.runner({ capacity: 2000 });
    if (runner === undefined) throw new Error('no runner');
    const packets = [64, 100, 1500].map((n) => new Uint8Array(n).fill(n));
    const verdicts = new Uint32Array(3);
    using prepared = runner.prepare(packets);
    const snapshot = story.sys.snapshot();
    const work = (): readonly unknown[] => {
      runner.run(packets[1]);
      runner.runBatch(packets, verdicts);
      prepared.run();
      return [[...verdicts], [...prepared.verdicts], [...runner.packet()], story.memory()];
    };
    const first = work();
    runner[Symbol.dispose]();
    story.sys.restore(snapshot);
    expect(work()).toEqual(first);
  });

  test('snapshots are gone back to in any order', () => {
    const story = new Story(engine);
    const a = story.sys.snapshot();
    const fromA = story.steps(5, 150);
    const b = story.sys.snapshot();
    const fromB = story.steps(6, 150);
    story.sys.restore(a);
    story.steps(7, 50);
    story.sys.restore(b);
    expect(story.steps(6, 150)).toEqual(fromB);
    story.sys.restore(a);
    expect(story.steps(5, 150)).toEqual(fromA);
    expect(story.steps(6, 150)).toEqual(fromB);
  });
});

test('structs, devices and what is attached to the world are part of it', () => {
  const { sys } = new Story('jit');
  const { world } = sys;
  const task = world.struct('task_struct', { comm: 'before' });
  const heard: number[] = [];
  const wire = world.devices.wire.attach(({ ifindex }) => heard.push(ifindex));
  const snapshot = sys.snapshot();
  task.set({ comm: 'after' });
  wire.detach();
  const late = world.devices.wire.attach(() => heard.push(-1));
  task[Symbol.dispose]();
  sys.restore(snapshot);
  expect([task.get('comm'), wire.attached, late.attached]).toEqual(['before', true, false]);
  world.devices.wire.run({ ifindex: 7, packet: new Uint8Array(0), ingress: false });
  expect(heard).toEqual([7]);
});

test('perf rings and shared pages of before go on, later ones end', () => {
  const { sys, maps, run } = (() => {
    const story = new Story('jit');
    return { sys: story.sys, maps: story.maps, run: () => story.run() };
  })();
  const perf = maps.find(([type]) => type === M.BPF_MAP_TYPE_PERF_EVENT_ARRAY)?.[1] ?? -1;
  const ring = sys.perfRing(perf, 0, 1 << 16);
  if (typeof ring === 'number') throw new Error(`no ring: ${ring}`);
  const samples = (): number => {
    let n = 0;
    ring.read(() => n++);
    return n;
  };
  run();
  const snapshot = sys.snapshot();
  expect(samples()).toBe(1);
  const late = sys.perfRing(perf, 1, 4096);
  run();
  ring[Symbol.dispose]();
  sys.restore(snapshot);
  if (typeof late !== 'number') late[Symbol.dispose]();
  run();
  expect(samples()).toBe(2);
});

describe('refused by name', () => {
  const refusal = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      if (error instanceof NotSimulated) return error.message;
      throw error;
    }
    return 'not refused';
  };

  test("the host's clock", () => {
    using sys = new Story('jit', { clock: 'host' }).sys;
    expect(refusal(() => sys.snapshot())).toBe(
      "a snapshot: the host's clock cannot be turned back: give the runtime a virtual clock",
    );
  });

  test('in the middle of a run', () => {
    const said: string[] = [];
    const asked: (() => unknown)[] = [];
    const random32 = (): number => {
      said.push(...asked.map(refusal));
      return 4;
    };
    const story = new Story('jit', { host: { random32 } });
    const { sys } = story;
    const snapshot = sys.snapshot();
    asked.push(
      () => sys.snapshot(),
      () => sys.restore(snapshot),
    );
    story.run();
    expect(said).toEqual(['a snapshot: a program runs', 'restoring a snapshot: a program runs']);
  });

  test('while programs are compiled in the background', async () => {
    const { sys } = new Story('jit', { compile: 'async' });
    expect(refusal(() => sys.snapshot())).toContain('wait for compiled()');
    await sys.compiled();
    const snapshot = sys.snapshot();
    sys.restore(snapshot);
  });

  test("another runtime's snapshot, or one that was disposed of", () => {
    const [a, b] = [new Story('jit').sys, new Story('jit').sys];
    const snapshot = a.snapshot();
    expect(() => b.restore(snapshot)).toThrow(RangeError);
    snapshot[Symbol.dispose]();
    expect(() => a.restore(snapshot)).toThrow(RangeError);
  });
});
