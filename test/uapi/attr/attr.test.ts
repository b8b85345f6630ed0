/** Typed attributes become union bpf_attr and come back the same; what lies behind them is refused. */
import { describe, expect, test } from 'vitest';
import type { ProgLoadAttr, TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { type AttrObjects, decodeAttr, type UserMemory } from '../../../src/uapi/attr/decode.ts';
import { encodeAttr, type PointerSpace } from '../../../src/uapi/attr/encode.ts';
import { ATTR_LAYOUTS, type AttrLayout, BPF_ATTR_SIZE } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { claimedLength, faults, isNullBuffer } from '../../../src/uapi/attr/user-buffer.ts';
import { decodeInfo, encodeInfo } from '../../../src/uapi/info-layout.ts';

const BASE = 0x1000n;

class Space implements PointerSpace, UserMemory {
  bytes = new Uint8Array(8192);
  base = BASE;
  reserve(): number {
    return 0;
  }
  #at(addr: bigint, size: number): number | undefined {
    const at = Number(addr - BASE);
    return at >= 0 && at + size <= this.bytes.length ? at : undefined;
  }
  read(addr: bigint, size: number): Uint8Array | undefined {
    const at = this.#at(addr, size);
    return at === undefined ? undefined : this.bytes.slice(at, at + size);
  }
  write(addr: bigint, bytes: Uint8Array): boolean {
    const at = this.#at(addr, bytes.length);
    if (at === undefined) return false;
    this.bytes.set(bytes, at);
    return true;
  }
}
const objects: AttrObjects = { mapSizes: () => ({ key: 4, value: 8, cursor: 4 }), infoKind: () => 'prog' };

describe('layouts', () => {
  test.each(Object.entries(ATTR_LAYOUTS))('command %s: fields lie inside and do not overlap', (_, layout) => {
    const { arms = {} } = layout as AttrLayout;
    for (const fields of [layout.fields, ...Object.values(arms)]) {
      const used = new Map<number, string>();
      for (const field of fields) {
        const size = field.kind === 'name' ? 16 : field.kind === 'u32' || field.kind === 's32' ? 4 : 8;
        expect(field.off + size).toBeLessThanOrEqual(layout.size);
        // They share a place with another field in the kernel's own layout.
        if (
          ['attach_btf_obj_fd', 'map_fd', 'target_ifindex', 'relative_id'].includes(field.name) &&
          used.has(field.off)
        )
          continue;
        for (let at = field.off; at < field.off + size; at++) {
          expect(used.get(at), `${field.name} at ${at}`).toBeUndefined();
          used.set(at, field.name);
        }
      }
    }
    expect(layout.size).toBeLessThanOrEqual(BPF_ATTR_SIZE);
  });
});

describe('encode and decode', () => {
  test('PROG_LOAD', () => {
    const space = new Space();
    const attr: ProgLoadAttr = {
      prog_type: 6,
      insns: Uint8Array.from({ length: 16 }, (_, i) => i),
      license: 'Dual BSD/GPL',
      prog_name: 'name',
      prog_flags: 32,
      func_info_rec_size: 8,
      func_info: new Uint8Array(24).fill(3),
      log_level: 1,
      log_buf: new Uint8Array(100),
    };
    const encoded = encodeAttr(BPF_CMD.BPF_PROG_LOAD, attr, space);
    const view = new DataView(space.bytes.buffer, encoded.at);
    expect(view.getUint32(4, true)).toBe(2);
    expect(view.getUint32(88, true)).toBe(3);
    expect(view.getUint32(28, true)).toBe(100);
    const decoded = decodeAttr(BPF_CMD.BPF_PROG_LOAD, space.bytes.slice(0, encoded.size), space, objects);
    expect(decoded).not.toBeTypeOf('number');
    if (typeof decoded === 'number') return;
    expect(decoded.attr).toMatchObject({
      prog_type: 6,
      insns: attr.insns,
      license: 'Dual BSD/GPL',
      prog_name: 'name',
      prog_flags: 32,
      func_info: attr.func_info,
    });
  });

  test('outputs of TEST_RUN come back both ways', () => {
    const space = new Space();
    const attr: TestRunAttr = { test: { prog_fd: 7, data_in: new Uint8Array(4).fill(9), data_out: new Uint8Array(4) } };
    const encoded = encodeAttr(BPF_CMD.BPF_PROG_TEST_RUN, attr, space);
    const binary = space.bytes.slice(0, encoded.size);
    const decoded = decodeAttr(BPF_CMD.BPF_PROG_TEST_RUN, binary, space, objects);
    if (typeof decoded === 'number') throw new Error(`errno ${decoded}`);
    const { test } = decoded.attr as TestRunAttr;
    expect(test.data_in).toEqual(attr.test.data_in);
    test.retval = 2;
    test.data_size_out = 3;
    test.data_out?.fill(5);
    expect(decoded.finish()).toBe(0);
    space.bytes.set(binary, encoded.at);
    encoded.finish();
    expect(attr.test).toMatchObject({ retval: 2, data_size_out: 3, data_out: new Uint8Array(4).fill(5) });
  });

  test('bytes behind the last field are refused', () => {
    const space = new Space();
    expect(decodeAttr(BPF_CMD.BPF_MAP_FREEZE, new Uint8Array(8).fill(1, 4), space, objects)).toBe(-ERRNO.EINVAL);
    expect(decodeAttr(BPF_CMD.BPF_MAP_FREEZE, new Uint8Array(200).fill(1, 199), space, objects)).toBe(-ERRNO.E2BIG);
    expect(decodeAttr(999, new Uint8Array(8), space, objects)).toBe(-ERRNO.EINVAL);
  });

  test('a pointer that leads nowhere keeps its length, and faults when it is followed', () => {
    const attr = new Uint8Array(168);
    new DataView(attr.buffer).setUint32(4, 3, true);
    for (const [addr, isNull] of [
      [0xffff_ffff_0000n, false],
      [0n, true],
    ] as const) {
      new DataView(attr.buffer).setBigUint64(8, addr, true);
      const decoded = decodeAttr(BPF_CMD.BPF_PROG_LOAD, attr, new Space(), objects);
      if (typeof decoded === 'number') throw new Error(`errno ${decoded}`);
      const { insns } = decoded.attr as ProgLoadAttr;
      expect([claimedLength(insns), isNullBuffer(insns), faults(insns), insns.length]).toEqual([24, isNull, true, 0]);
    }
  });

  test('an attribute longer than a page is -E2BIG, whatever lies in it', () => {
    expect(decodeAttr(BPF_CMD.BPF_MAP_FREEZE, new Uint8Array(4096), new Space(), objects)).toBeTypeOf('object');
    expect(decodeAttr(BPF_CMD.BPF_MAP_FREEZE, new Uint8Array(4097), new Space(), objects)).toBe(-ERRNO.E2BIG);
    expect(decodeAttr(999, new Uint8Array(4097), new Space(), objects)).toBe(-ERRNO.E2BIG);
  });
});

test('info structs survive a round trip', () => {
  const values = {
    type: 6,
    id: 5,
    name: 'abc',
    gpl_compatible: 1,
    load_time: 1n << 40n,
    tag: new Uint8Array(8).fill(7),
  };
  expect(decodeInfo('prog', encodeInfo('prog', values))).toMatchObject(values);
});
