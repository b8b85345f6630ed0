/** Random programs give the same r0, registers and stack (in the plain JIT: what they read of it) in the JIT, the interpreter and an independent model. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret } from '../../../src/kernel/interp/index.ts';
import type { Executable } from '../../../src/kernel/object/executable.ts';
import { runModel } from './model.ts';
import { anyProgram, USED_STACK } from './programs.ts';
import { compile, makeLink, programOf, r0Of, type Row, STACK_TOP } from './support.ts';

const RUNS = Number(process.env.SKEP_RUNS ?? 400);
const link = makeLink();

interface Outcome {
  r0: bigint;
  stack: string;
}

function model(rows: readonly Row[]): Outcome {
  const memory = new Uint8Array(4096);
  const r0 = runModel(programOf(rows).insns, memory, STACK_TOP - 4096);
  return { r0, stack: Buffer.from(memory.subarray(4096 - USED_STACK)).toString('hex') };
}

const GUARD = { regions: [], fuel: 1e6, r2: 0, callx: [] };

function jit(rows: readonly Row[], guarded: boolean): Outcome {
  return run(compile(link, programOf(rows), guarded ? { guard: GUARD } : {}));
}

function interp(rows: readonly Row[]): Outcome {
  return run(interpret(programOf(rows), link));
}

function run(exe: Executable): Outcome {
  link.mem.u8.fill(0, STACK_TOP - 4096, STACK_TOP);
  const low = exe.run(0);
  const r0 = r0Of(link, exe);
  exe.dispose();
  expect(BigInt.asUintN(32, r0)).toBe(BigInt(low));
  expect(link.stack.sp.value).toBe(STACK_TOP);
  return { r0, stack: Buffer.from(link.mem.u8.subarray(STACK_TOP - USED_STACK, STACK_TOP)).toString('hex') };
}

describe('random programs', () => {
  it('agree with the model', () => {
    fc.assert(
      fc.property(anyProgram, (rows) => {
        const expected = model(rows);
        // Slots may live in locals there; the programs read them all in the end.
        expect(jit(rows, false).r0).toBe(expected.r0);
        expect(jit(rows, true)).toEqual(expected);
        expect(interp(rows)).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });
});
