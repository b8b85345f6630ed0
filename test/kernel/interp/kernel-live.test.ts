/** Random programs return the same r0 here, in both engines, and in the live kernel's PROG_TEST_RUN. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import { createBareLinkage, interpret, unverified } from '../../../src/kernel/interp/index.ts';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { AREA, anyStep, emitSteps, lddw, tame, word } from './random-program.ts';

const RUNS = 300;
const kernel = await liveKernel();
if (kernel === undefined) console.log(`${RUNS} comparisons with the live kernel skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

/** All registers and the whole area, folded into the low half of r0. */
function fold(): Insn[] {
  let text = '';
  for (let r = 1; r < 9; r++) text += `r0 *= 31\nr0 += r${r}\n`;
  for (let at = 0; at < AREA; at += 8) text += `r1 = *(u64 *)(r9 +${at})\nr0 *= 31\nr0 += r1\n`;
  const insns = assemble(`${text}r1 = r0\nr1 >>= 32\nr0 ^= r1\nexit`);
  return Array.from({ length: insns.length }, (_, i) => insns.get(i));
}

describe.skipIf(kernel === undefined)('engines and the live kernel', () => {
  it('return the same', () => {
    const linkage = createBareLinkage();
    const tail = fold();
    const loaded = { yes: 0, no: 0 };
    const inputs = [
      fc.array(anyStep, { minLength: 1, maxLength: 40 }),
      fc.array(word, { minLength: 9, maxLength: 9 }),
      fc.array(word, { minLength: AREA / 8, maxLength: AREA / 8 }),
    ] as const;
    fc.assert(
      fc.property(...inputs, (steps, words, cells) => {
        const rows = cells.flatMap((v, k): Insn[] => [
          ...lddw(0, v),
          { code: 0x7b, dst: 10, src: 0, off: k * 8 - AREA, imm: 0 },
        ]);
        rows.push({ code: 0xbf, dst: 9, src: 10, off: 0, imm: 0 }, { code: 0x07, dst: 9, src: 0, off: 0, imm: -AREA });
        rows.push(...words.flatMap((w, r) => lddw(r, w)), ...emitSteps(steps.map(tame)), ...tail);
        const insns = Insns.from(rows);
        const fd = kernel!.bpf(BPF_CMD.BPF_PROG_LOAD, {
          prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER,
          insns: encodeInsns(insns),
          license: 'GPL',
        });
        if (fd < 0) {
          loaded.no++;
          return;
        }
        loaded.yes++;
        const run = { test: { prog_fd: fd, data_in: new Uint8Array(64), retval: 0 } };
        expect(kernel!.bpf(BPF_CMD.BPF_PROG_TEST_RUN, run)).toBe(0);
        kernel!.close(fd);
        const program = unverified(insns);
        const interp = interpret(program, linkage);
        const compiled = jitCompile(program, linkage);
        if (!compiled.ok) throw new Error(compiled.detail);
        const got = [interp.run(0), compiled.executable.run(0)];
        interp.dispose();
        compiled.executable.dispose();
        expect(got).toEqual([run.test.retval, run.test.retval]);
      }),
      { numRuns: RUNS },
    );
    expect(loaded.yes).toBeGreaterThan(RUNS * 0.9);
  });
});
