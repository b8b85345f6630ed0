/** Snapshots: after going back everything that follows is as it was the first time, byte for byte, and what was made since is gone. */
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/kernel/boot/runtime.ts';
import { mapTypes } from '../../../src/kernel/maps/make/create.ts';
import { StructError } from '../../../src/kernel/world/struct-view.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { NotSimulated } from '../../../src/util/errors.ts';
import { MAPS, MEMORY, Story } from './story.ts';

const ENGINES: readonly Engine[] = ['jit', 'interp'];

test('there is a map of every type that can be created', () => {
  expect(Object.keys(MAPS).map(Number)).toEqual(mapTypes());
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
