/** map_check_btf: what 6.18 said to maps of each type with key and value types of a program's BTF. */
import { expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { compileRules } from '../../../src/kernel/rules/compile.ts';
import { describeMap } from '../../../src/kernel/maps/make/describe.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { mustCreate, setupMaps } from './setup.ts';

/** [1] u32, [2] u64, [3] struct of two u32, [4] u32[2]. */
function testBtf(): Btf {
  const strings = new TextEncoder().encode('\0u32\0u64\0s\0a\0b\0');
  const types = Uint32Array.from(
    [
      [1, 1 << 24, 4, 32],
      [5, 1 << 24, 8, 64],
      [9, (4 << 24) | 2, 8, 11, 1, 0, 13, 1, 32],
      [0, 3 << 24, 0, 1, 1, 2],
    ].flat(),
  );
  const bytes = new Uint8Array(24 + types.byteLength + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  [24, 0, types.byteLength, types.byteLength, strings.length].forEach((n, i) => view.setUint32(4 + i * 4, n, true));
  bytes.set(new Uint8Array(types.buffer), 24);
  bytes.set(strings, 24 + types.byteLength);
  return Btf.parse(bytes);
}

const OK = 0;
const INVAL = -ERRNO.EINVAL;
const NOTSUPP = -ERRNO.ENOTSUPP;
// Type, key, value, entries, flags; then: both ids right, key id wrong, value id wrong, no key id, struct as key.
type Row = [number, number, number, number, number, number, number, number, number, number];
const rows: Row[] = [
  [T.BPF_MAP_TYPE_HASH, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, OK],
  [T.BPF_MAP_TYPE_ARRAY, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, INVAL],
  [T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, INVAL],
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, INVAL],
  [T.BPF_MAP_TYPE_PERCPU_HASH, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, OK],
  [T.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, INVAL],
  [T.BPF_MAP_TYPE_STACK_TRACE, 4, 8, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, INVAL],
  [T.BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, INVAL],
  [T.BPF_MAP_TYPE_LRU_HASH, 4, 4, 4, 0, OK, INVAL, INVAL, INVAL, OK],
  [T.BPF_MAP_TYPE_LPM_TRIE, 8, 4, 4, 1, INVAL, INVAL, INVAL, INVAL, OK],
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, INVAL],
  [T.BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, NOTSUPP],
  [T.BPF_MAP_TYPE_DEVMAP, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, INVAL],
  [T.BPF_MAP_TYPE_SOCKHASH, 4, 4, 4, 0, NOTSUPP, INVAL, INVAL, NOTSUPP, NOTSUPP],
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4, 0, OK, INVAL, INVAL, INVAL, INVAL],
  [T.BPF_MAP_TYPE_QUEUE, 0, 4, 4, 0, INVAL, INVAL, INVAL, INVAL, INVAL],
  [T.BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 4, 0, OK, INVAL, INVAL, OK, INVAL],
];
const idOf: Readonly<Record<number, number>> = { 0: 0, 4: 1, 8: 2 };

test.each(rows)('type %i', (type, key, value, entries, flags, ...expected) => {
  const btf = testBtf();
  const inner = mustCreate(setupMaps(), { map_type: T.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 });
  const ask = (keySize: number, keyId: number, valueId: number): number => {
    const desc = describeMap(
      compileRules(),
      {
        map_type: type,
        key_size: keySize,
        value_size: value,
        max_entries: entries,
        map_flags: flags,
        btf_fd: 1,
        btf_key_type_id: keyId,
        btf_value_type_id: valueId,
      },
      { id: 1, btf, inner: inner.desc },
    );
    return typeof desc === 'number' ? desc : 0;
  };
  const k = idOf[key];
  const v = idOf[value];
  expect([
    ask(key, k, v),
    ask(key, key === 8 ? 1 : 2, v),
    ask(key, k, value === 4 ? 2 : 1),
    ask(key, 0, v),
    ask(key ? 8 : 0, 3, v),
  ]).toEqual(expected);
});
