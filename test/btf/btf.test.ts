/** Parsing, indexing and building BTF. */
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { alignOf } from '../../src/btf/layout.ts';
import { essentialName } from '../../src/btf/name-index.ts';
import { BTF_KIND } from '../../src/btf/types.ts';
import { FormatError } from '../../src/util/errors.ts';
import { fixture } from '../lib/fixture.ts';

/** One type of every kind. */
export function everyKind(littleEndian = true): Uint8Array {
  const b = new BtfBuilder();
  const int = b.int('int', 4, 1);
  const u64 = b.int('unsigned long long', 8);
  const ptr = b.ptr(int);
  b.array(int, int, 3);
  b.struct('s', 24, [
    { name: 'a', type: int, bitOffset: 0, bitfieldSize: 0 },
    { name: '', type: 6, bitOffset: 64, bitfieldSize: 0 },
    { name: 'p', type: ptr, bitOffset: 128, bitfieldSize: 0 },
  ]);
  b.union('', 8, [
    { name: 'u', type: u64, bitOffset: 0, bitfieldSize: 0 },
    { name: 'arr', type: 4, bitOffset: 0, bitfieldSize: 0 },
  ]);
  b.enum(
    'e',
    4,
    [
      { name: 'NEG', value: -1n },
      { name: 'POS', value: 7n },
    ],
    true,
  );
  b.enum64('e64', 8, [{ name: 'BIG', value: 0x123456789abcdef0n }]);
  b.fwd('f');
  const td = b.typedef('t', int);
  b.volatile(td);
  b.const(11);
  b.restrict(ptr);
  const proto = b.funcProto(int, [
    { name: 'x', type: int },
    { name: '', type: 0 },
  ]);
  const fn = b.func('fn', proto, 1);
  const v = b.var('v', int, 1);
  b.datasec('.data', 8, [{ type: v, offset: 4, size: 4 }]);
  b.float('double', 8);
  b.declTag('tag', fn, 0);
  b.typeTag('user', int);
  b.struct('bits', 4, [
    { name: 'x', type: int, bitOffset: 0, bitfieldSize: 3 },
    { name: 'y', type: int, bitOffset: 3, bitfieldSize: 7 },
  ]);
  return b.encode(littleEndian);
}

describe('Btf', () => {
  const btf = Btf.parse(everyKind());

  test('every kind is decoded', () => {
    expect(btf.type(1)).toMatchObject({
      kind: BTF_KIND.INT,
      name: 'int',
      size: 4,
      int: { encoding: 1, bits: 32, bitOffset: 0 },
    });
    expect(btf.type(4)!.array).toEqual({ elemType: 1, indexType: 1, nelems: 3 });
    expect(btf.type(7)!.values).toEqual([
      { name: 'NEG', value: -1n },
      { name: 'POS', value: 7n },
    ]);
    expect(btf.type(8)!.values[0].value).toBe(0x123456789abcdef0n);
    expect(btf.type(14)!.params).toEqual([
      { name: 'x', type: 1 },
      { name: '', type: 0 },
    ]);
    expect(btf.type(15)).toMatchObject({ kind: BTF_KIND.FUNC, name: 'fn', type: 14, linkage: 1 });
    expect(btf.type(17)).toMatchObject({ kind: BTF_KIND.DATASEC, size: 8, vars: [{ type: 16, offset: 4, size: 4 }] });
    expect(btf.type(19)).toMatchObject({ kind: BTF_KIND.DECL_TAG, name: 'tag', componentIdx: 0 });
    expect(btf.type(21)!.members[1]).toEqual({ name: 'y', type: 1, bitOffset: 3, bitfieldSize: 7 });
    expect(btf.type(0)!.kind).toBe(BTF_KIND.UNKN);
    expect(btf.type(btf.nrTypes)).toBeUndefined();
  });

  test('big-endian reads the same', () => {
    const be = Btf.parse(everyKind(false));
    for (let id = 0; id < btf.nrTypes; id++) expect(be.type(id)).toEqual(btf.type(id));
  });

  test('names, modifiers, sizes, tags', () => {
    for (let round = 0; round < 3; round++) {
      expect(btf.find('fn', BTF_KIND.FUNC)).toBe(15);
      expect(btf.find('fn', BTF_KIND.VAR)).toBe(0);
      expect(btf.find('s', BTF_KIND.STRUCT)).toBe(5);
      expect(btf.find('absent', BTF_KIND.STRUCT)).toBe(0);
    }
    expect(btf.skipModifiers(12)).toBe(1);
    expect([4, 3, 5, 12, 14, 16, 17].map((id) => btf.sizeOf(id))).toEqual([12, 8, 24, 4, -1, 4, 8]);
    expect(btf.declTags(15, 0)).toEqual(['tag']);
    expect(btf.declTags(15, -1)).toEqual([]);
    expect(btf.memberOffset(5, 'p')).toEqual({ offset: 16, size: 8, type: 3 });
    expect(btf.memberOffset(5, ['u'])).toEqual({ offset: 8, size: 8, type: 2 });
    expect(btf.memberOffset(5, ['a', 'b'])).toBeUndefined();
    expect([5, 21, 1, 4].map((id) => alignOf(btf, id))).toEqual([8, 4, 4, 4]);
  });

  test('a copy by the builder is the same', () => {
    expect(BtfBuilder.from(btf).encode()).toEqual(btf.bytes);
    const object = fixture('calls.o').btf!;
    expect(BtfBuilder.from(object).encode()).toEqual(object.bytes);
  });

  test('split BTF continues ids and strings', () => {
    const b = new BtfBuilder(btf);
    const s = b.struct('module_struct', 8, [{ name: 'a', type: 1, bitOffset: 0, bitfieldSize: 0 }]);
    const typedef = b.typedef('again', s);
    const split = Btf.parse(b.encode(), btf);
    expect(s).toBe(btf.nrTypes);
    expect(split.nrTypes).toBe(btf.nrTypes + 2);
    expect(split.name(typedef)).toBe('again');
    expect(split.type(s)!.members[0]).toMatchObject({ name: 'a', type: 1 });
    for (let round = 0; round < 5; round++) {
      expect(split.find('module_struct', BTF_KIND.STRUCT)).toBe(s);
      expect(split.find('fn', BTF_KIND.FUNC)).toBe(15);
    }
    expect(split.sizeOf(typedef)).toBe(8);
    expect(split.withEssentialName('again')).toEqual([typedef]);
    expect(BtfBuilder.from(split).encode()).toEqual(split.bytes);
  });

  test('flavours', () => {
    expect(['foo', 'foo___v2', 'foo____x', '___x', 'a___b___c', 'x__y'].map(essentialName)).toEqual([
      'foo',
      'foo',
      'foo____x',
      '___x',
      'a___b',
      'x__y',
    ]);
    const b = new BtfBuilder();
    for (const name of ['foo', 'foo___old', 'bar', 'foo___new']) b.fwd(name);
    expect(Btf.parse(b.encode()).withEssentialName('foo')).toEqual([1, 2, 4]);
  });
});

describe('hostile BTF', () => {
  test.each([
    ['empty', (b: Uint8Array) => b.subarray(0, 0), 'header of 24 bytes'],
    ['magic', (b: Uint8Array) => b.fill(0, 0, 2), 'magic 0x0'],
    ['version', (b: Uint8Array) => b.fill(9, 2, 3), 'version 9'],
    ['header length', (b: Uint8Array) => b.fill(0xff, 4, 8), 'header length'],
    ['types beyond the end', (b: Uint8Array) => b.fill(0xf0, 12, 16), 'exceeds the'],
    ['strings without end', (b: Uint8Array) => b.fill(65, b.length - 1), 'does not end with a NUL'],
    ['unknown kind', (b: Uint8Array) => b.fill(0x1e, 31, 32), 'kind 30 of type number 1'],
    [
      'members beyond the end',
      (b: Uint8Array) => b.fill(0xff, 24 + 4, 24 + 6) && b.fill(4, 31, 32),
      'runs over the end',
    ],
  ])('%s', (_name, damage, text) => {
    const bytes = damage(everyKind());
    expect(() => Btf.parse(bytes)).toThrow(FormatError);
    expect(() => Btf.parse(bytes)).toThrow(text);
  });

  test('types that lead back to themselves end', () => {
    const b = new BtfBuilder();
    b.typedef('a', 2);
    b.const(1);
    b.array(3, 3, 2);
    b.struct('s', 8, [{ name: '', type: 4, bitOffset: 0, bitfieldSize: 0 }]);
    const btf = Btf.parse(b.encode());
    expect(btf.skipModifiers(1)).toBe(0);
    expect(btf.sizeOf(1)).toBe(-1);
    expect(btf.sizeOf(3)).toBe(-1);
    expect(btf.memberOffset(4, 'x')).toBeUndefined();
    expect(alignOf(btf, 4)).toBe(1);
  });

  test('a name beyond the strings is named', () => {
    const b = new BtfBuilder();
    b.raw([99, BTF_KIND.FWD << 24, 0]);
    const btf = Btf.parse(b.encode());
    expect(() => btf.name(1)).toThrow(/string offset 99 lies beyond the end, 1/);
  });
});
