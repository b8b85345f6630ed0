/** Rotations, halves of byte swaps and swapped loads: found where they are, left alone where they are not; random mixes stay what they were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { JIT_ROTL, replaceIdioms } from '../../../../src/kernel/jit/rewrite/idioms.ts';
import type { VerifiedProgram } from '../../../../src/kernel/verifier/result.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row } from '../support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;

function expectAgreement(program: VerifiedProgram): void {
  const fill = (): void => {
    for (let i = 0; i < 64; i++) link.mem.u8[DATA + i] = 0x91 + i * 37;
  };
  fill();
  const jit = compile(link, program);
  jit.run(DATA);
  const got = r0Of(link, jit);
  fill();
  const interp = interpret(program, link);
  interp.run(DATA);
  expect(got).toBe(r0Of(link, interp));
  jit.dispose();
  interp.dispose();
}

const count = (source: string, test: (code: number, imm: number) => boolean): number => {
  const { insns } = replaceIdioms(programOf(assemble(source)));
  let n = 0;
  for (let i = 0; i < insns.length; i++) if (test(insns.code[i], insns.imm[i])) n++;
  return n;
};
const rotations = (source: string): number => count(source, (code) => code === (7 | JIT_ROTL));
const swaps64 = (source: string): number => count(source, (code, imm) => (code & 0xf0) === 0xd0 && imm === 64);

const LOAD = 'r1 = *(u64 *)(r1 +0)\n ';

describe('rotations', () => {
  it.each([
    ['right part in a copy', `${LOAD}r2 = r1\n r2 >>= 51\n r1 <<= 13\n r1 |= r2\n r0 = r1\n exit`, 1],
    ['left part in a copy', `${LOAD}r0 = r1\n r0 <<= 1\n r1 >>= 63\n r0 |= r1\n exit`, 1],
    [
      'both in copies, the value used again',
      `${LOAD}r2 = r1\n r2 >>= 32\n r0 = r1\n r0 <<= 32\n r0 |= r2\n r0 += r1\n exit`,
      1,
    ],
    [
      'two in a row',
      `${LOAD}r2 = r1\n r2 >>= 50\n r1 <<= 14\n r1 |= r2\n r0 = r1\n r0 >>= 1\n r1 <<= 63\n r0 |= r1\n exit`,
      2,
    ],
    ['counts that do not add up', `${LOAD}r2 = r1\n r2 >>= 50\n r1 <<= 13\n r1 |= r2\n r0 = r1\n exit`, 0],
    ['both to the left', `${LOAD}r2 = r1\n r2 <<= 51\n r1 <<= 13\n r1 |= r2\n r0 = r1\n exit`, 0],
    ['different values', `${LOAD}r2 = r1\n r2 += 1\n r2 >>= 51\n r1 <<= 13\n r1 |= r2\n r0 = r1\n exit`, 0],
    ['a part that is used again', `${LOAD}r2 = r1\n r2 >>= 51\n r1 <<= 13\n r1 |= r2\n r0 = r1\n r0 += r2\n exit`, 0],
    [
      'a part that is read in between',
      `${LOAD}r2 = r1\n r2 >>= 51\n r3 = r2\n r1 <<= 13\n r1 |= r2\n r0 = r1\n r0 += r3\n exit`,
      0,
    ],
    ['shifted twice', `${LOAD}r2 = r1\n r2 >>= 50\n r2 >>= 1\n r1 <<= 13\n r1 |= r2\n r0 = r1\n exit`, 0],
  ])('%s', (_name, source, rotated) => {
    expect(rotations(source)).toBe(rotated);
    expectAgreement(programOf(assemble(source)));
  });
});

describe('byte swaps', () => {
  it.each([
    ['the upper half', `${LOAD}r1 = be64 r1\n r1 >>= 32\n r0 = r1\n exit`, 0],
    ['part of the upper half', `${LOAD}r1 = bswap64 r1\n r1 >>= 36\n r0 = r1\n exit`, 0],
    ['more than the upper half', `${LOAD}r1 = be64 r1\n r1 >>= 31\n r0 = r1\n exit`, 1],
    ['used before the shift', `${LOAD}r1 = be64 r1\n r0 = r1\n r1 >>= 32\n r0 += r1\n exit`, 1],
  ])('%s', (_name, source, left) => {
    expect(swaps64(source)).toBe(left);
    expectAgreement(programOf(assemble(source)));
  });

  it.each([
    'r0 = *(u16 *)(r1 +3)\n r0 = be16 r0\n exit',
    'r1 = *(u16 *)(r1 +3)\n r1 = be16 r1\n r0 = r1\n r0 <<= 40\n exit',
    'r0 = *(u16 *)(r1 +3)\n r0 = bswap16 r0\n exit',
    'r0 = *(u16 *)(r1 -1)\n r0 = be16 r0\n exit',
    'r0 = *(u16 *)(r1 +3)\n r2 = r0\n r0 = be16 r0\n r0 += r2\n exit',
    'r0 = *(u16 *)(r1 +3)\n r0 = le16 r0\n exit',
    'r0 = *(u16 *)(r1 +3)\n r0 = be32 r0\n exit',
  ])('%s', (source) => {
    expectAgreement(programOf(assemble(source)));
  });
});

const reg = fc.constantFrom(2, 3, 4);
const amount = fc.constantFrom(13, 51, 32, 1, 63);
const rotation = fc
  .record({ x: reg, t: reg, k: fc.constantFrom(13, 32, 1), off: fc.constantFrom(0, 0, 0, 30), between: reg })
  .map(({ x, t, k, off, between }): Row[] => [
    [0xbf, t, x],
    [0x77, t, 0, 0, 64 - k - off],
    [0x0f, between, between],
    [0x67, x, 0, 0, k],
    [0x4f, x, t],
    [0xb7, t, 0, 0, 7],
  ]);
const single: fc.Arbitrary<Row> = fc.oneof(
  fc.tuple(reg, reg).map(([d, s]): Row => [0xbf, d, s]),
  fc.tuple(fc.constantFrom(0x67, 0x77), reg, amount).map(([code, d, k]): Row => [code, d, 0, 0, k]),
  fc.tuple(reg, reg).map(([d, s]): Row => [0x4f, d, s]),
  fc.tuple(reg, reg).map(([d, s]): Row => [0x0f, d, s]),
  fc
    .tuple(fc.constantFrom(0xdc, 0xd7), reg, fc.constantFrom(16, 64, 64))
    .map(([code, d, k]): Row => [code, d, 0, 0, k]),
  fc.tuple(reg, fc.nat(7)).map(([d, off]): Row => [0x69, d, 1, off]),
);
const step = fc.oneof({ weight: 8, arbitrary: single.map((row) => [row]) }, { weight: 1, arbitrary: rotation });

it('random mixes agree with the interpreter', () => {
  const before: Row[] = [2, 3, 4].map((r): Row => [0x79, r, 1, r * 8]);
  const after: Row[] = [[0xbf, 0, 2], [0x0f, 0, 3], [0xaf, 0, 4], [0x95]];
  let found = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 24 }), (steps) => {
      const program = programOf([...before, ...steps.flat(), ...after]);
      const { insns } = replaceIdioms(program);
      for (let i = 0; i < insns.length; i++) if (insns.code[i] === (7 | JIT_ROTL)) found++;
      expectAgreement(program);
    }),
    { numRuns: Number(process.env.SKEP_RUNS ?? 1500) },
  );
  expect(found).toBeGreaterThan(0);
});
