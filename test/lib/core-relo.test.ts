/** CO-RE: every relocation kind of core.c against the types of core_target.c. */
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { BTF_KIND } from '../../src/btf/types.ts';
import type { Insns } from '../../src/isa/insn.ts';
import { parseAccess } from '../../src/lib/core-relo/access.ts';
import { typesAreCompatible, typesMatch } from '../../src/lib/core-relo/compat.ts';
import { explainMissing } from '../../src/lib/core-relo/explain.ts';
import { BPF_CORE_RELO_KIND as R } from '../../src/lib/core-relo/kinds.ts';
import { BAD_RELO } from '../../src/lib/core-relo/patch.ts';
import { CoreRelocator } from '../../src/lib/core-relo/relocate.ts';
import { fixture } from './fixture.ts';

const object = fixture('core.o');
const target = fixture('core_target.o').btf!;
const relocator = new CoreRelocator(object.btf!, target);

/** Value of each relocation of a program, in order; undefined where the instruction is poisoned. */
function values(name: string): { kind: string; value: number | undefined }[] {
  const p = object.program(name)!;
  return p.coreRelos.map((r) => {
    const { value } = relocator.resolve(name, r);
    return {
      kind: Object.entries(R).find(([, v]) => v === r.kind)![0],
      value: value === undefined ? undefined : Number(value),
    };
  });
}

describe('field relocations', () => {
  test('offset, size, existence, sign, shifts', () => {
    expect(values('fields').map((v) => `${v.kind} ${v.value}`)).toEqual([
      'FIELD_BYTE_OFFSET 32',
      'FIELD_BYTE_SIZE 8',
      'FIELD_EXISTS 1',
      'FIELD_EXISTS 0',
      'FIELD_SIGNED 0',
      'FIELD_SIGNED 1',
      'FIELD_LSHIFT_U64 45',
      'FIELD_RSHIFT_U64 58',
      'FIELD_BYTE_OFFSET 72',
      `FIELD_BYTE_OFFSET ${target.memberOffset(target.find('sample', BTF_KIND.STRUCT), 'list')!.offset + 8}`,
      `FIELD_BYTE_OFFSET ${target.memberOffset(target.find('sample', BTF_KIND.STRUCT), 'u2')!.offset}`,
      'FIELD_EXISTS 1',
    ]);
  });

  test('loads move and widen with their fields', () => {
    const insns = object.program('loads')!.insns.slice();
    relocator.apply('loads', insns, object.program('loads')!.coreRelos);
    const loads = loadsOf(insns);
    const offset = (path: string) => target.memberOffset(target.find('sample', BTF_KIND.STRUCT), path)!.offset;
    expect(loads).toContainEqual({ size: 4, off: offset('a') });
    expect(loads).toContainEqual({ size: 4, off: offset('embedded.y') });
    expect(loads).toContainEqual({ size: 8, off: offset('widened') });
    expect(loads).toContainEqual({ size: 8, off: offset('ptr') });
    expect(loads).toContainEqual({
      size: 4,
      off: target.memberOffset(target.find('inner', BTF_KIND.STRUCT), 'y')!.offset,
    });
  });
});

function loadsOf(insns: Insns): { size: number; off: number }[] {
  const bytes: Record<number, number> = { 0x61: 4, 0x69: 2, 0x71: 1, 0x79: 8 };
  return [...insns.code].flatMap((code, i) => (bytes[code] ? [{ size: bytes[code], off: insns.off[i] }] : []));
}

describe('type and enum relocations', () => {
  test('ids, existence, size, match, enumerators', () => {
    const list = values('types');
    expect(list.map((v) => v.kind)).toEqual([
      'TYPE_ID_LOCAL',
      'TYPE_ID_TARGET',
      'TYPE_EXISTS',
      'TYPE_EXISTS',
      'TYPE_SIZE',
      'TYPE_MATCHES',
      'TYPE_MATCHES',
      'ENUMVAL_EXISTS',
      'ENUMVAL_EXISTS',
      'ENUMVAL_VALUE',
      'ENUMVAL_VALUE',
      'TYPE_SIZE',
    ]);
    expect(list.map((v) => v.value)).toEqual([
      object.btf!.find('sample', BTF_KIND.STRUCT),
      target.find('sample', BTF_KIND.STRUCT),
      1,
      0,
      target.sizeOf(target.find('sample', BTF_KIND.STRUCT)),
      1,
      0,
      1,
      0,
      20,
      0x500000000,
      16,
    ]);
  });
});

describe('what cannot be relocated', () => {
  test('is poisoned, so that only reaching it is refused', () => {
    const insns = object.program('poisoned')!.insns.slice();
    relocator.apply('poisoned', insns, object.program('poisoned')!.coreRelos);
    const poisoned = [...insns.code].filter((code, i) => code === 0x85 && insns.imm[i] === BAD_RELO);
    expect(poisoned.length).toBeGreaterThanOrEqual(2);
  });

  test('candidates that disagree are an error', () => {
    const p = object.program('ambiguous')!;
    expect(() => relocator.apply('ambiguous', p.insns.slice(), p.coreRelos)).toThrow(
      /EINVAL.*give different values, 0 and 8/,
    );
  });

  test('access strings are bounded', () => {
    expect(parseAccess('0:1:2')).toEqual([0, 1, 2]);
    expect(parseAccess('')).toBeUndefined();
    expect(parseAccess('0:-1')).toBeUndefined();
    expect(parseAccess('0:4294967296')).toBeUndefined();
    expect(parseAccess('0'.padEnd(2_000_001, ':0'))).toBeUndefined();
    expect(parseAccess(Array.from({ length: 65 }, () => 0).join(':'))).toBeUndefined();
  });

  test('a thousand flavours are too many', () => {
    const local = new BtfBuilder();
    const int = local.int('int', 4, 1);
    local.struct('s', 4, [{ name: 'x', type: int, bitOffset: 0, bitfieldSize: 0 }]);
    const many = new BtfBuilder();
    const i = many.int('int', 4, 1);
    for (let n = 0; n < 1100; n++) many.struct(`s___${n}a`, 4, [{ name: 'x', type: i, bitOffset: 0, bitfieldSize: 0 }]);
    const r = new CoreRelocator(Btf.parse(local.encode()), Btf.parse(many.encode()));
    expect(() => r.resolve('p', { insn: 0, typeId: 2, access: '0:0', kind: R.FIELD_BYTE_OFFSET })).toThrow(
      /E2BIG.*1100 candidates/,
    );
  });

  test('types that refer to each other without end are compared in bounded time', () => {
    const b = new BtfBuilder();
    // Each prototype takes the next one twice: 2^30 paths.
    for (let n = 0; n < 30; n++) b.raw([0, (BTF_KIND.FUNC_PROTO << 24) | 2, 0, 0, n + 2, 0, n + 2]);
    b.raw([0, BTF_KIND.FUNC_PROTO << 24, 0]);
    const btf = Btf.parse(b.encode());
    expect(typesAreCompatible(btf, 1, btf, 1)).toBe(false);
    expect(typesMatch(btf, 1, btf, 1)).toBe(true);
  });
});

describe('what was not found is named', () => {
  /** Explanations of the poisoned relocations of all programs. */
  const explained = (name: string): string[] => {
    const p = object.program(name)!;
    return relocator.apply(name, p.insns.slice(), p.coreRelos).map((r) => explainMissing(object.btf!, target, r));
  };

  test('members, types and enumerators', () => {
    expect(explained('loads')).toEqual([]);
    expect(explained('poisoned')).toMatchInlineSnapshot(`
      [
        "CO-RE: struct sample has no member vanished in the kernel's types; guard with bpf_core_field_exists()",
        "CO-RE: enum color has no value GONE in the kernel's types; guard with bpf_core_enum_value_exists()",
      ]
    `);
  });

  test('near members of the same struct', () => {
    const local = new BtfBuilder();
    const long = local.int('long', 8);
    const member = (name: string, i: number) => ({ name, type: long, bitOffset: i * 64, bitfieldSize: 0 });
    const id = local.struct('inode', 8, [member('i_atime', 0)]);
    const kernel = new BtfBuilder();
    kernel.int('long', 8);
    kernel.struct('inode', 24, [member('i_atime_sec', 0), member('i_mode', 1), member('i_atime_nsec', 2)]);
    const relo = { insn: 0, typeId: id, access: '0:0', kind: R.FIELD_BYTE_OFFSET };
    const [a, b] = [Btf.parse(local.encode()), Btf.parse(kernel.encode())];
    expect(explainMissing(a, b, relo)).toBe(
      "CO-RE: struct inode has no member i_atime in the kernel's types (there are i_atime_sec, i_atime_nsec); guard with bpf_core_field_exists()",
    );
    expect(explainMissing(a, undefined, relo)).toBe('CO-RE: there are no types of the kernel to look into');
  });
});
