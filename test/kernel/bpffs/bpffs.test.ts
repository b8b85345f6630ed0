/** Files that keep objects: what Linux 6.18 answers to each path, and how long objects live. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../src/uapi/errno.ts';
import { BPF_F_PATH_FD, BPF_F_RDONLY, BPF_F_WRONLY } from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

const R = '/sys/fs/bpf';
let sys: Runtime;
let map: number;
let prog: number;
const newMap = (): number =>
  sys.bpf(C.BPF_MAP_CREATE, { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 2 });
const pin = (pathname: string, fd = map, more = {}): number =>
  sys.bpf(C.BPF_OBJ_PIN, { pathname, bpf_fd: fd, ...more });
const get = (pathname: string, more = {}): number => sys.bpf(C.BPF_OBJ_GET, { pathname, ...more });
beforeEach(() => {
  sys = createRuntime({ memory: 16 << 20 });
  map = newMap();
  const insns = encodeInsns(assemble('r0 = 0\nexit'));
  prog = sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns, license: 'GPL' });
});

describe('BPF_OBJ_PIN', () => {
  test.each([
    [`${R}/a.b`, E.EPERM],
    [`${R}/.a`, E.EPERM],
    [`${R}/no/m`, E.ENOENT],
    [`${R}/m/x`, E.ENOTDIR],
    [`${R}/dd/`, E.ENOENT],
    [`${R}/${'q'.repeat(256)}`, E.ENAMETOOLONG],
    ['/tmp/x', E.EPERM],
    ['x', E.EPERM],
    ['', E.ENOENT],
    [`${R}/m`, E.EEXIST],
    [R, E.EEXIST],
  ])('%j', (path, errno) => {
    expect(pin(`${R}/m`)).toBe(0);
    expect(pin(path)).toBe(-errno);
    expect(sys.files!.readdir(R)).toEqual(['m']);
  });

  test.each([
    ['a descriptor that is not open', 99, {}, E.EINVAL],
    ['a stream', 0, {}, E.EINVAL],
    ['flags that it does not have', undefined, { file_flags: 1 }, E.EINVAL],
    ['flags of reading', undefined, { file_flags: BPF_F_RDONLY }, E.EINVAL],
    ['a folder without its flag', undefined, { path_fd: 5 }, E.EINVAL],
    ['a folder that is not open', undefined, { path_fd: 99, file_flags: BPF_F_PATH_FD }, E.EBADF],
    ['a folder that is none', undefined, { path_fd: 3, file_flags: BPF_F_PATH_FD }, E.ENOTDIR],
  ])('%s', (_, fd, more, errno) => {
    expect(pin(fd === undefined ? 'x' : `${R}/x`, fd ?? map, more)).toBe(-errno);
  });

  test('names of 255 bytes, folders, and paths that wander', () => {
    expect(pin(`${R}/${'q'.repeat(255)}`)).toBe(0);
    expect(sys.files!.mkdir(`${R}/d`)).toBe(0);
    expect(pin(`${R}//d/./../d/m`)).toBe(0);
    expect(sys.files!.readdir(`${R}/d`)).toEqual(['m']);
    expect(sys.files!.stat(`${R}/d/m`)).toMatchObject({ mode: 0o100600 });
    expect(sys.files!.stat(`${R}/d`)).toMatchObject({ mode: 0o040755 });
    expect(sys.files!.stat(R)).toMatchObject({ mode: 0o041777 });
  });
});

describe('BPF_OBJ_GET', () => {
  test.each([
    [`${R}/none`, {}, E.ENOENT],
    [`${R}/d`, {}, E.EACCES],
    ['/tmp', {}, E.EACCES],
    [`${R}/m`, { file_flags: BPF_F_RDONLY | BPF_F_WRONLY }, E.EINVAL],
    [`${R}/m`, { file_flags: 1 }, E.EINVAL],
    [`${R}/m`, { bpf_fd: 3 }, E.EINVAL],
  ])('%j %j', (path, more, errno) => {
    pin(`${R}/m`);
    sys.files!.mkdir(`${R}/d`);
    expect(get(path, more)).toBe(-errno);
  });

  test('what a map may be used for', () => {
    pin(`${R}/m`);
    const [key, value] = [new Uint8Array(4), new Uint8Array(8)];
    const update = (map_fd: number): number => sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key, value, flags: 0n });
    const lookup = (map_fd: number): number => sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd, key, value });
    const read = get(`${R}/m`, { file_flags: BPF_F_RDONLY });
    expect([update(read), lookup(read)]).toEqual([-E.EPERM, 0]);
    const write = get(`${R}/m`, { file_flags: BPF_F_WRONLY });
    expect([update(write), lookup(write)]).toEqual([0, -E.EPERM]);
    // Who pins a map that may be read alone gives all of it to who opens the file.
    expect(pin(`${R}/ro`, read)).toBe(0);
    expect(update(get(`${R}/ro`))).toBe(0);
  });

  test('symbolic links, and circles of them', () => {
    pin(`${R}/m`);
    expect(sys.files!.symlink('m', `${R}/s`)).toBe(0);
    expect(sys.files!.symlink(`${R}/s`, `${R}/t`)).toBe(0);
    expect(get(`${R}/t`)).toBeGreaterThan(0);
    sys.files!.symlink('b', `${R}/a`);
    sys.files!.symlink('a', `${R}/b`);
    expect(get(`${R}/a`)).toBe(-E.ELOOP);
    sys.files!.symlink('/tmp', `${R}/out`);
    expect(get(`${R}/out`)).toBe(-E.EACCES);
  });
});

test('an object lives as long as a descriptor or a file keeps it', () => {
  const ids = (): number => {
    const attr = { start_id: 0, next_id: 0 };
    return sys.bpf(C.BPF_MAP_GET_NEXT_ID, attr) < 0 ? 0 : attr.next_id;
  };
  const id = ids();
  pin(`${R}/m`);
  expect(sys.files!.link(`${R}/m`, `${R}/n`)).toBe(0);
  sys.close(map);
  expect(ids()).toBe(id);
  expect(sys.files!.unlink(`${R}/m`)).toBe(0);
  expect(ids()).toBe(id);
  const again = get(`${R}/n`);
  expect(sys.files!.unlink(`${R}/n`)).toBe(0);
  expect(ids()).toBe(id);
  sys.close(again);
  expect(ids()).toBe(0);
});

test('folders and files by the calls of a file system', () => {
  const fs = sys.files!;
  expect(fs.mkdir(`${R}/d`)).toBe(0);
  expect(fs.mkdir(`${R}/d`)).toBe(-E.EEXIST);
  expect(fs.mkdir(`${R}/d.e`)).toBe(-E.EPERM);
  expect(pin(`${R}/d/m`)).toBe(0);
  expect(pin(`${R}/p`, prog)).toBe(0);
  expect(fs.rmdir(`${R}/d`)).toBe(-E.ENOTEMPTY);
  expect(fs.rmdir(`${R}/p`)).toBe(-E.ENOTDIR);
  expect(fs.unlink(`${R}/d`)).toBe(-E.EISDIR);
  expect(fs.unlink(`${R}/none`)).toBe(-E.ENOENT);
  expect(fs.rename(`${R}/d/m`, `${R}/d/n.x`)).toBe(-E.EPERM);
  expect(fs.rename(`${R}/d`, `${R}/d/e`)).toBe(-E.EINVAL);
  expect(fs.rename(`${R}/d`, `${R}/p`)).toBe(-E.ENOTDIR);
  expect(fs.rename(`${R}/p`, `${R}/d`)).toBe(-E.EISDIR);
  expect(fs.rename(`${R}/d/m`, `${R}/p`)).toBe(0);
  expect(fs.readdir(R)).toEqual(['d', 'p']);
  expect(fs.stat(`${R}/p`)).toMatchObject({ mode: 0o100600 });
  expect(fs.rmdir(`${R}/d`)).toBe(0);
  expect(fs.rmdir(R)).toBe(-E.EBUSY);
  expect(fs.chmod(`${R}/p`, 0o644)).toBe(0);
  expect(fs.stat(`${R}/p`)).toMatchObject({ mode: 0o100644 });
  expect(fs.readdir(`${R}/p`)).toBe(-E.ENOTDIR);
});

test('a snapshot keeps the tree, and what it keeps alive', () => {
  sys[Symbol.dispose]();
  sys = createRuntime({ memory: 16 << 20, clock: 'virtual' });
  map = newMap();
  sys.files!.mkdir(`${R}/d`);
  pin(`${R}/d/m`);
  sys.close(map);
  const snapshot = sys.snapshot();
  sys.files!.unlink(`${R}/d/m`);
  sys.files!.rmdir(`${R}/d`);
  pin(`${R}/other`, newMap());
  sys.restore(snapshot);
  expect(sys.files!.readdir(R)).toEqual(['d']);
  expect(get(`${R}/d/m`)).toBeGreaterThan(0);
  expect(get(`${R}/other`)).toBe(-E.ENOENT);
});

test('many rounds of pinning leave nothing', () => {
  for (let i = 0; i < 2000; i++) {
    const fd = newMap();
    pin(`${R}/round`, fd);
    sys.close(fd);
    sys.close(get(`${R}/round`));
    expect(sys.files!.unlink(`${R}/round`)).toBe(0);
  }
  const attr = { start_id: 1, next_id: 0 };
  expect(sys.bpf(C.BPF_MAP_GET_NEXT_ID, attr)).toBe(-E.ENOENT);
});
