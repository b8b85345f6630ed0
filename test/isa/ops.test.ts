/** The operator table is complete and free of contradictions. */
import { describe, expect, it } from 'vitest';
import { allOps, isOpcode, opsOf, opOf } from '../../src/isa/ops.ts';

describe('operator table', () => {
  it('names every form once', () => {
    expect(new Set(allOps().map((op) => op.name)).size).toBe(allOps().length);
    expect(allOps().every((op, i) => op.id === i)).toBe(true);
  });

  it('has the opcodes of RFC 9669 and Linux 6.18', () => {
    // ALU: 2 widths of 12 operations in 2 forms, and neg; END: 3. JMP: 2 widths of 11 in 2 forms, ja, gotol, call, callx, exit, may_goto.
    const count = (cls: number): number =>
      Array.from({ length: 256 }, (_, code) => opsOf(code)).filter(
        (rows, code) => rows.length > 0 && (code & 7) === cls,
      ).length;
    expect([4, 7].map(count)).toEqual([12 * 2 + 1 + 2, 12 * 2 + 1 + 1]);
    expect([5, 6].map(count)).toEqual([11 * 2 + 5, 11 * 2 + 1]);
    expect([0, 1, 2, 3].map(count)).toEqual([1 + 6, 4 + 3, 4, 4 + 4]);
  });

  it('knows without the forms which opcodes have one', () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    expect(codes.filter(isOpcode)).toEqual(codes.filter((code) => opsOf(code).length > 0));
  });

  it('tells forms of one opcode apart', () => {
    for (const rows of Array.from({ length: 256 }, (_, code) => opsOf(code))) {
      for (const op of rows) {
        const value = (rule: unknown): number => (typeof rule === 'number' ? rule : 0);
        expect(opOf(op.code, value(op.src), value(op.off), value(op.imm))).toBe(op);
      }
    }
  });

  it('keeps 32-bit jumps in v3, signed division and sign extension in v4', () => {
    for (const op of allOps()) {
      if (op.format === 'jcond' && op.bits === 32) expect(op.version).toBe(3);
      if (op.op === 'sdiv' || op.op === 'smod' || op.format === 'movsx' || op.format === 'ldsx')
        expect(op.version).toBe(4);
    }
  });
});
