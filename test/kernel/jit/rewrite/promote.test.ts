/** Which stack slots become locals, and that random mixes of accesses read what they read in the interpreter. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import type { Insns } from '../../../../src/isa/insn.ts';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { buildCfg, type Cfg } from '../../../../src/kernel/jit/shape/cfg.ts';
import { computeLiveness } from '../../../../src/kernel/jit/facts/liveness.ts';
import type { ModulePlan } from '../../../../src/kernel/jit/plan.ts';
import type { Executable } from '../../../../src/kernel/object/executable.ts';
import type { VerifiedProgram } from '../../../../src/kernel/verifier/result.ts';
import { promotableSlots } from '../../../../src/kernel/jit/rewrite/promote.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row, STACK_TOP, type TestLink, toInsns } from '../support.ts';

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
  return found === undefined || found.slots.size === 0 ? undefined : [...found.slots.keys()].sort((a, b) => a - b);
}

/** What programs run one after the other return, with nonsense on the stack at first. */
function returns(
  engine: (to: TestLink, program: VerifiedProgram) => Executable,
  ...programs: VerifiedProgram[]
): bigint[] {
  for (let i = 0; i < 512; i++) link.mem.u8[STACK_TOP - 512 + i] = 0x35 + i * 91;
  return programs.map((program) => {
    const exe = engine(link, program);
    exe.run(DATA);
    const r0 = r0Of(link, exe);
    exe.dispose();
    return r0;
  });
}
const interpreted = (to: TestLink, program: VerifiedProgram): Executable => interpret(program, to);

describe('slots', () => {
  it.each([
    ['one width, one offset', '*(u64 *)(r10 -8) = r1\n r0 = *(u64 *)(r10 -8)\n exit', [-8]],
    ['one that is read first', 'r0 = *(u64 *)(r10 -8)\n *(u64 *)(r10 -8) = r1\n exit', undefined],
    [
      'one that is written on one way only',
      '*(u64 *)(r10 -16) = r1\n if r1 == 0 goto pc+1\n *(u64 *)(r10 -8) = r1\n r0 = *(u64 *)(r10 -8)\n r2 = *(u64 *)(r10 -16)\n r0 += r2\n exit',
      [-16],
    ],
    [
      'one that a loop reads in its second turn',
      'r0 = 0\n *(u64 *)(r10 -8) = r1\n r2 = *(u64 *)(r10 -8)\n r0 += r2\n if r0 s< 99 goto pc-4\n exit',
      [-8],
    ],
    ['four bytes', '*(u32 *)(r10 -4) = r1\n r0 = *(u32 *)(r10 -4)\n exit', [-4]],
    ['two widths', '*(u64 *)(r10 -8) = r1\n r0 = *(u32 *)(r10 -8)\n exit', undefined],
    [
      'an overlap',
      '*(u64 *)(r10 -8) = r1\n *(u32 *)(r10 -4) = r1\n *(u64 *)(r10 -16) = r1\n r0 = *(u64 *)(r10 -16)\n exit',
      [-16],
    ],
    ['single bytes', '*(u8 *)(r10 -1) = r1\n r0 = *(u8 *)(r10 -1)\n exit', undefined],
    [
      'a copy of r10 as base',
      '*(u64 *)(r10 -16) = r1\n r2 = r10\n r2 += -8\n *(u64 *)(r2 +0) = r1\n r0 = *(u64 *)(r10 -16)\n exit',
      [-16],
    ],
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

/** A program of several functions, each with 16 bytes of stack. */
function functions(...sources: string[]): VerifiedProgram {
  let at = 0;
  const subprogs = sources.map((source) => {
    const start = at;
    at += assemble(source).length;
    return { start, end: at, stackDepth: 16 };
  });
  const base = programOf(assemble(sources.join('\n')));
  return { ...base, subprogs: subprogs.map((s) => ({ ...base.subprogs[0], ...s })) };
}

describe('what was left on the stack', () => {
  const reads = 'r0 = *(u64 *)(r10 -8)\n r1 = *(u64 *)(r10 -16)\n r0 ^= r1\n';
  const writes = '*(u64 *)(r10 -8) = 77\n r0 = *(u64 *)(r10 -8)\n exit';

  it.each([
    ['before anything ran', functions(`${reads} exit`)],
    ['by an earlier run', functions(`${reads} *(u64 *)(r10 -8) = 1234\n exit`)],
    ['by an earlier run, on one way', functions(`${reads} if r0 s> 0 goto pc+1\n *(u64 *)(r10 -8) = r0\n exit`)],
    ['in a called function', functions('call pc+1\n exit', `${reads} *(u64 *)(r10 -16) = 99\n exit`)],
    ['by one called function for another', functions('call pc+2\n call pc+4\n exit', writes, `${reads} exit`)],
  ])('%s is read', (_name, program) => {
    const got = returns(compile, program, program, program);
    expect(got).toEqual(returns(interpreted, program, program, program));
    expect(got[0]).not.toBe(0n);
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
  const before = (written: number[]): Row[] => [
    ...[2, 3, 4].map((r): Row => [0x79, r, 1, r * 8]),
    ...written.map((o, k): Row => [0x7b, 10, 2 + (k % 3), o]),
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
    fc.property(
      fc.oneof(fc.constant(slots), fc.subarray(slots)),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      (written, steps) => {
        const rows = [...before(written), ...steps.flat(), ...after];
        if (promoted(toInsns(rows)) !== undefined) found++;
        for (let i = 0; i < 64; i++) link.mem.u8[DATA + i] = 0x91 + i * 37;
        const program = programOf(rows);
        expect(returns(compile, program, program)).toEqual(returns(interpreted, program, program));
      },
    ),
    { numRuns: Number(process.env.SKEP_RUNS ?? 1000) },
  );
  expect(found).toBeGreaterThan(50);
});
