/** What a caller may give the door, and what the door makes of it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall, InfoAttr, ProgLoadAttr, TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { kernelBtf } from './embedded.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`the live kernel is not asked: ${kernelAbsent}`);
const runtime = createRuntime({ kernelBtf, cpus: 2, memory: 64 << 20 });
const KERNELS: readonly (readonly [string, BpfSyscall])[] = [
  ['embedded', runtime],
  ...(kernel === undefined ? [] : [['live', kernel] as const]),
];

const insns = (...words: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer);
const RETURN_0 = insns(0xb7, 0, 0x95, 0);
/** r1 = map; r0 = 0; exit. */
const names = (map: number): Uint8Array => insns(0x1118, map, 0, 0, 0xb7, 0, 0x95, 0);
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
const one = (result: number): number => Math.min(result, 1);
const create = (sys: BpfSyscall, map_type: number, key_size: number, value_size: number, more: object = {}): number =>
  sys.bpf(C.BPF_MAP_CREATE, { map_type, key_size, value_size, max_entries: 4, ...more });
const load = (sys: BpfSyscall, more: Partial<ProgLoadAttr>): number =>
  sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_SOCKET_FILTER, insns: RETURN_0, license: 'GPL', ...more });

describe.each(KERNELS)('exclusive maps, %s kernel', (_, sys) => {
  const array = (hash: Uint8Array): number => create(sys, M.BPF_MAP_TYPE_ARRAY, 4, 4, { excl_prog_hash: hash });

  test('are for the program whose instructions have the hash', () => {
    expect(one(load(sys, { insns: names(array(sha256(names(0)))) }))).toBe(1);
    const log_buf = new Uint8Array(512);
    const insns = names(array(new Uint8Array(32).fill(7)));
    expect(load(sys, { insns, log_level: 1, log_buf })).toBe(-E.EACCES);
    expect(new TextDecoder().decode(log_buf)).toMatch(/^program's hash doesn't match map's excl_prog_hash\n/);
  });

  test('cannot be bound by fd_array, whose maps are compared before the program has a hash', () => {
    const bind = (hash: Uint8Array): number => one(load(sys, { fd_array: u32(array(hash)), fd_array_cnt: 1 }));
    expect(bind(sha256(RETURN_0))).toBe(-E.EACCES);
    expect(bind(new Uint8Array(32))).toBe(1);
  });

  test('are no elements of other maps', () => {
    const hash = sha256(RETURN_0);
    const outer = (inner_map_fd: number): number => create(sys, M.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, { inner_map_fd });
    expect(outer(array(hash))).toBe(-E.ENOTSUPP);
    const of = outer(create(sys, M.BPF_MAP_TYPE_ARRAY, 4, 4));
    expect(sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: of, key: u32(0), value: u32(array(hash)) })).toBe(-E.ENOTSUPP);
  });
});

describe.each(KERNELS)('what programs of one map have in common, %s kernel', (_, sys) => {
  const put = (map_fd: number, key: number, value: Uint8Array): number =>
    sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: u32(key), value });
  const xdp = (expected_attach_type: number, prog_flags = 0): number =>
    load(sys, { prog_type: T.BPF_PROG_TYPE_XDP, expected_attach_type, prog_flags });
  const FRAGS = 32;

  test.each([
    [T.BPF_PROG_TYPE_XDP, A.BPF_XDP],
    [T.BPF_PROG_TYPE_SCHED_CLS, A.BPF_TCX_INGRESS],
    [T.BPF_PROG_TYPE_KPROBE, A.BPF_TRACE_KPROBE_MULTI],
  ])('prog array, type %i: the expected attach type', (prog_type, attach) => {
    const map = create(sys, M.BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
    expect(put(map, 0, u32(load(sys, { prog_type })))).toBe(0);
    expect(put(map, 1, u32(load(sys, { prog_type, expected_attach_type: attach })))).toBe(-E.EINVAL);
  });

  const pair = (number: number, fd: number): Uint8Array => new Uint8Array(Uint32Array.of(number, fd).buffer);
  test.each([
    ['devmap', M.BPF_MAP_TYPE_DEVMAP, A.BPF_XDP_DEVMAP, -E.EINVAL],
    ['devmap by hash', M.BPF_MAP_TYPE_DEVMAP_HASH, A.BPF_XDP_DEVMAP, -E.EINVAL],
    ['cpumap', M.BPF_MAP_TYPE_CPUMAP, A.BPF_XDP_CPUMAP, -E.ENOMEM],
  ])('%s: programs loaded for it, all with fragments or none', (_name, type, attach, refused) => {
    const map = create(sys, type, 4, 8);
    for (const other of [load(sys, {}), xdp(0), xdp(attach === A.BPF_XDP_CPUMAP ? A.BPF_XDP_DEVMAP : A.BPF_XDP_CPUMAP)])
      expect(put(map, 0, pair(1, other))).toBe(refused);
    expect(put(map, 0, pair(1, xdp(attach)))).toBe(0);
    expect(put(map, 1, pair(1, xdp(attach, FRAGS)))).toBe(refused);
  });

  test('devmaps take devices that exist', () => {
    for (const type of [M.BPF_MAP_TYPE_DEVMAP, M.BPF_MAP_TYPE_DEVMAP_HASH]) {
      const map = create(sys, type, 4, 4);
      expect([put(map, 0, u32(1)), put(map, 0, u32(777))]).toEqual([0, -E.EINVAL]);
    }
  });
});

describe.each(KERNELS)('values and entries, %s kernel', (_, sys) => {
  test.each([M.BPF_MAP_TYPE_PERCPU_HASH, M.BPF_MAP_TYPE_PERCPU_ARRAY])('map type %i keeps padding', (type) => {
    const map_fd = create(sys, type, 4, 5);
    const value = new Uint8Array(16 * 64).fill(7);
    expect(sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: u32(1), value })).toBe(0);
    const out = new Uint8Array(value.length);
    expect(sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd, key: u32(1), value: out })).toBe(0);
    expect(out.subarray(0, 16)).toEqual(value.subarray(0, 16));
  });

  test('LRU lists of each CPU: as many entries as fill them', () => {
    const map = create(sys, M.BPF_MAP_TYPE_LRU_HASH, 4, 4, { map_flags: 2, max_entries: 511 });
    const info: InfoAttr = { info: { bpf_fd: map, info: new Uint8Array(104) } };
    expect(sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, info)).toBe(0);
    expect(new Uint32Array(info.info.info.buffer)[4] % 2).toBe(0);
  });

  test('the hash of a frozen array', () => {
    const map_fd = create(sys, M.BPF_MAP_TYPE_ARRAY, 4, 5, { max_entries: 3 });
    sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: u32(1), value: new Uint8Array(5).fill(7) });
    const hash = (size: number): readonly [number, Uint8Array] => {
      const buffer = new Uint8Array(size);
      const info = { bpf_fd: map_fd, info: new Uint8Array(104), kind: 'map' as const, buffers: { hash: buffer } };
      return [sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info }), buffer];
    };
    expect([hash(32)[0], hash(16)[0]]).toEqual([-E.EPERM, -E.EINVAL]);
    sys.bpf(C.BPF_MAP_FREEZE, { map_fd });
    expect(hash(32)).toEqual([0, sha256(new Uint8Array(24).fill(7, 8, 13))]);
  });
});

describe('the embedded kernel', () => {
  const ask = (cmd: unknown, attr: unknown): number =>
    (runtime.bpf as (cmd: unknown, attr: unknown) => number).call(runtime, cmd, attr);

  test('has no command but those with a number', () => {
    for (const cmd of ['constructor', '__proto__', 'toString', '5', 5n, 0.5, Number.NaN, -1, 38, null, {}, [5]])
      expect(ask(cmd, {}), String(cmd)).toBe(-E.EINVAL);
  });

  test('takes numbers that fit their fields and buffers that are bytes', () => {
    const map = { map_type: 1, key_size: 4, value_size: 4, max_entries: 4 };
    for (const value of ['4', 4n, 0.5, Number.NaN, 2 ** 32, -(2 ** 31) - 1, true, {}, Symbol('4')])
      expect(ask(C.BPF_MAP_CREATE, { ...map, key_size: value }), String(value)).toBe(-E.EINVAL);
    for (const value of ['bytes', 4, new Uint16Array(4), new ArrayBuffer(4), [1, 2, 3, 4]])
      expect(ask(C.BPF_BTF_LOAD, { btf: value })).toBe(-E.EFAULT);
    for (const attr of [undefined, null, 5, 'map', 5n]) expect(ask(C.BPF_MAP_CREATE, attr)).toBe(-E.EFAULT);
  });

  test('sees memory that a getter takes away as gone, and a getter that throws as a fault', () => {
    const key = new Uint8Array(4);
    const map_fd = create(runtime, M.BPF_MAP_TYPE_HASH, 4, 4);
    const attr = {
      key,
      value: u32(1),
      get map_fd(): number {
        structuredClone(key.buffer, { transfer: [key.buffer] });
        return map_fd;
      },
    };
    expect(ask(C.BPF_MAP_UPDATE_ELEM, attr)).toBe(-E.EFAULT);
    const thrown = {
      get map_fd(): number {
        throw new Error('mine');
      },
    };
    expect(ask(C.BPF_MAP_UPDATE_ELEM, thrown)).toBe(-E.EFAULT);
  });

  test('closes what it opened when the attribute does not take its outputs', () => {
    const before = ask(C.BPF_MAP_CREATE, { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 });
    runtime.close(before);
    const log_buf = new Uint8Array(256);
    const attr = Object.freeze({ prog_type: 1, insns: RETURN_0, license: 'GPL', log_level: 1, log_buf });
    expect(ask(C.BPF_PROG_LOAD, attr)).toBe(-E.EFAULT);
    const after = ask(C.BPF_MAP_CREATE, { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 });
    expect(after).toBe(before);
  });

  test('without kernel types says that a run needs them', () => {
    using bare = createRuntime({ memory: 16 << 20 });
    const attr: TestRunAttr = { test: { prog_fd: load(bare, {}), data_in: new Uint8Array(64) } };
    expect(bare.bpf(C.BPF_PROG_TEST_RUN, attr)).toBe(-E.EOPNOTSUPP);
    expect(attr.test.aborted).toMatch(/^no kernel BTF/);
  });
});

test.each(KERNELS)('a test run tells a result of 0 as well, %s kernel', (_, sys) => {
  const attr: TestRunAttr = { test: { prog_fd: load(sys, {}), data_in: new Uint8Array(64) } };
  expect(sys.bpf(C.BPF_PROG_TEST_RUN, attr)).toBe(0);
  expect(attr.test.retval).toBe(0);
  sys.close(attr.test.prog_fd);
});
