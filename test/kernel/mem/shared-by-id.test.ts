/**
 * Every helper and every map type that a runtime has, on a shared memory and on a plain one: the same answers, and the same memory to the
 * last byte. A second thread, which has the memory and nothing else of the first, gets them too. The lists are those of the implementation, so that a new helper or map type without a call here fails.
 */
import { describe, expect, test } from 'vitest';
import { helperIds } from '../../../src/kernel/helpers/table.ts';
import type { Engine } from '../../../src/kernel/boot/runtime.ts';
import { BPF_FUNC } from '../../../src/uapi/helper-ids.ts';
import { CALLS } from '../helpers/calls.ts';
import { askSkep, isRefused, readAnswers } from '../helpers/oracle-run.ts';
import { ORACLE_CASES } from '../helpers/oracle-cases.ts';
import { type HelperSetup, secondThread, setupHelpers } from '../helpers/setup.ts';
import { xorshift } from '../maps/setup.ts';
import { MAPS, Story } from '../boot/story.ts';
import { mapTypes } from '../../../src/kernel/maps/make/create.ts';

const names = new Map(Object.entries(BPF_FUNC).map(([name, id]) => [id as number, name]));
const ids = helperIds();
const answers = readAnswers();
const recorded = ORACLE_CASES.filter((c) => !isRefused(answers[c.name]));

/** A setup whose host is the same each time, and what callbacks and the host saw. */
function setup(shared: boolean): { readonly s: HelperSetup; readonly seen: unknown[] } {
  const seen: unknown[] = [];
  let ns = 0;
  const host = {
    ktimeNs: (out: Int32Array) => out.set([(ns += 1_000_003), 7]),
    realtimeNs: (out: Int32Array) => out.set([(ns += 17), 9]),
    random32: xorshift(5),
    tracePrintk: (line: string) => void seen.push(line),
    stackTrace: () => [11n, 22n, 33n],
    current: { pid: 7, tgid: 6, uid: 5, gid: 4, comm: 'sshd', cgroupId: (9n << 32n) | 77n },
  };
  const invoke = (slot: number, frame: number): void => {
    const words = [...s.env.mem.u32.subarray((frame >>> 2) + 2, (frame >>> 2) + 12)];
    seen.push(slot, words);
    s.env.mem.u32.fill(0, frame >>> 2, (frame >>> 2) + 2);
  };
  const s = setupHelpers(host, invoke, shared);
  return { s, seen };
}

/** All calls of a helper in one memory: what they gave and saw. */
function callAll({ s, seen }: ReturnType<typeof setup>, id: number): readonly unknown[] {
  const said: unknown[] = recorded.filter((c) => c.helper === id).map((c) => askSkep(s, c));
  s.env.cpu.run.begin(0, 0);
  const calls = CALLS[id];
  if (calls !== undefined) said.push(...calls(s, id));
  return [...said, ...seen.splice(0)];
}

test('every map type is in the story', () => {
  expect(Object.keys(MAPS).map(Number)).toEqual(mapTypes());
});

test('every helper is called', () => {
  const called = new Set([...recorded.map((c) => c.helper), ...Object.keys(CALLS).map(Number)]);
  expect(ids.length).toBeGreaterThan(90);
  expect(ids.filter((id) => !called.has(id)).map((id) => names.get(id) ?? id)).toEqual([]);
  expect(
    Object.keys(CALLS)
      .map(Number)
      .filter((id) => !ids.includes(id)),
  ).toEqual([]);
});

describe('a helper', () => {
  const plain = setup(false);
  const shared = setup(true);
  test.each(ids.map((id) => [names.get(id) ?? `helper ${id}`, id] as const))('%s', (_, id) => {
    const said = callAll(plain, id);
    expect(said.length).toBeGreaterThan(0);
    expect(callAll(shared, id)).toEqual(said);
  });
  test('the memories are of the two kinds, and the same', () => {
    const [a, b] = [plain.s.env.mem, shared.s.env.mem];
    expect([a.memory.buffer instanceof ArrayBuffer, b.memory.buffer instanceof SharedArrayBuffer]).toEqual([
      true,
      true,
    ]);
    expect(plain.s.maps.allocator.written).toBe(shared.s.maps.allocator.written);
    expect(
      Buffer.compare(a.u8.subarray(0, plain.s.maps.allocator.written), b.u8.slice(0, plain.s.maps.allocator.written)),
    ).toBe(0);
  });
});

describe('a helper of a second thread, on maps, packets and tasks of the first', () => {
  const plain = setup(false);
  const { s, seen } = setup(true);
  const second = { s: secondThread(s), seen };
  // The same addresses.
  secondThread(plain.s);
  test.each(ids.map((id) => [names.get(id) ?? `helper ${id}`, id] as const))('%s', (_, id) => {
    expect(callAll(second, id)).toEqual(callAll(plain, id));
  });
});

describe.each<Engine>(['jit', 'interp'])('a map of every type, under commands and programs of %s', (engine) => {
  test('does the same', () => {
    const [plain, shared] = [false, true].map(
      (sharedMemory) => new Story(engine, { sharedMemory, host: { random32: xorshift(3) } }),
    );
    expect(shared.sys.memory.memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    for (const seed of [1, 2]) expect(shared.steps(seed, 400)).toEqual(plain.steps(seed, 400));
    expect(shared.memory()).toBe(plain.memory());
  });
});
