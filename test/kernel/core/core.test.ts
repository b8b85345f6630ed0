/** Exports of the core that stand alone: hashes, copies, checksums, strings. */
import { expect, test } from 'vitest';
import { mustCreate, setupMaps, xorshift } from '../maps/setup.ts';

const env = setupMaps();
const { mem } = env;
const call = (name: string, ...args: number[]): number =>
  (env.core[name] as unknown as (...args: number[]) => number)(...args);
const at = env.allocator.alloc(4096, 64);
const put = (text: string, addr = at): number => {
  for (let i = 0; i < text.length; i++) mem.u8[addr + i] = text.charCodeAt(i);
  mem.u8[addr + text.length] = 0;
  return text.length;
};

test('jhash is lookup3', () => {
  const text = 'Four score and seven years ago';
  put(text);
  expect(call('jhash', at, 0, 0) >>> 0).toBe(0xdeadbeef);
  expect(call('jhash', at, 0, 0xdeadbeef) >>> 0).toBe(0xbd5b7dde);
  expect(call('jhash', at, text.length, 0) >>> 0).toBe(0x17770551);
  expect(call('jhash', at, text.length, 1) >>> 0).toBe(0xcd628161);
});

test('checksums of random buffers equal a plain sum of 16-bit words', () => {
  const random = xorshift(11);
  for (let round = 0; round < 300; round++) {
    const n = random() % 200;
    let sum = 0;
    for (let i = 0; i < n; i++) mem.u8[at + i] = random();
    for (let i = 0; i < n; i += 2) sum += mem.u8[at + i] | (i + 1 < n ? mem.u8[at + i + 1] << 8 : 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    const folded = call('csum_from32to16', call('csum_partial', at, n, 0));
    expect(folded % 0xffff).toBe(sum % 0xffff);
    expect(call('csum_fold', call('csum_partial', at, n, 0))).toBe(~folded & 0xffff);
  }
});

test('strncmp and memcmp', () => {
  const other = at + 100;
  put('abc');
  put('abd', other);
  expect(call('strncmp', at, 3, other)).toBe(-1);
  expect(call('strncmp', other, 3, at)).toBe(1);
  expect(call('strncmp', at, 2, other)).toBe(0);
  expect(call('mem_cmp', at, other, 3)).toBeLessThan(0);
  expect(call('mem_cmp', at, other, 2)).toBe(0);
  env.core.mem_copy(other, at, 4);
  expect(call('mem_cmp', at, other, 4)).toBe(0);
  env.core.mem_fill(other, 0xab, 3);
  expect(mem.u8[other + 2]).toBe(0xab);
});

test('values of every size are copied whole', () => {
  const random = xorshift(13);
  for (let size = 1; size <= 300; size++) {
    const sample = new Uint8Array(size).map(() => random());
    mem.u8.set(sample, at);
    const map = setupValueMap(size);
    expect(call('hash_update', map, at, at, 0)).toBe(0);
    const value = call('map_lookup_elem', map, at);
    expect(mem.u8.slice(value, value + size)).toEqual(sample);
  }
});

function setupValueMap(size: number): number {
  return mustCreate(env, { map_type: 1, key_size: 3, value_size: size, max_entries: 2 }).addr;
}
