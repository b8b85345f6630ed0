/** Which stack slots become locals, and that random mixes of accesses read what they read in the interpreter. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm.ts';
import type { Insns } from '../../../src/isa/insn.ts';
import { interpret } from '../../../src/kernel/interp/index.ts';
import { buildCfg, type Cfg } from '../../../src/kernel/jit/cfg.ts';
import { computeLiveness } from '../../../src/kernel/jit/liveness.ts';
import type { ModulePlan } from '../../../src/kernel/jit/plan.ts';
import { promotableSlots } from '../../../src/kernel/jit/promote.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row, toInsns } from './support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;

/** Offsets of the promoted slots; every helper is a lookup with a key of 4 bytes. */
function promoted(insns: Insns): number[] | undefined {
  const args = (): number => 2;
  const plan = {
    program: { insns },
    argsOf: args,
    sparesStack: () => true,
    mapOf: () => ({ keySize: 4, valueSize: 8 }),
  };
  const cfg = buildCfg(insns, 0, insns.length) as Cfg;
  const found = promotableSlots(plan as unknown as ModulePlan, cfg, computeLiveness(insns, cfg, 0, insns.length, args));
  return found && [...found.slots.keys()].sort((a, b) => a - b);
}

describe('slots', () => {
  it.each([
    ['one width, one offset', '*(u64 *)(r10 -8) = r1\n r0 = *(u64 *)(r10 -8)\n exit', [-8]],
    ['four bytes', '*(u32 *)(r10 -4) = r1\n r0 = *(u32 *)(r10 -4)\n exit', [-4]],
    ['two widths', '*(u64 *)(r10 -8) = r1\n r0 = *(u32 *)(r10 -8)\n exit', undefined],
    ['an overlap', '*(u64 *)(r10 -8) = r1\n *(u32 *)(r10 -4) = r1\n r0 = *(u64 *)(r10 -16)\n exit', [-16]],
    ['single bytes', '*(u8 *)(r10 -1) = r1\n r0 = *(u8 *)(r10 -1)\n exit', undefined],
    ['a copy of r10 as base', 'r2 = r10\n r2 += -8\n *(u64 *)(r2 +0) = r1\n r0 = *(u64 *)(r10 -16)\n exit', [-16]],
    [
      'the same slot by way of a copy',
      'r2 = r10\n r2 += -8\n *(u64 *)(r2 +0) = r1\n r0 = *(u64 *)(r10 -8)\n exit',
      undefined,
    ],
    [
      'a key',
      '*(u32 *)(r10 -4) = r1\n *(u64 *)(r10 -16) = r1\n r2 = r10\n r2 += -4\n call 1\n r0 = *(u64 *)(r10 -16)\n exit',
      [-16],
    ],
    ['an unknown offset', '*(u64 *)(r10 -8) = r1\n r2 = r10\n r2 += r1\n r0 = *(u64 *)(r2 -8)\n exit', undefined],
    ['a pointer that is stored', '*(u64 *)(r10 -8) = r10\n r0 = *(u64 *)(r10 -16)\n exit', undefined],
    [
      'a pointer that leaves its block',
      '*(u64 *)(r10 -8) = r1\n r2 = r10\n if r1 == 0 goto pc+1\n r0 = 1\n r0 = *(u64 *)(r2 -8)\n exit',
      undefined,
    ],
    [
      'a pointer that is compared',
      '*(u64 *)(r10 -8) = r1\n r2 = r10\n if r2 == 0 goto pc+0\n r0 = 1\n exit',
      undefined,
    ],
    ['an atomic operation', '*(u64 *)(r10 -8) = r1\n lock *(u64 *)(r10 -8) += r1\n r0 = 1\n exit', undefined],
  ])('%s', (_name, source, slots) => {
    expect(promoted(assemble(source))).toEqual(slots);
  });
});

const reg = fc.constantFrom(2, 3, 4);
const off = fc.constantFrom(-8, -16, -24, -32, -4, -12);
const at = (size: number, o: number): number => (size === 8 && o % 8 !== 0 ? o - 4 : o);
const step: fc.Arbitrary<Row[]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [[0x7b, 10, r, at(8, o)]]) },
  { weight: 4, arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [[0x79, r, 10, at(8, o)]]) },
  { weight: 1, arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [[0x63, 10, r, o]]) },
  { weight: 1, arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [[0x61, r, 10, o]]) },
  { weight: 1, arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [[0x81, r, 10, o]]) },
  {
    weight: 1,
    arbitrary: fc.tuple(off, fc.integer({ min: -9, max: 9 })).map(([o, k]): Row[] => [[0x7a, 10, 0, at(8, o), k]]),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(off, fc.integer({ min: -9, max: 9 })).map(([o, k]): Row[] => [[0x62, 10, 0, o, k]]),
  },
  { weight: 3, arbitrary: fc.tuple(reg, reg).map(([d, s]): Row[] => [[0x0f, d, s]]) },
  { weight: 2, arbitrary: fc.tuple(reg, reg).map(([d, s]): Row[] => [[0x0c, d, s]]) },
  {
    weight: 1,
    arbitrary: fc.tuple(reg, off).map(([r, o]): Row[] => [
      [0xbf, 5, 10],
      [0x07, 5, 0, 0, o - (o % 8 === 0 ? 0 : 4)],
      [0x7b, 5, r, 0],
    ]),
  },
);

it('random mixes agree with the interpreter', () => {
  const slots = [-8, -16, -24, -32];
  const before: Row[] = [
    ...[2, 3, 4].map((r): Row => [0x79, r, 1, r * 8]),
    ...slots.map((o, k): Row => [0x7b, 10, 2 + (k % 3), o]),
  ];
  const after: Row[] = [
    [0xbf, 0, 2],
    [0x0f, 0, 3],
    [0xaf, 0, 4],
    ...slots.flatMap((o): Row[] => [
      [0x79, 2, 10, o],
      [0xaf, 0, 2],
      [0x27, 0, 0, 0, 31],
    ]),
    [0x95],
  ];
  let found = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const rows = [...before, ...steps.flat(), ...after];
      if (promoted(toInsns(rows)) !== undefined) found++;
      for (let i = 0; i < 64; i++) link.mem.u8[DATA + i] = 0x91 + i * 37;
      const jit = compile(link, programOf(rows));
      const interp = interpret(programOf(rows), link);
      jit.run(DATA);
      const got = r0Of(link, jit);
      interp.run(DATA);
      expect(got).toBe(r0Of(link, interp));
      jit.dispose();
      interp.dispose();
    }),
    { numRuns: Number(process.env.SKEP_RUNS ?? 1000) },
  );
  expect(found).toBeGreaterThan(50);
});
