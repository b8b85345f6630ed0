/** Hostile programs: whatever the bytes, a guarded run ends with a result or a typed error, the same in both engines. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import { allOps } from '../../../src/isa/ops.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { ConformanceRunner, createBareLinkage, interpEngine } from '../../../src/kernel/interp/index.ts';
import { jitGuarded } from '../../../src/kernel/jit/index.ts';
import { FormatError } from '../../../src/util/errors.ts';
import { insnOf } from '../../isa/arbitrary.ts';

const { limit: STACK_LIMIT, top: STACK_TOP } = createBareLinkage().stack;

/** An access outside the program's own frames, but on the guest stack: the JIT's guard allows that. */
function onStack(e: ProgramAbort): boolean {
  const [hi, lo] = e.address ?? [1, 0];
  return hi === 0 && lo > STACK_LIMIT - 8 && lo < STACK_TOP;
}

/** r0, or the reason of the error; anything else is thrown on. */
function outcome(runner: ConformanceRunner, program: Uint8Array, mem: Uint8Array): string {
  try {
    return runner.run(program, mem);
  } catch (e) {
    if (e instanceof ProgramAbort) return onStack(e) ? 'off its stack' : e.reason;
    if (e instanceof FormatError) return `FormatError ${e.offset}`;
    throw e;
  }
}

const interp = new ConformanceRunner(interpEngine, 20_000);
const jit = new ConformanceRunner(jitGuarded, 20_000);

const EXIT: Insn = { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
/** No calls: what r0 to r5 hold behind them is nobody's promise. */
const ops = allOps().filter(
  (op) => !['call', 'callx', 'ld_imm64', 'ld_abs', 'ld_ind', 'may_goto', 'cast'].includes(op.format),
);
const MEMORY = /^(ldx|ldsx|st|stx|load_acq|store_rel)$/;

const step = fc.constantFrom(...ops).chain((op) =>
  fc.tuple(insnOf(op), fc.integer({ min: -4, max: 6 }), fc.integer({ min: -4, max: 12 })).map(([insns, jump, off]) => {
    const insn = insns.get(0);
    if (op.off === 'jump') return { ...insn, off: jump };
    if (op.imm === 'jump') return { ...insn, imm: jump };
    // Mostly near r1, where the memory is.
    return MEMORY.test(op.format) ? { ...insn, [insn.code % 4 === 1 ? 'src' : 'dst']: 1, off } : insn;
  }),
);

describe('hostile programs', () => {
  it('of arbitrary bytes', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 96 }).map((b) => Uint8Array.from(b));
    fc.assert(
      fc.property(bytes, (b) => {
        expect(outcome(jit, b, new Uint8Array(8))).toBe(outcome(interp, b, new Uint8Array(8)));
      }),
      { numRuns: 500 },
    );
  });

  it('of legal instructions in any order', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.uint8Array({ minLength: 16, maxLength: 16 }), (steps, mem) => {
        const program = encodeInsns(Insns.from([...steps, EXIT]));
        const a = outcome(interp, program, mem);
        const b = outcome(jit, program, mem);
        const kind = a.startsWith('0x') ? 'result' : a.split(' ')[0];
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        // The JIT counts loops, not instructions, and knows no misaligned atomics.
        if (a === 'fuel' || b === 'fuel' || a === 'misaligned' || a === 'off its stack') return;
        expect(b).toBe(a);
      }),
      { numRuns: 500 },
    );
    expect(seen.get('result')).toBeGreaterThan(20);
    expect(seen.get('out-of-bounds')).toBeGreaterThan(20);
  });
});
