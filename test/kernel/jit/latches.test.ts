/** Which ends of loops are copied to the places that jump to them, and that loops do what they did. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm.ts';
import { interpret } from '../../../src/kernel/interp/index.ts';
import { buildCfg, type Cfg } from '../../../src/kernel/jit/cfg.ts';
import { unjoinLatches } from '../../../src/kernel/jit/latches.ts';
import { findLoops } from '../../../src/kernel/jit/loops.ts';
import { compile, HEAP, makeLink, programOf, r0Of } from './support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;

/** A loop over 32 bytes; its body has several ways to the end, which comes first in the code. */
const WAYS = `
  r0 = 0
  r2 = 0
  r3 = 5
  goto pc+2
  r2 += 1
  if r2 == 32 goto pc+17
  r4 = r1
  r4 += r2
  r4 = *(u8 *)(r4 +0)
  if r4 s> 99 goto pc+3
  r0 += r4
  r3 = 0
  goto pc-9
  if r4 s> 150 goto pc+3
  r0 ^= r3
  r3 += 7
  goto pc-13
  if r3 == 0 goto pc-14
  r0 *= 3
  if r4 s> 200 goto pc-16
  r0 += 1
  r3 = 1
  goto pc-19
  exit`;
const TWO_WAYS = `
  r0 = 0
  if r0 s> 10 goto pc+2
  r0 += 3
  goto pc+1
  r0 += 2
  r0 += 1
  if r0 s< 99 goto pc-6
  exit`;
const CALL_AT_END = WAYS.replace('r2 += 1', 'call 7');

const graph = (source: string): Cfg => {
  const insns = assemble(source);
  return buildCfg(insns, 0, insns.length, true) as Cfg;
};
const copies = (source: string): number => {
  const cfg = graph(source);
  const copied = unjoinLatches(assemble(source), cfg);
  return copied === undefined ? 0 : copied.origin.length - cfg.count;
};

describe('ends of loops', () => {
  it('are copied to every place that only goes there', () => {
    expect(copies(WAYS)).toBe(3);
  });

  it('are left alone where two ways join, where they call, and where no loop is', () => {
    expect(copies(TWO_WAYS)).toBe(0);
    expect(copies(CALL_AT_END)).toBe(0);
    expect(copies(WAYS.replace(/if r2 == 32 goto pc\+17/, 'goto pc+17'))).toBe(0);
  });

  it('have the successors of what they copy, and leave the graph reducible', () => {
    const cfg = graph(WAYS);
    const { cfg: after, origin } = unjoinLatches(assemble(WAYS), cfg)!;
    for (let b = cfg.count; b < after.count; b++) {
      const of = origin[b];
      expect([after.next[b], after.taken[b], after.kind[b]]).toEqual([cfg.next[of], cfg.taken[of], cfg.kind[of]]);
      expect(after.predRow[b + 1] - after.predRow[b]).toBe(1);
    }
    expect(findLoops(after).irreducible).toBe(false);
  });

  it('run as in the interpreter', () => {
    const program = programOf(assemble(WAYS));
    const jit = compile(link, program);
    const interp = interpret(program, link);
    const seen = new Set<bigint>();
    for (let k = 0; k < 50; k++) {
      for (let i = 0; i < 32; i++) link.mem.u8[DATA + i] = Math.imul(k * 32 + i + 1, 0x9e3779b1) >>> 24;
      jit.run(DATA);
      const got = r0Of(link, jit);
      interp.run(DATA);
      expect(got).toBe(r0Of(link, interp));
      seen.add(got);
    }
    expect(seen.size).toBeGreaterThan(40);
  });
});
