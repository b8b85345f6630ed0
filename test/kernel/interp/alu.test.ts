/** Arithmetic and jumps of the interpreter against a model on BigInt, and against results of the live kernel. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInsns } from '../../../src/isa/decode.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import { allOps } from '../../../src/isa/ops.ts';
import { insnOf } from '../../isa/arbitrary.ts';
import { bytesOf, fixture } from '../../isa/fixtures.ts';
import { aluModel, jumpModel } from './bigint-model.ts';
import { linkage, run } from './engine.ts';

const lddw = (dst: number, v: bigint): Insn[] => [
  { code: 0x18, dst, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v)) },
  { code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v >> 32n)) },
];
const mov = (dst: number, src: number): Insn => ({ code: 0xbf, dst, src, off: 0, imm: 0 });
const imm = (dst: number, value: number): Insn => ({ code: 0xb7, dst, src: 0, off: 0, imm: value });
const exit: Insn = { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(
    0n,
    1n,
    2n,
    31n,
    32n,
    63n,
    64n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    1n << 32n,
    (1n << 63n) - 1n,
    1n << 63n,
    (1n << 64n) - 1n,
  ),
  fc.tuple(fc.bigInt({ min: 0n, max: 255n }), fc.integer({ min: 0, max: 56 })).map(([v, s]) => v << BigInt(s)),
);

const ALU = allOps().filter((op) => (op.code & 7) === 4 || ((op.code & 7) === 7 && op.format !== 'cast'));
const shared = linkage();

describe('arithmetic', () => {
  for (const op of ALU) {
    it(op.name, () => {
      fc.assert(
        fc.property(insnOf(op), word, word, (insns, a, b) => {
          const insn = insns.get(0);
          const same = op.x && insn.src === insn.dst;
          const left = same ? b : a;
          const setup =
            insn.dst === insn.src
              ? lddw(insn.dst, left)
              : [...lddw(insn.dst, a), ...(insn.src < 10 && op.x ? lddw(insn.src, b) : [])];
          fc.pre(insn.src < 10);
          const got = run(Insns.from([...setup, insn, mov(0, insn.dst), exit]), shared);
          expect(got).toBe(aluModel(insn, left, op.x ? b : 0n));
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('conditional jumps', () => {
  for (const op of allOps().filter((o) => o.format === 'jcond')) {
    it(op.name, () => {
      fc.assert(
        fc.property(insnOf(op), word, word, fc.boolean(), (insns, a, b, equal) => {
          const insn = { ...insns.get(0), dst: 1, src: op.x ? 2 : 0, off: 2 };
          const right = equal ? a : b;
          const program = [...lddw(1, a), ...lddw(2, right), insn, imm(0, 0), exit, imm(0, 1), exit];
          expect(run(Insns.from(program), shared)).toBe(jumpModel(insn, a, right) ? 1n : 0n);
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('whole programs', () => {
  it('return what PROG_TEST_RUN of Linux 6.18 did', () => {
    const rows = fixture('alu.tsv');
    expect(rows.length).toBeGreaterThanOrEqual(150);
    for (const [hex, expected] of rows) {
      const got = run(decodeInsns(bytesOf(hex)), shared);
      expect([hex, `0x${BigInt.asUintN(32, got).toString(16)}`]).toEqual([hex, expected]);
    }
  });
});
