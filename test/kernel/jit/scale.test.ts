/** Long and hostile control flow: bounded time, no recursion, and a typed refusal where V8 ends. */
import { describe, expect, it } from 'vitest';
import { Insns } from '../../../src/isa/insn.ts';
import { jitCompile, type JitResult } from '../../../src/kernel/jit/index.ts';
import { compile, makeLink, programOf, r0Of } from './support.ts';

function build(length: number, row: (i: number) => [number, number, number, number, number]): Insns {
  const insns = new Insns(length);
  for (let i = 0; i < length; i++) {
    const [code, dst, src, off, imm] = row(i);
    insns.set(i, { code, dst, src, off, imm });
  }
  return insns;
}

/** Processor time: a busy machine must not decide. */
function timed(insns: Insns): { result: JitResult; ms: number } {
  const link = makeLink();
  const program = programOf(insns);
  const before = process.cpuUsage();
  const result = jitCompile(program, link, { maxFunctionBytes: Number.POSITIVE_INFINITY });
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}

const N = 1_000_000;
const EXIT: [number, number, number, number, number] = [0x95, 0, 0, 0, 0];
const ZERO: [number, number, number, number, number] = [0xb7, 0, 0, 0, 0];

describe('a million instructions', () => {
  it('in a straight line over V8 limits come back as too large', () => {
    const insns = build(N, (i) => (i === 0 ? [0x79, 0, 1, 0, 0] : i === N - 1 ? EXIT : [0x27, 0, 0, 0, 0x1234567 + i]));
    const { result, ms } = timed(insns);
    expect(result).toMatchObject({ ok: false, reason: 'too-large' });
    expect(ms).toBeLessThan(10_000);
  });

  it('of early exits to one label', () => {
    const insns = build(N, (i) => (i === 0 ? [0x79, 0, 1, 0, 0] : i >= N - 1 ? EXIT : [0x15, 0, 0, 0, 0]));
    // Jump offsets are 16-bit: groups of jumps to the next landing place, which jumps on by gotol.
    for (let i = 1; i < N - 1; i++) insns.off[i] = Math.min(30_000, N - 2 - i);
    const { result, ms } = timed(insns);
    expect(result.ok || result.reason === 'too-large').toBe(true);
    expect(ms).toBeLessThan(20_000);
  });

  it('of diamonds', () => {
    const insns = build(N, (i) => {
      if (i === 0) return [0x79, 0, 1, 0, 0];
      if (i === N - 1) return EXIT;
      return i % 4 === 1 && i < N - 4 ? [0x25, 0, 0, 1, i] : [0x07, 0, 0, 0, 1];
    });
    const { result, ms } = timed(insns);
    expect(result.ok || result.reason === 'too-large').toBe(true);
    expect(ms).toBeLessThan(20_000);
  });
});

describe('deep nesting', () => {
  it('of 5,000 loops in each other', () => {
    const depth = 5_000;
    // depth headers, then depth back edges from the innermost outwards.
    const insns = build(2 * depth + 2, (i) => {
      if (i === 0) return ZERO;
      if (i <= depth) return [0x07, 0, 0, 0, 1];
      if (i === 2 * depth + 1) return EXIT;
      const header = depth - (i - depth - 1);
      return [0x15, 0, 0, header - i - 1, -1];
    });
    const link = makeLink();
    const exe = compile(link, programOf(insns));
    exe.run(0);
    expect(r0Of(link, exe)).toBe(BigInt(depth));
  });

  it('of irreducible entries into one large loop', () => {
    const n = 20_000;
    const insns = build(n, (i) => {
      if (i === 0) return [0x79, 0, 1, 0, 0];
      if (i === n - 1) return EXIT;
      if (i === n - 2) return [0xa5, 0, 0, -(n >> 1), 7];
      return i % 2 === 1 ? [0x15, 0, 0, Math.min(n - 3 - i, 9_000), i] : [0x07, 0, 0, 0, 1];
    });
    const { result, ms } = timed(insns);
    expect(result).toMatchObject({ ok: true });
    expect(ms).toBeLessThan(5_000);
  });
});
