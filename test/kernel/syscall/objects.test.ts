/** Objects live as long as someone refers to them; ids grow; descriptors are the smallest free numbers. */
import { describe, expect, test } from 'vitest';
import { type BtfObject, newBtfObject } from '../../../src/kernel/object/btf.ts';
import { Btf } from '../../../src/btf/btf.ts';
import { BtfBuilder } from '../../../src/btf/encode.ts';
import { FdTable } from '../../../src/kernel/object/fd-table.ts';
import { ObjectTable } from '../../../src/kernel/object/kernel-object.ts';
import { readObjInfo } from '../../../src/uapi/obj-info.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { embedded } from './embedded.ts';

const NO_TYPES = Btf.parse(new BtfBuilder().encode());

function object(table: ObjectTable, released: number[]): BtfObject {
  const id = table.newId('btf');
  const made: BtfObject = { ...newBtfObject(id, NO_TYPES), release: () => void released.push(id) };
  table.register(made);
  return made;
}

describe('object table', () => {
  test('the last reference ends an object', () => {
    const table = new ObjectTable();
    const released: number[] = [];
    const one = object(table, released);
    table.get(one);
    table.put(one);
    expect(table.byId('btf', one.id)).toBe(one);
    table.put(one);
    expect(released).toEqual([one.id]);
    expect(table.byId('btf', one.id)).toBeUndefined();
    expect(() => table.put(one)).toThrow('put more often');
  });

  test('ids grow and are not used twice', () => {
    const table = new ObjectTable();
    const [one, two, three] = Array.from({ length: 3 }, () => object(table, []));
    table.put(two);
    expect(table.nextId('btf', 0)).toBe(one.id);
    expect(table.nextId('btf', one.id)).toBe(three.id);
    expect(table.nextId('btf', three.id)).toBeUndefined();
    expect(object(table, []).id).toBe(three.id + 1);
  });

  test('descriptors', () => {
    const table = new ObjectTable();
    const released: number[] = [];
    const fds = new FdTable(table);
    const [a, b, c] = Array.from({ length: 3 }, () => fds.install(object(table, released)));
    expect([a, b, c]).toEqual([3, 4, 5]);
    expect(fds.close(b)).toBe(0);
    expect(fds.close(b)).toBe(-ERRNO.EBADF);
    expect(fds.install(object(table, released))).toBe(4);
    fds.closeAll();
    expect(table.count('btf')).toBe(0);
  });
});

describe('lifecycle through bpf(2)', () => {
  const hash = {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
    key_size: 4,
    value_size: 4,
    max_entries: 1,
    map_name: 'abc',
  };

  test('a map lives on its second descriptor', () => {
    using sys = embedded();
    const fd = sys.bpf(BPF_CMD.BPF_MAP_CREATE, hash);
    const info = readObjInfo(sys, 'map', fd);
    if (typeof info === 'number') throw new Error(`errno ${info}`);
    expect(info.values).toMatchObject({ name: 'abc', key_size: 4, type: 1 });
    const id = info.values.id as number;
    const again = sys.bpf(BPF_CMD.BPF_MAP_GET_FD_BY_ID, { map_id: id });
    sys.close(fd);
    expect(readObjInfo(sys, 'map', again)).toMatchObject({ values: { id } });
    sys.close(again);
    expect(sys.bpf(BPF_CMD.BPF_MAP_GET_FD_BY_ID, { map_id: id })).toBe(-ERRNO.ENOENT);
  });

  test('a program keeps the maps of its fd_array', () => {
    using sys = embedded();
    const map = sys.bpf(BPF_CMD.BPF_MAP_CREATE, hash);
    const prog = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
      prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
      insns: Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
      license: 'GPL',
      prog_name: 'keeper',
      fd_array: new Uint8Array(Uint32Array.of(map).buffer),
      fd_array_cnt: 1,
    });
    sys.close(map);
    const info = readObjInfo(sys, 'prog', prog, ['map_ids', 'xlated_prog_insns']);
    if (typeof info === 'number') throw new Error(`errno ${info}`);
    expect(info.values).toMatchObject({ name: 'keeper', nr_map_ids: 1, type: 6 });
    expect(info.buffers.map_ids).toEqual(Uint8Array.of(1, 0, 0, 0));
    expect(info.buffers.xlated_prog_insns).toHaveLength(16);
    expect(sys.bpf(BPF_CMD.BPF_MAP_GET_NEXT_ID, { start_id: 0 })).toBe(0);
    sys.close(prog);
    expect(sys.bpf(BPF_CMD.BPF_MAP_GET_NEXT_ID, { start_id: 0 })).toBe(-ERRNO.ENOENT);
  });

  test('keys and values pass through memory that may be spent', () => {
    using sys = embedded({ memory: 8 << 20 });
    const map_fd = sys.bpf(BPF_CMD.BPF_MAP_CREATE, hash);
    const array = { map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8 };
    for (let entries = 1 << 20; entries >= 1; entries >>= 1)
      while (sys.bpf(BPF_CMD.BPF_MAP_CREATE, { ...array, max_entries: entries }) > 0);
    const [key, value, next_key] = [new Uint8Array(4), new Uint8Array(4), new Uint8Array(4)];
    expect(sys.bpf(BPF_CMD.BPF_MAP_DELETE_ELEM, { map_fd, key })).toBe(-ERRNO.ENOMEM);
    expect(sys.bpf(BPF_CMD.BPF_MAP_GET_NEXT_KEY, { map_fd, key, next_key })).toBe(-ERRNO.ENOMEM);
    expect(sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd, key, value })).toBe(-ERRNO.ENOMEM);
    expect(sys.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd, key, value })).toBe(-ERRNO.ENOMEM);
    expect(sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_ELEM, { map_fd, key, value })).toBe(-ERRNO.ENOMEM);
  });

  test('the binary form of an attribute', () => {
    using sys = embedded();
    const attr = new Uint8Array(16);
    new Uint32Array(attr.buffer).set([2, 4, 8, 3]);
    const memory = { read: () => undefined, write: () => false };
    const fd = sys.bpfBinary(BPF_CMD.BPF_MAP_CREATE, attr, memory);
    expect(readObjInfo(sys, 'map', fd)).toMatchObject({
      values: { type: 2, key_size: 4, value_size: 8, max_entries: 3 },
    });
    const lookup = new Uint8Array(32);
    new Uint32Array(lookup.buffer)[0] = fd;
    new Uint32Array(lookup.buffer)[2] = 4096;
    expect(sys.bpfBinary(BPF_CMD.BPF_MAP_LOOKUP_ELEM, lookup, memory)).toBe(-ERRNO.EFAULT);
  });

  test('the binary form from callers who keep to no types', () => {
    using sys = embedded();
    const memory = { read: () => undefined, write: () => false };
    const ask = (cmd: unknown, attr: unknown): number => sys.bpfBinary(cmd as number, attr as Uint8Array, memory);
    for (const cmd of ['constructor', '__proto__', '1', null, undefined, 1n, {}, Symbol('cmd'), Number.NaN, 1.5, -1])
      expect(ask(cmd, new Uint8Array(128))).toBe(-ERRNO.EINVAL);
    for (const attr of [undefined, null, 5, 'text', {}, [1, 2], new ArrayBuffer(128), new Proxy({}, {})])
      expect(ask(BPF_CMD.BPF_MAP_CREATE, attr)).toBe(-ERRNO.EFAULT);
  });
});
