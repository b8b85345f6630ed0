/** What bpf(2) of Linux 6.18 answers to sound and faulty attributes: one row a question, asked of both kernels. */
import type { BpfSyscall, MapCreateAttr, ProgLoadAttr, TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../src/uapi/errno.ts';
import * as F from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

export interface ErrnoCase {
  readonly name: string;
  /** Asks; a descriptor counts as 1 and is closed. */
  readonly ask: (sys: BpfSyscall) => number;
  /** 0, 1 for a descriptor, or -errno as Linux 6.18 answered. */
  readonly answer: number;
}

const insns = (...words: readonly [number, number, number, number][]): Uint8Array => {
  const out = new Uint8Array(words.length * 8);
  const view = new DataView(out.buffer);
  words.forEach(([code, regs, off, imm], i) => {
    out[i * 8] = code;
    out[i * 8 + 1] = regs;
    view.setInt16(i * 8 + 2, off, true);
    view.setInt32(i * 8 + 4, imm, true);
  });
  return out;
};
const returns = (value: number): Uint8Array => insns([0xb7, 0, 0, value], [0x95, 0, 0, 0]);
const XDP_PASS = returns(2);

const fdAnswer = (sys: BpfSyscall, fd: number): number => {
  if (fd <= 0) return fd;
  sys.close(fd);
  return 1;
};

const load = (name: string, answer: number, attr: Partial<ProgLoadAttr>): ErrnoCase => ({
  name: `PROG_LOAD ${name}`,
  answer,
  ask: (sys) =>
    fdAnswer(
      sys,
      sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_XDP, insns: XDP_PASS, license: 'GPL', ...attr }),
    ),
});

const hash: MapCreateAttr = { map_type: M.BPF_MAP_TYPE_HASH, key_size: 4, value_size: 8, max_entries: 4 };
const array: MapCreateAttr = { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 4 };
const create = (name: string, answer: number, attr: Partial<MapCreateAttr>): ErrnoCase => ({
  name: `MAP_CREATE ${name}`,
  answer,
  ask: (sys) => fdAnswer(sys, sys.bpf(C.BPF_MAP_CREATE, { ...hash, ...attr })),
});
const onMap = (
  name: string,
  answer: number,
  attr: MapCreateAttr,
  ask: (sys: BpfSyscall, fd: number) => number,
): ErrnoCase => ({
  name,
  answer,
  ask(sys) {
    const fd = sys.bpf(C.BPF_MAP_CREATE, attr);
    if (fd < 0) return fd;
    try {
      return ask(sys, fd);
    } finally {
      sys.close(fd);
    }
  },
});
const onProg = (
  name: string,
  answer: number,
  attr: Partial<ProgLoadAttr>,
  ask: (sys: BpfSyscall, fd: number) => number,
): ErrnoCase => ({
  name,
  answer,
  ask(sys) {
    const fd = sys.bpf(C.BPF_PROG_LOAD, {
      prog_type: T.BPF_PROG_TYPE_XDP,
      insns: XDP_PASS,
      license: 'GPL',
      ...attr,
    });
    if (fd < 0) return fd;
    try {
      return ask(sys, fd);
    } finally {
      sys.close(fd);
    }
  },
});
const run = (
  name: string,
  answer: number,
  attr: Partial<ProgLoadAttr>,
  test: Partial<TestRunAttr['test']>,
): ErrnoCase =>
  onProg(`TEST_RUN ${name}`, answer, attr, (sys, fd) =>
    sys.bpf(C.BPF_PROG_TEST_RUN, { test: { prog_fd: fd, ...test } }),
  );

const key = new Uint8Array(4);
const value = new Uint8Array(8);
const bytes = (n: number): Uint8Array => new Uint8Array(n);
const words = (...w: number[]): Uint8Array => new Uint8Array(Uint32Array.from(w).buffer);
const skbCtx = (set: Record<number, number>): Uint8Array => {
  const ctx = new Uint32Array(48);
  for (const [off, v] of Object.entries(set)) ctx[Number(off) / 4] = v;
  return new Uint8Array(ctx.buffer);
};
const SCHED_CLS = { prog_type: T.BPF_PROG_TYPE_SCHED_CLS };
const RAW_TP = { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT };
const SYSCALL = { prog_type: T.BPF_PROG_TYPE_SYSCALL, prog_flags: F.BPF_F_SLEEPABLE, insns: returns(0) };
const NO_FD = 999_999;

export const ERRNO_CASES: readonly ErrnoCase[] = [
  // PROG_LOAD
  load('plain', 1, {}),
  load('no instructions', -E.E2BIG, { insns: bytes(0) }),
  load('1,000,001 instructions', -E.E2BIG, { insns: bytes(8 * 1_000_001) }),
  load('unknown flag', -E.EINVAL, { prog_flags: 256 }),
  load('type 0', -E.EINVAL, { prog_type: 0 }),
  load('type 33', -E.EINVAL, { prog_type: 33 }),
  load('blank in name', -E.EINVAL, { prog_name: 'a b' }),
  load('name of 16 bytes', -E.EINVAL, { prog_name: '0123456789abcdef' }),
  load('name of 15 bytes', 1, { prog_name: '0123456789abcde' }),
  load('name with dot', 1, { prog_name: 'a.b_c' }),
  load('log level without buffer', 1, { log_level: 1 }),
  load('buffer without log level', -E.EINVAL, { log_buf: bytes(64) }),
  load('log level 16', -E.EINVAL, { log_level: 16, log_buf: bytes(64) }),
  load('log buffer too small', -E.ENOSPC, { log_level: 1, log_buf: bytes(16) }),
  load('fixed log buffer too small', -E.ENOSPC, { log_level: 9, log_buf: bytes(16) }),
  load('func_info without BTF', -E.EBADF, { func_info: bytes(8), func_info_rec_size: 8, prog_btf_fd: NO_FD }),
  load('fd_array of no bytes', -E.EFAULT, { fd_array_cnt: 1 }),
  load('func_info records of 4 bytes', -E.EBADF, { func_info: bytes(8), func_info_rec_size: 4, prog_btf_fd: NO_FD }),
  load('BTF descriptor without records is not looked at', 1, { prog_btf_fd: NO_FD }),
  load('fd_array with a bad descriptor', -E.EBADF, { fd_array: words(NO_FD), fd_array_cnt: 1 }),
  load('attach target that is no program', -E.EINVAL, { attach_prog_fd: NO_FD }),
  load('attach_btf_id of an XDP program', -E.EINVAL, { attach_btf_id: 1 }),
  load('cgroup_skb for egress', 1, {
    prog_type: T.BPF_PROG_TYPE_CGROUP_SKB,
    expected_attach_type: 1,
    insns: returns(1),
  }),
  load('cgroup_skb for XDP', -E.EINVAL, { prog_type: T.BPF_PROG_TYPE_CGROUP_SKB, expected_attach_type: 37 }),
  load('syscall with attach type', -E.EINVAL, { ...SYSCALL, expected_attach_type: 1 }),
  load('cgroup_sock_addr without attach type', -E.EINVAL, { prog_type: T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR }),

  // MAP_CREATE and element commands
  create('hash', 1, {}),
  create('type 0', -E.EINVAL, { map_type: 0 }),
  create('type 34', -E.EINVAL, { map_type: 34 }),
  create('without entries', -E.EINVAL, { max_entries: 0 }),
  create('map_extra on a hash', -E.EINVAL, { map_extra: 1n }),
  create('read-only and write-only', -E.EINVAL, { map_flags: F.BPF_F_RDONLY | F.BPF_F_WRONLY }),
  create('key type without value type', -E.EINVAL, { btf_key_type_id: 1 }),
  create('value type, bad BTF', -E.EBADF, { btf_value_type_id: 1, btf_fd: NO_FD }),
  create('blank in name', -E.EINVAL, { map_name: 'a b' }),
  {
    name: 'LOOKUP on no descriptor',
    answer: -E.EBADF,
    ask: (s) => s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: NO_FD, key, value }),
  },
  onMap('LOOKUP of a missing key', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value }),
  ),
  onMap('LOOKUP with flag 1', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value, flags: 1n }),
  ),
  onMap('LOOKUP with BPF_F_LOCK, no lock', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value, flags: 4n }),
  ),
  onMap('LOOKUP without key', -E.EFAULT, hash, (s, fd) => s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, value })),
  onMap('UPDATE without key', -E.EFAULT, hash, (s, fd) => s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, value })),
  onMap('UPDATE without value', -E.EFAULT, hash, (s, fd) => s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key })),
  onMap('UPDATE with flag 3', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value, flags: 3n }),
  ),
  onMap('UPDATE with BPF_EXIST, missing', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value, flags: 2n }),
  ),
  onMap('UPDATE with BPF_NOEXIST on an array', -E.EEXIST, array, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value, flags: 1n }),
  ),
  onMap('UPDATE with flag bit 40', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value, flags: 1n << 40n }),
  ),
  onMap('DELETE on an array', -E.EINVAL, array, (s, fd) => s.bpf(C.BPF_MAP_DELETE_ELEM, { map_fd: fd, key })),
  onMap('DELETE of a missing key', -E.ENOENT, hash, (s, fd) => s.bpf(C.BPF_MAP_DELETE_ELEM, { map_fd: fd, key })),
  onMap('NEXT_KEY of an empty hash', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_GET_NEXT_KEY, { map_fd: fd, next_key: bytes(4) }),
  ),
  onMap('NEXT_KEY of an array', 0, array, (s, fd) => s.bpf(C.BPF_MAP_GET_NEXT_KEY, { map_fd: fd, next_key: bytes(4) })),
  onMap('LOOKUP_AND_DELETE on an array', -E.ENOTSUPP, array, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, { map_fd: fd, key, value }),
  ),
  onMap('LOOKUP_AND_DELETE missing', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, { map_fd: fd, key, value }),
  ),
  onMap('UPDATE of a read-only descriptor', -E.EPERM, { ...hash, map_flags: F.BPF_F_RDONLY }, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value }),
  ),
  onMap('LOOKUP of a write-only descriptor', -E.EPERM, { ...hash, map_flags: F.BPF_F_WRONLY }, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value }),
  ),
  onMap(
    'UPDATE of a frozen map',
    -E.EPERM,
    hash,
    (s, fd) => s.bpf(C.BPF_MAP_FREEZE, { map_fd: fd }) || s.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value }),
  ),
  onMap(
    'LOOKUP of a frozen map',
    -E.ENOENT,
    hash,
    (s, fd) => s.bpf(C.BPF_MAP_FREEZE, { map_fd: fd }) || s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value }),
  ),
  onMap(
    'FREEZE twice',
    -E.EPERM,
    hash,
    (s, fd) => s.bpf(C.BPF_MAP_FREEZE, { map_fd: fd }) || s.bpf(C.BPF_MAP_FREEZE, { map_fd: fd }),
  ),
  onMap('FREEZE of a read-only descriptor', -E.EPERM, { ...hash, map_flags: F.BPF_F_RDONLY }, (s, fd) =>
    s.bpf(C.BPF_MAP_FREEZE, { map_fd: fd }),
  ),
  onMap('LOOKUP_BATCH, count 0', 0, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, { batch: { map_fd: fd, count: 0 } }),
  ),
  onMap('LOOKUP_BATCH of an empty hash', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, {
      batch: { map_fd: fd, count: 4, keys: bytes(16), values: bytes(32), out_batch: bytes(4) },
    }),
  ),
  onMap('LOOKUP_BATCH without out_batch', -E.EFAULT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, { batch: { map_fd: fd, count: 4, keys: bytes(16), values: bytes(32) } }),
  ),
  onMap('LOOKUP_BATCH with flags', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, { batch: { map_fd: fd, count: 1, flags: 1n } }),
  ),
  onMap('LOOKUP_BATCH with elem_flags 1', -E.EINVAL, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, { batch: { map_fd: fd, count: 1, elem_flags: 1n } }),
  ),
  onMap('LOOKUP_BATCH of an array', 0, array, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, {
      batch: { map_fd: fd, count: 2, keys: bytes(8), values: bytes(16), out_batch: bytes(4) },
    }),
  ),
  onMap('LOOKUP_BATCH beyond an array', -E.ENOENT, array, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_BATCH, {
      batch: { map_fd: fd, count: 8, keys: bytes(32), values: bytes(64), out_batch: bytes(4) },
    }),
  ),
  onMap('LOOKUP_AND_DELETE_BATCH of an array', -E.ENOTSUPP, array, (s, fd) =>
    s.bpf(C.BPF_MAP_LOOKUP_AND_DELETE_BATCH, {
      batch: { map_fd: fd, count: 2, keys: bytes(8), values: bytes(16), out_batch: bytes(4) },
    }),
  ),
  onMap('UPDATE_BATCH', 0, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_BATCH, { batch: { map_fd: fd, count: 2, keys: words(1, 2), values: bytes(16) } }),
  ),
  onMap('UPDATE_BATCH beyond the table', -E.E2BIG, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_UPDATE_BATCH, { batch: { map_fd: fd, count: 5, keys: words(1, 2, 3, 4, 5), values: bytes(40) } }),
  ),
  onMap('DELETE_BATCH of missing keys', -E.ENOENT, hash, (s, fd) =>
    s.bpf(C.BPF_MAP_DELETE_BATCH, { batch: { map_fd: fd, count: 1, keys: words(1) } }),
  ),
  onMap('DELETE_BATCH of an array', -E.ENOTSUPP, array, (s, fd) =>
    s.bpf(C.BPF_MAP_DELETE_BATCH, { batch: { map_fd: fd, count: 1, keys: words(1) } }),
  ),
  onMap(
    'batch on a queue',
    -E.ENOTSUPP,
    { map_type: M.BPF_MAP_TYPE_QUEUE, key_size: 0, value_size: 4, max_entries: 4 },
    (s, fd) => s.bpf(C.BPF_MAP_LOOKUP_BATCH, { batch: { map_fd: fd, count: 1 } }),
  ),

  // Objects
  {
    name: 'info of no descriptor',
    answer: -E.EBADFD,
    ask: (s) => s.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: NO_FD, info: bytes(64) } }),
  },
  onMap('info of a map', 0, hash, (s, fd) =>
    s.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info: bytes(104) } }),
  ),
  onMap('info with a zero tail', 0, hash, (s, fd) =>
    s.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info: bytes(200) } }),
  ),
  onMap('info with a tail that is not zero', -E.E2BIG, hash, (s, fd) =>
    s.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info: bytes(200).fill(1, 199) } }),
  ),
  {
    name: 'a map id that nobody has',
    answer: -E.ENOENT,
    ask: (s) => s.bpf(C.BPF_MAP_GET_FD_BY_ID, { map_id: 0x7fff_fffe }),
  },
  {
    name: 'fd by id with a bad flag',
    answer: -E.EINVAL,
    ask: (s) => s.bpf(C.BPF_PROG_GET_FD_BY_ID, { prog_id: 1, open_flags: 1 }),
  },
  {
    name: 'next id after the largest',
    answer: -E.ENOENT,
    ask: (s) => s.bpf(C.BPF_MAP_GET_NEXT_ID, { start_id: 0x7fff_fffe }),
  },
  {
    name: 'next id after INT_MAX',
    answer: -E.EINVAL,
    ask: (s) => s.bpf(C.BPF_MAP_GET_NEXT_ID, { start_id: 0x7fff_ffff }),
  },
  onProg('a program is no map', -E.EINVAL, {}, (s, fd) => s.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value })),
  onMap('a map is no program', -E.EINVAL, hash, (s, fd) => s.bpf(C.BPF_PROG_TEST_RUN, { test: { prog_fd: fd } })),
  { name: 'BTF of no bytes', answer: -E.EINVAL, ask: (s) => s.bpf(C.BPF_BTF_LOAD, { btf: bytes(0) }) },
  { name: 'BTF of zeros', answer: -E.EINVAL, ask: (s) => s.bpf(C.BPF_BTF_LOAD, { btf: bytes(24) }) },
  {
    name: 'BTF with a bad flag',
    answer: -E.EINVAL,
    ask: (s) => s.bpf(C.BPF_BTF_LOAD, { btf: bytes(24), btf_flags: 1 }),
  },

  // PROG_TEST_RUN
  run('XDP without data', -E.EINVAL, {}, {}),
  run('XDP, 13 bytes', -E.EINVAL, {}, { data_in: bytes(13) }),
  run('XDP, 14 bytes', 0, {}, { data_in: bytes(14) }),
  run('XDP, 9000 bytes', 0, {}, { data_in: bytes(9000) }),
  run('XDP, 73153 bytes', -E.ENOMEM, {}, { data_in: bytes(73153) }),
  run('XDP, small output', -E.ENOSPC, {}, { data_in: bytes(64), data_out: bytes(20) }),
  run('XDP, size only', -E.ENOSPC, {}, { data_in: bytes(64), data_size_out: 5 }),
  run('XDP, flag 1', -E.EINVAL, {}, { data_in: bytes(64), flags: 1 }),
  run('XDP, batch size', -E.EINVAL, {}, { data_in: bytes(64), batch_size: 1 }),
  run('XDP, cpu 1 is ignored', 0, {}, { data_in: bytes(64), cpu: 1 }),
  run('XDP devmap program', -E.EINVAL, { expected_attach_type: 33 }, { data_in: bytes(64) }),
  run('XDP, data_end beyond', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(0, 65, 0, 0, 0, 0) }),
  run('XDP, data_end 10', 0, {}, { data_in: bytes(64), ctx_in: words(0, 10, 0, 0, 0, 0) }),
  run('XDP, metadata 3', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(3, 64, 0, 0, 0, 0) }),
  run('XDP, metadata 216', 0, {}, { data_in: bytes(400), ctx_in: words(216, 400, 0, 0, 0, 0) }),
  run('XDP, metadata 220', -E.EINVAL, {}, { data_in: bytes(400), ctx_in: words(220, 400, 0, 0, 0, 0) }),
  run('XDP, metadata leaves no header', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(52, 64, 0, 0, 0, 0) }),
  run('XDP, data_meta set', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(0, 64, 4, 0, 0, 0) }),
  run('XDP, loopback', 0, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 1, 0, 0) }),
  run('XDP, loopback queue 1', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 1, 1, 0) }),
  run('XDP, no such device', -E.ENODEV, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 4077, 0, 0) }),
  run('XDP, queue without device', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 0, 1, 0) }),
  run('XDP, egress device', -E.EINVAL, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 0, 0, 1) }),
  run('XDP, short context', 0, {}, { data_in: bytes(64), ctx_in: words(0, 64) }),
  run('XDP, long context', -E.E2BIG, {}, { data_in: bytes(64), ctx_in: words(0, 64, 0, 0, 0, 0, 1) }),
  run('XDP, small context out', -E.ENOSPC, {}, { data_in: bytes(64), ctx_out: bytes(8) }),
  run('tc, 13 bytes', -E.EINVAL, SCHED_CLS, { data_in: bytes(13) }),
  run('tc, 14 bytes', 0, SCHED_CLS, { data_in: bytes(14) }),
  run('tc, 3712 bytes', 0, SCHED_CLS, { data_in: bytes(3712) }),
  run('tc, 3713 bytes', -E.EINVAL, SCHED_CLS, { data_in: bytes(3713) }),
  run('tc, cpu 1', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), cpu: 1 }),
  run('tc, flag 1', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), flags: 1 }),
  run('tc, flag 4', 0, SCHED_CLS, { data_in: bytes(64), flags: 4 }),
  run('tc, mark', 0, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 8: 1 }) }),
  run('tc, len set', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 0: 64 }) }),
  run('tc, hash set', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 68: 1 }) }),
  run('tc, wire_len too small', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 160: 63 }) }),
  run('tc, wire_len', 0, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 160: 64 }) }),
  run('tc, wire_len 65536', 0, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 160: 65536 }) }),
  run('tc, wire_len 65537', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 160: 65537 }) }),
  run('tc, gso_segs 65535', 0, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 164: 65535 }) }),
  run('tc, gso_segs 65536', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 164: 65536 }) }),
  run('tc, tstamp_type', -E.EINVAL, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 180: 1 }) }),
  run('tc, no such device', -E.ENODEV, SCHED_CLS, { data_in: bytes(64), ctx_in: skbCtx({ 40: 4077 }) }),
  run('socket filter', 0, { prog_type: T.BPF_PROG_TYPE_SOCKET_FILTER }, { data_in: bytes(64) }),
  run('kprobe', -E.ENOTSUPP, { prog_type: T.BPF_PROG_TYPE_KPROBE }, { data_in: bytes(64) }),
  run('tracepoint', -E.ENOTSUPP, { prog_type: T.BPF_PROG_TYPE_TRACEPOINT }, {}),
  run('perf_event', -E.ENOTSUPP, { prog_type: T.BPF_PROG_TYPE_PERF_EVENT }, {}),
  run('raw tracepoint', 0, RAW_TP, {}),
  run('raw tracepoint, 96 bytes', 0, RAW_TP, { ctx_in: bytes(96) }),
  run('raw tracepoint, 97 bytes', -E.EINVAL, RAW_TP, { ctx_in: bytes(97) }),
  run('raw tracepoint with data', -E.EINVAL, RAW_TP, { data_in: bytes(64) }),
  run('raw tracepoint, repeat', -E.EINVAL, RAW_TP, { repeat: 1 }),
  run('raw tracepoint, cpu without flag', -E.EINVAL, RAW_TP, { cpu: 1 }),
  run('raw tracepoint, cpu 4077', -E.ENXIO, RAW_TP, { flags: 1, cpu: 4077 }),
  run('syscall', 0, SYSCALL, { ctx_in: bytes(64) }),
  run('syscall with flags', -E.EINVAL, SYSCALL, { flags: 1 }),
  run('syscall, 65536 bytes', -E.EINVAL, SYSCALL, { ctx_in: bytes(65536) }),
];
