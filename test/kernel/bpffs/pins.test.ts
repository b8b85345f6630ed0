/** Pins as references: what lives by them, what snapshots keep of them, and mounts that come and go. */
import { expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../src/uapi/errno.ts';
import { BPF_F_PATH_FD } from '../../../src/uapi/flags.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const BPF = '/sys/fs/bpf';
const makeMap = (sys: Runtime): number =>
  sys.bpf(C.BPF_MAP_CREATE, { map_type: 1, key_size: 4, value_size: 8, max_entries: 4 });
const pin = (sys: Runtime, bpf_fd: number, pathname: string): number => sys.bpf(C.BPF_OBJ_PIN, { pathname, bpf_fd });
const maps = (sys: Runtime): number[] => {
  const ids: number[] = [];
  for (
    const attr = { start_id: 0, next_id: 0 };
    sys.bpf(C.BPF_MAP_GET_NEXT_ID, attr) === 0;
    attr.start_id = attr.next_id
  )
    ids.push(attr.next_id);
  return ids;
};

test('an object ends with its last file: names, links to them, files that a rename replaces', () => {
  using sys = createRuntime({ memory: 16 << 20 });
  const files = sys.files!;
  const [a, b] = [makeMap(sys), makeMap(sys)];
  pin(sys, a, `${BPF}/a`);
  pin(sys, b, `${BPF}/b`);
  sys.close(a);
  sys.close(b);
  files.link(`${BPF}/a`, `${BPF}/a2`);
  files.unlink(`${BPF}/a`);
  expect(maps(sys)).toEqual([1, 2]);
  files.rename(`${BPF}/b`, `${BPF}/a2`);
  expect(maps(sys)).toEqual([2]);
  files.unlink(`${BPF}/a2`);
  expect(maps(sys)).toEqual([]);
});

test('a program array keeps its programs while it is pinned, and drops them with the file', () => {
  using sys = createRuntime({ memory: 16 << 20 });
  const array = sys.bpf(C.BPF_MAP_CREATE, { map_type: 3, key_size: 4, value_size: 4, max_entries: 1 });
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const prog = sys.bpf(C.BPF_PROG_LOAD, { prog_type: 6, insns, license: 'GPL' });
  sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: array, key: new Uint8Array(4), value: Uint8Array.of(prog, 0, 0, 0) });
  pin(sys, array, `${BPF}/jumps`);
  sys.close(prog);
  sys.close(array);
  const next = { start_id: 0, next_id: 0 };
  expect(sys.bpf(C.BPF_PROG_GET_NEXT_ID, next)).toBe(0);
  sys.files!.unlink(`${BPF}/jumps`);
  expect(sys.bpf(C.BPF_PROG_GET_NEXT_ID, next)).toBe(-E.ENOENT);
});

test('a snapshot has the tree: files that were removed come back with their objects, and later ones go', () => {
  using sys = createRuntime({ kernelBtf, memory: 16 << 20, clock: 'virtual' });
  const files = sys.files!;
  const map = makeMap(sys);
  files.mkdir(`${BPF}/d`);
  pin(sys, map, `${BPF}/d/m`);
  sys.close(map);
  const snapshot = sys.snapshot();
  files.unlink(`${BPF}/d/m`);
  files.rmdir(`${BPF}/d`);
  pin(sys, makeMap(sys), `${BPF}/later`);
  expect(maps(sys)).toEqual([2]);
  sys.restore(snapshot);
  expect(files.readdir(BPF)).toEqual(['d']);
  expect(maps(sys)).toEqual([1]);
  const fd = sys.bpf(C.BPF_OBJ_GET, { pathname: `${BPF}/d/m` });
  expect(fd).toBeGreaterThan(2);
  files.unlink(`${BPF}/d/m`);
  sys.close(fd);
  expect(maps(sys)).toEqual([]);
});

test('paths from a directory that is open: moved, removed, and not a directory', () => {
  using sys = createRuntime({ memory: 16 << 20 });
  const files = sys.files!;
  const map = makeMap(sys);
  files.mkdir(`${BPF}/d`);
  const dir = files.openDirectory(`${BPF}/d`);
  const at = (pathname: string, path_fd: number) => ({ pathname, bpf_fd: map, file_flags: BPF_F_PATH_FD, path_fd });
  files.rename(`${BPF}/d`, `${BPF}/e`);
  expect(sys.bpf(C.BPF_OBJ_PIN, at('m', dir))).toBe(0);
  expect(files.readdir(`${BPF}/e`)).toEqual(['m']);
  expect(sys.bpf(C.BPF_OBJ_PIN, at('../n', dir))).toBe(0);
  expect(sys.bpf(C.BPF_OBJ_PIN, at('m', map))).toBe(-E.ENOTDIR);
  expect(sys.bpf(C.BPF_OBJ_PIN, at('m', 99))).toBe(-E.EBADF);
  expect(sys.bpf(C.BPF_OBJ_PIN, at(`${BPF}/o`, 99))).toBe(0);
  expect(sys.bpf(C.BPF_OBJ_PIN, { ...at('m', dir), file_flags: 0 })).toBe(-E.EINVAL);
  files.unlink(`${BPF}/e/m`);
  files.rmdir(`${BPF}/e`);
  expect(sys.bpf(C.BPF_OBJ_PIN, at('m', dir))).toBe(-E.ENOENT);
  expect(files.openDirectory(`${BPF}/n`)).toBe(-E.ENOTDIR);
  expect(files.mkdir(7 as never)).toBe(-E.EFAULT);
});

test('a bound map is one of the program, and lives as long', () => {
  using sys = createRuntime({ memory: 16 << 20 });
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const prog_fd = sys.bpf(C.BPF_PROG_LOAD, { prog_type: 6, insns, license: 'GPL' });
  const map_fd = makeMap(sys);
  for (let i = 0; i < 2; i++) expect(sys.bpf(C.BPF_PROG_BIND_MAP, { prog_bind_map: { prog_fd, map_fd } })).toBe(0);
  const info = new Uint8Array(232);
  sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: prog_fd, info } });
  expect(new DataView(info.buffer).getUint32(52, true)).toBe(1);
  sys.close(map_fd);
  expect(maps(sys)).toEqual([1]);
  sys.close(prog_fd);
  expect(maps(sys)).toEqual([]);
});

test('runs are counted while a descriptor of ENABLE_STATS is open', () => {
  using sys = createRuntime({ kernelBtf, memory: 16 << 20 });
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const prog_fd = sys.bpf(C.BPF_PROG_LOAD, { prog_type: 6, insns, license: 'GPL' });
  const run = (repeat: number): number =>
    sys.bpf(C.BPF_PROG_TEST_RUN, { test: { prog_fd, data_in: new Uint8Array(64), repeat } });
  const counted = (): string => /run_cnt:\t(\d+)/.exec(sys.readText(`/proc/self/fdinfo/${prog_fd}`) as string)![1];
  run(3);
  expect(counted()).toBe('0');
  const [one, two] = [0, 0].map((type) => sys.bpf(C.BPF_ENABLE_STATS, { enable_stats: { type } }));
  run(3);
  sys.close(one);
  run(2);
  expect(counted()).toBe('5');
  sys.close(two);
  run(1);
  expect(counted()).toBe('5');
});
