/** Small conveniences of the interpreter's tests: assemble, run, read all 64 bits of r0. */
import { assemble } from '../../../src/isa/asm/assemble.ts';
import type { Insns } from '../../../src/isa/insn.ts';
import { type BareLinkageOptions, createBareLinkage, interpret, unverified } from '../../../src/kernel/interp/index.ts';
import type { InterpOptions, InterpProgram } from '../../../src/kernel/interp/index.ts';
import type { Linkage } from '../../../src/kernel/run/linkage.ts';

export const linkage = (options?: BareLinkageOptions): Linkage => createBareLinkage(options);

export function load(code: string | Insns, on: Linkage, options?: InterpOptions): InterpProgram {
  return interpret(unverified(typeof code === 'string' ? assemble(code) : code), on, options);
}

/** Runs a program and returns r0, unsigned 64 bits. */
export function r0(program: InterpProgram, ctx = 0): bigint {
  program.run(ctx);
  return program.linkage.env.mem.view.getBigUint64(program.retAddr, true);
}

/** Loads, runs and disposes. */
export function run(code: string | Insns, on: Linkage = linkage(), options?: InterpOptions): bigint {
  const program = load(code, on, options);
  try {
    return r0(program);
  } finally {
    program.dispose();
  }
}
