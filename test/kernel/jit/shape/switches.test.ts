/** Trees of comparisons become tables: random trees lead every value where the interpreter goes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { buildCfg, type Cfg } from '../../../../src/kernel/jit/shape/cfg.ts';
import { LEAST_COMPARES, recoverSwitches } from '../../../../src/kernel/jit/shape/switches.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row } from '../support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;
const JMP = 0x05;
const JMP32 = 0x06;
const [JEQ, JGT, JGE, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE] = [
  0x10, 0x20, 0x30, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0,
];

interface Shape {
  readonly cls: number;
  /** Operations that split a range (taken: greater), and the ones that mean the same for the other side. */
  readonly split: number;
  readonly equal: number;
  readonly keys: readonly number[];
  /** The value is cut to this before it is compared. */
  readonly mask: number | undefined;
  /** The tree knows that no other value comes: its last comparison is left out. */
  readonly closed: boolean;
}

/** Instructions with jumps to labels. */
class Code {
  readonly rows: Row[] = [];
  readonly #jumps: [at: number, label: string][] = [];
  readonly #labels = new Map<string, number>();

  jump(code: number, reg: number, label: string, imm = 0): void {
    this.#jumps.push([this.rows.length, label]);
    this.rows.push([code, reg, 0, 0, imm]);
  }
  label(name: string): void {
    this.#labels.set(name, this.rows.length);
  }
  done(): Row[] {
    for (const [at, label] of this.#jumps) {
      const [code, reg, , , imm] = this.rows[at];
      this.rows[at] = [code, reg, 0, this.#labels.get(label)! - at - 1, imm];
    }
    return this.rows;
  }
}

function treeOf({ cls, split, equal, keys, mask, closed }: Shape): Row[] {
  const code = new Code();
  code.rows.push([0x79, 2, 1, 0]);
  if (mask !== undefined) code.rows.push([cls === JMP32 ? 0x54 : 0x57, 2, 0, 0, mask]);
  const greater = split === JGT || split === JSGT;
  const atLeast = split === JGE || split === JSGE;
  let labels = 0;
  const emit = (from: number, to: number): void => {
    if (to - from === 1) {
      if (closed) return code.jump(JMP, 0, `leaf${from}`);
      if (equal === JEQ) {
        code.jump(cls | JEQ, 2, `leaf${from}`, keys[from]);
        return code.jump(JMP, 0, 'default');
      }
      code.jump(cls | JNE, 2, 'default', keys[from]);
      return code.jump(JMP, 0, `leaf${from}`);
    }
    const middle = (from + to) >> 1;
    const label = `part${labels++}`;
    const [left, right] = [keys[middle - 1], keys[middle]];
    if (greater) code.jump(cls | split, 2, label, left);
    else if (atLeast) code.jump(cls | split, 2, label, right);
    else code.jump(cls | split, 2, label, split === JLT || split === JSLT ? right : left);
    const taken: [number, number] = greater || atLeast ? [middle, to] : [from, middle];
    const not: [number, number] = greater || atLeast ? [from, middle] : [middle, to];
    emit(...not);
    code.label(label);
    emit(...taken);
  };
  emit(0, keys.length);
  keys.forEach((_, k) => {
    code.label(`leaf${k}`);
    code.rows.push([0xb7, 0, 0, 0, 100 + k], [0x0f, 0, 2], [0x95]);
  });
  code.label('default');
  code.rows.push([0xb7, 0, 0, 0, 7], [0x95]);
  return code.done();
}

const shape = fc.record({
  cls: fc.constantFrom(JMP, JMP32),
  split: fc.constantFrom(JGT, JGE, JSGT, JSGE, JLT, JLE, JSLT, JSLE),
  equal: fc.constantFrom(JEQ, JNE),
  keys: fc
    .uniqueArray(fc.nat(60), { minLength: 10, maxLength: 30 })
    .chain((list) => fc.constantFrom(0, 0, 1, 1000).map((base) => list.sort((a, b) => a - b).map((k) => k + base))),
  mask: fc.constantFrom(undefined, undefined, 63, 0x7ff),
  closed: fc.boolean(),
});

/** Values around the keys, at the ends of both widths, and keys with something in their upper halves. */
function samples(keys: readonly number[]): bigint[] {
  const [low, high] = [keys[0], keys[keys.length - 1]];
  const out = [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, -1n, 1n << 62n, 1n << 63n];
  for (let v = Math.max(0, low - 2); v <= high + 2; v++) out.push(BigInt(v));
  for (const k of [low, high, keys[1]]) for (const up of [1n, 1n << 31n]) out.push((up << 32n) | BigInt(k), -BigInt(k));
  return out;
}

const tables = (rows: readonly Row[]): number => {
  const { insns } = programOf(rows);
  const cfg = buildCfg(insns, 0, insns.length, true) as Cfg;
  return recoverSwitches(insns, cfg).switches.size;
};

describe('random trees', () => {
  it('lead where the interpreter goes', () => {
    let found = 0;
    fc.assert(
      fc.property(shape, (s) => {
        const rows = treeOf(s);
        found += tables(rows);
        const jit = compile(link, programOf(rows));
        const interp = interpret(programOf(rows), link);
        for (const value of samples(s.keys)) {
          link.mem.view.setBigUint64(DATA, BigInt.asUintN(64, value), true);
          jit.run(DATA);
          const got = r0Of(link, jit);
          interp.run(DATA);
          expect(`${value}: ${got}`).toBe(`${value}: ${r0Of(link, interp)}`);
        }
        jit.dispose();
        interp.dispose();
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(100);
  });
});

describe('what becomes a table', () => {
  const keys = Array.from({ length: 20 }, (_, k) => k);
  const base: Shape = { cls: JMP32, split: JSGT, equal: JEQ, keys, mask: undefined, closed: false };

  it('a tree of enough comparisons', () => {
    expect(tables(treeOf(base))).toBe(1);
    const few = keys.slice(0, LEAST_COMPARES >> 1);
    expect(tables(treeOf({ ...base, keys: few }))).toBe(0);
  });

  it('not one whose values lie far apart', () => {
    expect(tables(treeOf({ ...base, keys: keys.map((k) => k * 1000) }))).toBe(0);
  });

  it('one without its last comparison only when the value is known to be in range', () => {
    expect(tables(treeOf({ ...base, closed: true }))).toBe(0);
    expect(tables(treeOf({ ...base, closed: true, mask: 31 }))).toBe(1);
  });
});
