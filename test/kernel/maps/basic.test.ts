/** First steps of hash and array maps, user side and program side together. */
import { expect, test } from 'vitest';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { mustCreate, setupMaps, u32, u64 } from './setup.ts';

test('an array keeps values, and programs see them in place', () => {
  const env = setupMaps();
  const map = mustCreate(env, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: 8,
    max_entries: 3,
  });
  expect(map.update(u32(1), u64(77), 0)).toBe(0);
  expect(map.lookup(u32(1))).toEqual(u64(77));
  expect(map.update(u32(3), u64(1), 0)).toBe(-ERRNO.E2BIG);
  expect(map.lookup(u32(3))).toBe(-ERRNO.ENOENT);
  expect(map.nextKey(u32(2))).toBe(-ERRNO.ENOENT);
  expect([...map.entries()].length).toBe(3);
  const lookup = env.core.array_lookup as unknown as (m: number, k: number) => number;
  expect(lookup(map.addr, env.scratch.key(u32(1)))).toBe(map.desc.valuesAddr + 8);
  map.free();
});

test.each([1, 3, 4, 5, 8, 16, 20, 33])('a hash with keys of %i bytes finds what was put in', (keySize) => {
  const env = setupMaps();
  const map = mustCreate(env, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
    key_size: keySize,
    value_size: 8,
    max_entries: 100,
  });
  const key = (i: number): Uint8Array => new Uint8Array(keySize).fill(i, 0, 1).fill(255 - i, keySize - 1);
  for (let i = 0; i < 100; i++) expect(map.update(key(i), u64(i), 0)).toBe(0);
  expect(map.update(key(100), u64(1), 0)).toBe(-ERRNO.E2BIG);
  expect(map.update(key(7), u64(700), 0)).toBe(0);
  expect(map.update(key(7), u64(1), 1)).toBe(-ERRNO.EEXIST);
  expect(map.lookup(key(7))).toEqual(u64(700));
  expect(map.delete(key(8))).toBe(0);
  expect(map.delete(key(8))).toBe(-ERRNO.ENOENT);
  expect([...map.entries()].length).toBe(99);
  const name = map.desc.core?.lookup ?? '';
  const lookup = env.core[name] as unknown as (m: number, k: number) => number;
  const at = lookup(map.addr, env.scratch.key(key(7)));
  expect(env.mem.view.getUint32(at, true)).toBe(700);
  const used = env.allocator.used;
  map.free();
  expect(env.allocator.used).toBeLessThan(used);
});

test.each(['HASH', 'ARRAY', 'QUEUE'] as const)('a %s that was freed is refused', (type) => {
  const map = mustCreate(setupMaps(), {
    map_type: BPF_MAP_TYPE[`BPF_MAP_TYPE_${type}`],
    key_size: type === 'QUEUE' ? 0 : 4,
    value_size: 8,
    max_entries: 4,
  });
  map.free();
  const key = u32(1);
  expect(map.update(key, u64(1), 0)).toBe(-ERRNO.EBADF);
  expect(map.delete(key)).toBe(-ERRNO.EBADF);
  expect(map.lookup(key)).toBe(-ERRNO.EBADF);
  expect(map.lookupAndDelete(key)).toBeLessThan(0);
  expect(map.nextKey(null)).toBe(-ERRNO.EBADF);
  expect([...map.entries()]).toEqual([]);
});
