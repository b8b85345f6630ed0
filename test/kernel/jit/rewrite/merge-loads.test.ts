/** Loads of a word's bytes become one load, where that is legal; random mixes of loads, shifts, ors and stores stay what they were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { mergeNarrowLoads } from '../../../../src/kernel/jit/rewrite/merge-loads.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row } from '../support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;
const fill = (): void => {
  for (let i = 0; i < 64; i++) link.mem.u8[DATA + i] = 0x11 + i * 37;
};

const loadsOf = (source: string): number => {
  const { insns } = mergeNarrowLoads(programOf(assemble(source)));
  let loads = 0;
  for (let i = 0; i < insns.length; i++) if ((insns.code[i] & 7) === 1) loads++;
  return loads;
};

describe('merging', () => {
  it.each([
    ['a halfword', 'r4 = *(u8 *)(r1 +1)\n w4 <<= 8\n r5 = *(u8 *)(r1 +0)\n w4 |= w5\n r0 = r4\n exit', 1],
    [
      'a base that the last load overwrites',
      'r5 = *(u8 *)(r1 +2)\n r1 = *(u8 *)(r1 +3)\n w1 <<= 8\n w1 |= w5\n r0 = r1\n exit',
      1,
    ],
    [
      'a word, moved between registers',
      'r5 = *(u8 *)(r1 +1)\n w5 <<= 8\n r0 = *(u8 *)(r1 +0)\n w5 |= w0\n r6 = *(u8 *)(r1 +2)\n w6 <<= 16\n' +
        'r0 = *(u8 *)(r1 +3)\n w0 <<= 24\n w0 |= w6\n w0 |= w5\n exit',
      1,
    ],
    ['eight bytes from two words', 'r2 = *(u32 *)(r1 +0)\n r0 = *(u32 *)(r1 +4)\n r0 <<= 32\n r0 |= r2\n exit', 1],
    ['three bytes', 'r2 = *(u16 *)(r1 +0)\n r0 = *(u8 *)(r1 +2)\n w0 <<= 16\n w0 |= w2\n exit', 2],
    ['the wrong order', 'r2 = *(u8 *)(r1 +1)\n r0 = *(u8 *)(r1 +0)\n w0 <<= 8\n w0 |= w2\n exit', 2],
    [
      'a store in between',
      'r2 = *(u8 *)(r1 +0)\n *(u8 *)(r1 +1) = r2\n r0 = *(u8 *)(r1 +1)\n w0 <<= 8\n w0 |= w2\n exit',
      2,
    ],
    [
      'a part that is used again',
      'r2 = *(u8 *)(r1 +0)\n r0 = *(u8 *)(r1 +1)\n w0 <<= 8\n w0 |= w2\n r0 += r2\n exit',
      2,
    ],
    ['another base', 'r2 = *(u8 *)(r1 +0)\n r1 += 4\n r0 = *(u8 *)(r1 +1)\n w0 <<= 8\n w0 |= w2\n exit', 2],
    ['bits shifted out', 'r2 = *(u16 *)(r1 +0)\n r0 = *(u16 *)(r1 +2)\n w0 <<= 24\n w0 |= w2\n exit', 2],
  ])('%s', (_name, source, loads) => {
    expect(loadsOf(source)).toBe(loads);
    fill();
    const jit = compile(link, programOf(assemble(source)));
    jit.run(DATA);
    const got = r0Of(link, jit);
    fill();
    const interp = interpret(programOf(assemble(source)), link);
    interp.run(DATA);
    expect(got).toBe(r0Of(link, interp));
    jit.dispose();
    interp.dispose();
  });
});

const reg = fc.constantFrom(2, 3, 4, 5);
const size = fc.constantFrom([0x71, 1], [0x69, 2], [0x61, 4]);
const load = fc
  .tuple(size, reg, fc.constantFrom(1, 1, 1, 6), fc.nat(7))
  .map(([[code], dst, src, off]): Row => [code, dst, src, off]);
const shift = fc
  .tuple(fc.constantFrom(0x64, 0x67), reg, fc.constantFrom(8, 16, 24))
  .map(([code, dst, by]): Row => [code, dst, 0, 0, by]);
const or = fc.tuple(fc.constantFrom(0x4c, 0x4f), reg, reg).map(([code, dst, src]): Row => [code, dst, src]);
const store = fc.tuple(reg, fc.nat(7)).map(([src, off]): Row => [0x73, 1, src, off]);
const other = fc
  .tuple(fc.constantFrom(0x0f, 0xbf, 0xbc, 0xac), reg, reg)
  .map(([code, dst, src]): Row => [code, dst, src]);
/** What clang makes of a packed field: each byte loaded, shifted to its place and joined, in any order. */
const field = fc
  .tuple(
    fc.oneof(fc.shuffledSubarray([0, 1], { minLength: 2 }), fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 })),
    fc.shuffledSubarray([2, 3, 4, 5], { minLength: 3, maxLength: 3 }),
    fc.nat(3),
    fc.boolean(),
  )
  .map(([bytes, [a, b], at, wide]) => {
    const rows: Row[] = [];
    bytes.forEach((byte, k) => {
      const into = k === 0 ? a : b;
      rows.push([0x71, into, 1, at + byte]);
      if (byte > 0) rows.push([wide ? 0x67 : 0x64, into, 0, 0, 8 * byte]);
      if (k > 0) rows.push([wide ? 0x4f : 0x4c, a, b]);
    });
    return rows;
  });
const one = fc.oneof(load, shift, or, other).map((row) => [row]);
const body = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: one },
      { weight: 1, arbitrary: store.map((row) => [row]) },
      { weight: 3, arbitrary: field },
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.flat());

it('random mixes agree with the interpreter', () => {
  let merged = 0;
  fc.assert(
    fc.property(body, (rows) => {
      const whole: Row[] = [
        [0xbf, 6, 1],
        [0xb7, 0],
      ];
      for (const r of [2, 3, 4, 5]) whole.push([0x79, r, 1, 16 + r * 8]);
      whole.push(...rows);
      // r0 tells what every register holds; the low bytes are in the data.
      for (const r of [2, 3, 4, 5]) whole.push([0x27, 0, 0, 0, 31], [0x0f, 0, r]);
      whole.push([0x95]);
      const program = programOf(whole);
      if (mergeNarrowLoads(program) !== program) merged++;
      const outcome = (exe: { run(ctx: number): number; retAddr: number; dispose(): void }): string => {
        fill();
        exe.run(DATA);
        const text = `${r0Of(link, exe)} ${Buffer.from(link.mem.u8.subarray(DATA, DATA + 64)).toString('hex')}`;
        exe.dispose();
        return text;
      };
      expect(outcome(compile(link, program))).toBe(outcome(interpret(program, link)));
    }),
    { numRuns: Number(process.env.SKEP_RUNS ?? 400) },
  );
  expect(merged).toBeGreaterThan(0);
  console.log(`${merged} programs had loads merged`);
});
