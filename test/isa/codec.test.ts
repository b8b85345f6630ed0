/** Bytes to columns and back, in both byte orders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInsns } from '../../src/isa/decode.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { Insns } from '../../src/isa/insn.ts';
import { FormatError } from '../../src/util/errors.ts';
import { anyProgram } from './arbitrary.ts';
import { bytesOf, hexOf } from './fixtures.ts';

describe('encode and decode', () => {
  it('reads one instruction in both byte orders', () => {
    const insn = { code: 0x61, dst: 1, src: 6, off: 4, imm: -2 };
    const le = '61610400feffffff';
    const be = '61160004fffffffe';
    expect(decodeInsns(bytesOf(le)).get(0)).toEqual(insn);
    expect(decodeInsns(bytesOf(be), false).get(0)).toEqual(insn);
    expect(hexOf(encodeInsns(Insns.from([insn])))).toBe(le);
    expect(hexOf(encodeInsns(Insns.from([insn]), false))).toBe(be);
  });

  it('is its own inverse on any bytes', () => {
    const bytes = fc
      .uint8Array({ maxLength: 20 })
      .map((b) => Uint8Array.from({ length: b.length * 8 }, (_, i) => b[i >> 3] ^ (i * 37)));
    fc.assert(
      fc.property(bytes, fc.boolean(), (b, le) => {
        expect(encodeInsns(decodeInsns(b, le), le)).toEqual(b);
      }),
    );
  });

  it('is its own inverse on any program', () => {
    fc.assert(
      fc.property(anyProgram, fc.boolean(), (p, le) => {
        expect(decodeInsns(encodeInsns(p, le), le)).toEqual(p);
      }),
    );
  });

  it('refuses bytes that are no whole instructions', () => {
    for (const n of [1, 7, 9, 15]) {
      const read = (): unknown => decodeInsns(new Uint8Array(n));
      expect(read).toThrow(FormatError);
      expect(read).toThrow(`${n % 8} trailing bytes`);
    }
    expect(decodeInsns(new Uint8Array(0)).length).toBe(0);
  });

  it('reads a view that does not begin at its buffer', () => {
    const whole = new Uint8Array(24);
    whole.set(bytesOf('b70000002a000000'), 5);
    expect(decodeInsns(whole.subarray(5, 13)).imm[0]).toBe(42);
  });
});
