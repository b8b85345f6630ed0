/** Both engines do the same: random straight programs leave equal registers and equal memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disasmKernel } from '../../../src/isa/disasm.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import { createBareLinkage, interpret, unverified } from '../../../src/kernel/interp/index.ts';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import { AREA, anyStep, emitSteps, lddw, tame, word } from './random-program.ts';

/** The program as text, for a failure's message. */
function listing(insns: Insns): string {
  return Array.from({ length: insns.length }, (_, i) =>
    insns.code[i] === 0 ? '' : `${disasmKernel(insns, i)}\n`,
  ).join('');
}

describe('interpreter and JIT', () => {
  it('leave equal registers and memory', () => {
    const linkage = createBareLinkage();
    const { view, u8 } = linkage.env.mem;
    const size = AREA + 9 * 8;
    const area = linkage.env.alloc(size, 8);
    const inputs = [
      fc.array(anyStep, { minLength: 1, maxLength: 40 }),
      fc.array(word, { minLength: 9, maxLength: 9 }),
      fc.uint8Array({ minLength: AREA, maxLength: AREA }),
    ] as const;
    fc.assert(
      fc.property(...inputs, (steps, words, bytes) => {
        const rows: Insn[] = [{ code: 0xbf, dst: 9, src: 1, off: 0, imm: 0 }, ...words.flatMap((w, r) => lddw(r, w))];
        rows.push(...emitSteps(steps.map(tame)));
        for (let r = 0; r < 9; r++) rows.push({ code: 0x7b, dst: 9, src: r, off: AREA + r * 8, imm: 0 });
        rows.push({ code: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
        const program = unverified(Insns.from(rows));
        const interp = interpret(program, linkage);
        const compiled = jitCompile(program, linkage);
        if (!compiled.ok) throw new Error(compiled.detail);
        const results = [interp, compiled.executable].map((e) => {
          u8.fill(0, area, area + size);
          u8.set(bytes, area);
          e.run(area);
          return [view.getBigUint64(e.retAddr, true), u8.slice(area, area + size)];
        });
        interp.dispose();
        compiled.executable.dispose();
        expect(results[1], listing(program.insns)).toEqual(results[0]);
      }),
      { numRuns: 150 },
    );
  });
});
