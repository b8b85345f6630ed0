/** Which ends of loops are copied to the places that jump to them, and that loops do what they did. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { buildCfg, type Cfg } from '../../../../src/kernel/jit/shape/cfg.ts';
import { unjoinLatches } from '../../../../src/kernel/jit/shape/latches.ts';
import { findLoops } from '../../../../src/kernel/jit/shape/loops.ts';
import { comparison, computation } from '../programs.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row, toInsns } from '../support.ts';

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

  it('run as in the interpreter, whatever the ways through the body do', () => {
    let copied = 0;
    fc.assert(
      fc.property(loop, (rows) => {
        const insns = toInsns(rows);
        if (unjoinLatches(insns, buildCfg(insns, 0, insns.length, true) as Cfg) !== undefined) copied++;
        for (let i = 0; i < 64; i++) link.mem.u8[DATA + i] = i % 8 < 3 ? 0x91 + i * 37 : 0;
        const [jit, interp] = [compile(link, programOf(rows)), interpret(programOf(rows), link)];
        jit.run(DATA);
        const got = r0Of(link, jit);
        interp.run(DATA);
        expect(got).toBe(r0Of(link, interp));
        jit.dispose();
        interp.dispose();
      }),
      { numRuns: Number(process.env.SKEP_RUNS ?? 500) },
    );
    expect(copied).toBeGreaterThan(100);
  });
});

/** Ways through a body: each is taken by a comparison, and goes to the end of the loop, which may come first. */
const loop: fc.Arbitrary<Row[]> = fc
  .tuple(
    fc.array(fc.tuple(comparison, fc.array(computation, { maxLength: 3 })), { minLength: 2, maxLength: 6 }),
    fc.array(computation, { maxLength: 1 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([ways, extra, first, wide]) => {
    const end: Row[] = [[wide ? 0x07 : 0x04, 9, 0, 0, 1], ...extra.flat()];
    const body: Row[] = [];
    const exits: number[] = [];
    for (const [test, statements] of ways) {
      const way = statements.flat();
      body.push(test(way.length + 1), ...way);
      exits.push(body.length);
      body.push([0x05]);
    }
    const inits: Row[] = [
      ...[8, 7, 6, 5, 4, 3, 2, 0].map((r): Row => [0x79, r, 1, (r % 8) * 8]),
      [0xb7, 9, 0, 0, 0],
      [0xb7, 1, 0, 0, 3],
    ];
    const hash: Row[] = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((r): Row[] => [
      [0x27, 0, 0, 0, 0x01000193],
      [0xaf, 0, r],
    ]);
    const turns = 12;
    const compare = (off: number): Row => [wide ? 0x55 : 0x56, 9, 0, off, turns];
    const at = (k: number): Row => [0x05, 0, 0, k];
    if (!first) {
      for (const k of exits) body[k] = at(body.length - k - 1);
      return [...inits, ...body, ...end, compare(-(body.length + end.length + 1)), ...hash, [0x95]];
    }
    // goto body; end: ...; if i == turns goto out; body: ...; goto end; out:
    const back = end.length + 1;
    for (const k of exits) body[k] = at(-(k + 1) - back);
    body.push(at(-(body.length + 1) - back));
    const leave: Row = [wide ? 0x15 : 0x16, 9, 0, body.length, turns];
    return [...inits, at(back), ...end, leave, ...body, ...hash, [0x95]];
  });
