/** What the transport refuses before the kernel sees it, by the sizes that a kernel would tell. */
import { describe, expect, test } from 'vitest';
import { checkBuffers, type MapSizes } from '../../src/host/kernel-buffers.ts';
import { countCpus } from '../../src/host/kernel-traits.ts';
import { BPF_CMD as C } from '../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';

const MAPS: readonly MapSizes[] = [
  { type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 12 },
  { type: M.BPF_MAP_TYPE_PERCPU_HASH, keySize: 2, valueSize: 12 },
  { type: M.BPF_MAP_TYPE_LPM_TRIE, keySize: 20, valueSize: 1 },
];
const [ARRAY, PER_CPU, TRIE, NONE] = [0, 1, 2, 3];
const check = (cmd: number, attr: unknown): number =>
  checkBuffers(cmd, attr, { possibleCpus: 3, map: (fd) => MAPS[fd] });
const bytes = (n: number): Uint8Array => new Uint8Array(n);
const elem = (map_fd: number, key: number, value: number): number =>
  check(C.BPF_MAP_LOOKUP_ELEM, { map_fd, key: bytes(key), value: bytes(value) });

describe('sizes', () => {
  test('of elements', () => {
    expect([elem(ARRAY, 4, 12), elem(ARRAY, 9, 99), elem(PER_CPU, 2, 48), elem(NONE, 0, 0)]).toEqual([0, 0, 0, 0]);
    for (const [fd, key, value] of [
      [ARRAY, 3, 12],
      [ARRAY, 4, 11],
      [PER_CPU, 2, 47],
      [PER_CPU, 1, 48],
    ] as const)
      expect(elem(fd, key, value)).toBe(-E.EFAULT);
    const next = (map_fd: number, n: number): number => check(C.BPF_MAP_GET_NEXT_KEY, { map_fd, next_key: bytes(n) });
    expect([next(TRIE, 20), next(TRIE, 19)]).toEqual([0, -E.EFAULT]);
  });

  test('of batches, whose cursor is a bucket or a key', () => {
    const batch = (map_fd: number, out: number, values: number, count = 2): number =>
      check(C.BPF_MAP_LOOKUP_BATCH, {
        batch: { map_fd, count, keys: bytes(40), values: bytes(values), out_batch: bytes(out) },
      });
    expect([batch(PER_CPU, 4, 96), batch(TRIE, 20, 2), batch(ARRAY, 4, 24)]).toEqual([0, 0, 0]);
    expect([batch(PER_CPU, 2, 96), batch(PER_CPU, 4, 95), batch(TRIE, 4, 2)]).toEqual(Array(3).fill(-E.EFAULT));
    expect(batch(ARRAY, 4, 24, 0xffff_ffff)).toBe(-E.EFAULT);
    const remove = { batch: { map_fd: ARRAY, count: 2, keys: bytes(8), values: bytes(0) } };
    expect(check(C.BPF_MAP_DELETE_BATCH, remove)).toBe(0);
  });

  test('of infos, whose records may be longer than this package knows', () => {
    const info = bytes(232);
    const ask = (record: number): number => {
      new DataView(info.buffer).setUint32(132, record, true);
      return check(C.BPF_OBJ_GET_INFO_BY_FD, {
        info: { bpf_fd: 1, info, kind: 'prog', buffers: { func_info: bytes(8) } },
      });
    };
    expect([ask(0), ask(8), ask(12)]).toEqual([0, 0, -E.EFAULT]);
  });

  test('of file descriptors', () => {
    const load = (fd_array_cnt: number): number =>
      check(C.BPF_PROG_LOAD, { prog_type: 1, insns: bytes(8), license: 'GPL', fd_array: bytes(8), fd_array_cnt });
    expect([load(2), load(3)]).toEqual([0, -E.EFAULT]);
  });
});

test.each([
  [99, {}],
  ['constructor', {}],
  [C.BPF_MAP_CREATE, null],
  [C.BPF_PROG_TEST_RUN, {}],
  [C.BPF_MAP_FREEZE, { map_fd: 1.5 }],
  [C.BPF_MAP_FREEZE, { map_fd: 'x' }],
  [C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: 1, info: bytes(8), kind: 'toString' } }],
  [C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: 1, info: bytes(8), kind: 'map', buffers: { id: bytes(8) } } }],
])('what is no attribute: %j %j', (cmd, attr) => {
  expect(check(cmd as number, attr)).toBe(-E.EINVAL);
});

test.each([
  [C.BPF_MAP_LOOKUP_ELEM, { map_fd: 0, key: [1, 2, 3, 4] }],
  [C.BPF_PROG_LOAD, { license: 5 }],
  [C.BPF_PROG_LOAD, { log_buf: 'text' }],
])('what is no buffer: %j %j', (cmd, attr) => {
  expect(check(cmd, attr)).toBe(-E.EFAULT);
});

test('lists of CPUs', () => {
  expect(['0\n', '0-3\n', '0,2-5,9'].map(countCpus)).toEqual([1, 4, 6]);
  expect(() => countCpus('all')).toThrow(RangeError);
});
