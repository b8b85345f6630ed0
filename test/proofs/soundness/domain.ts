/**
 * Soundness by brute force on the shipped 64-bit code: every operator and compare, all tnums and ranges of a few bits, embedded at
 * bit 0, across bits 29 to 34, and at the top, alone and after deduction, on both branches.
 *
 * What an operator makes of two cells is computed number by number. From there on only hulls are joined: the results of a set are
 * those of the two sets that it is the union of. So each pair of operands costs one call of the shipped code and one comparison.
 */
import { BPF_AND, BPF_OR } from '../../../src/isa/opcodes.ts';
import { scalarAlu } from '../../../src/kernel/verifier/domain/alu.ts';
import {
  flipOpcode,
  isScalarBranchTaken,
  regsRefineCondOp,
  revOpcode,
} from '../../../src/kernel/verifier/domain/branch.ts';
import { byteSwap, coerceToSize, movsx } from '../../../src/kernel/verifier/domain/cast.ts';
import { forkWidth, markKnownOn } from '../../../src/kernel/verifier/domain/fork.ts';
import { Scalar } from '../../../src/kernel/verifier/domain/scalar.ts';
import { regBoundsSync } from '../../../src/kernel/verifier/domain/sync.ts';
import { dump } from '../../kernel/verifier/domain/scalar-text.ts';
import { ALU, JMP, swapped } from './concrete.ts';
import { clear, holds, HULL, inside, isEmpty, join, single } from './hull.ts';
import { constants, type Family, type Point, pointOf, pointsOf, ranges, tnums } from './operands.ts';

/** The code under proof. */
export interface Domain {
  readonly scalarAlu: typeof scalarAlu;
  readonly isScalarBranchTaken: typeof isScalarBranchTaken;
  readonly regsRefineCondOp: typeof regsRefineCondOp;
  readonly regBoundsSync: typeof regBoundsSync;
}
export const SHIPPED: Domain = { scalarAlu, isScalarBranchTaken, regsRefineCondOp, regBoundsSync };

/** What a check says: the first operands for which the claim does not hold, or ''; and how many claims it looked at. */
export interface Finding {
  readonly fault: string;
  readonly claims: number;
}
export interface DomainCheck {
  readonly name: string;
  run(): Finding;
}

const show = (p: Point): string => `0x${p.big.toString(16)}`;
const FORMS = ['alone', 'deduced'] as const;
const d = new Scalar();
const e = new Scalar();

/** Hulls of what all pairs of sets give, `per` for each pair: `fill` knows those of two cells. */
class Products {
  /** By set of `a`, then cell of `b`. */
  readonly #columns: Int32Array;
  readonly #width: number;
  /** Of the set of `a` that was chosen: by set of `b`. */
  readonly row: Int32Array;

  constructor(
    readonly a: Family,
    readonly b: Family,
    readonly per: number,
    fill: (x: readonly Point[], y: readonly Point[], t: Int32Array, at: number) => void,
  ) {
    this.#width = b.cells.length * per * HULL;
    this.#columns = new Int32Array((a.cells.length + a.operands.length) * this.#width);
    this.row = new Int32Array((b.cells.length + b.operands.length) * per * HULL);
    for (const [i, x] of a.cells.entries())
      for (const [k, y] of b.cells.entries()) fill(x, y, this.#columns, i * this.#width + k * per * HULL);
  }

  /** Fills {@link row} for an operand of `a`; they must be chosen in order. */
  choose(index: number): void {
    const { a, b, per, row } = this;
    const t = this.#columns;
    const w = this.#width;
    const { left, right } = a.operands[index];
    const at = (a.cells.length + index) * w;
    for (let i = 0; i < w; i += HULL) join(t, at + i, t, left * w + i, t, right * w + i);
    row.set(t.subarray(at, at + w));
    const step = per * HULL;
    let out = w;
    for (const o of b.operands) {
      const l = o.left * step;
      const r = o.right * step;
      for (let i = 0; i < step; i += HULL, out += HULL) join(row, out, row, l + i, row, r + i);
    }
  }
}

/** Goes over all pairs of operands that may meet; `look` gives true at a fault. */
function eachPair(p: Products, look: (a: number, b: number, form: 0 | 1, at: number) => boolean): void {
  const step = p.per * HULL;
  for (const [i, a] of p.a.operands.entries()) {
    p.choose(i);
    for (const [k, b] of p.b.operands.entries()) {
      if (a.kind !== b.kind && a.kind !== 'any' && b.kind !== 'any') continue;
      const at = (p.b.cells.length + k) * step;
      if (look(i, k, 0, at) || look(i, k, 1, at)) return;
    }
  }
}

const numbers = (f: Family, operand: number): Point[] => pointsOf(f, f.cells.length + operand);

function checkAlu(domain: Domain, name: string, is64: boolean, a: Family, b: Family): Finding {
  const [code, meaning] = ALU[name];
  const bits = is64 ? 64 : 32;
  const result = (x: Point, y: Point): Point =>
    pointOf(BigInt.asUintN(bits, meaning(BigInt.asUintN(bits, x.big), BigInt.asUintN(bits, y.big), bits)));
  const one = new Int32Array(HULL);
  const products = new Products(a, b, 1, (xs, ys, t, at) => {
    clear(t, at);
    for (const x of xs)
      for (const y of ys) {
        const r = result(x, y);
        single(one, 0, r.lo, r.hi);
        join(t, at, t, at, one, 0);
      }
  });
  let claims = 0;
  let fault = '';
  eachPair(products, (i, k, form, at) => {
    d.copyFrom(a.operands[i].forms[form]);
    domain.scalarAlu(code, d, b.operands[k].forms[form], is64);
    claims++;
    if (inside(d, products.row, at)) return false;
    fault = `${FORMS[form]}\n a ${dump(a.operands[i].forms[form])}\n b ${dump(b.operands[k].forms[form])}\n r ${dump(d)}`;
    for (const x of numbers(a, i))
      for (const y of numbers(b, k)) {
        const r = result(x, y);
        if (!holds(d, r.lo, r.hi)) fault = `${show(x)} ${show(y)} = ${show(r)} ${fault}`;
        if (!holds(d, r.lo, r.hi)) return true;
      }
    return true;
  });
  return { fault, claims };
}

/** Hulls of a compare by pair of sets: a's and b's numbers of the pairs that jump, and of those that fall through. */
const SIDES = 2;

/** Both branches: the decision, the refined operands, and those after deduction, hold all pairs that go there. */
function checkJmp(domain: Domain, name: string, is32: boolean, a: Family, b: Family): Finding {
  const [code, meaning] = JMP[name];
  const bits = is32 ? 32 : 64;
  const jumps = (x: Point, y: Point): boolean =>
    meaning(BigInt.asUintN(bits, x.big), BigInt.asUintN(bits, y.big), bits);
  const one = new Int32Array(HULL);
  const products = new Products(a, b, 2 * SIDES, (xs, ys, t, at) => {
    for (let i = 0; i < 2 * SIDES; i++) clear(t, at + i * HULL);
    for (const x of xs)
      for (const y of ys) {
        const side = at + (jumps(x, y) ? 0 : SIDES * HULL);
        single(one, 0, x.lo, x.hi);
        join(t, side, t, side, one, 0);
        single(one, 0, y.lo, y.hi);
        join(t, side + HULL, t, side + HULL, one, 0);
      }
  });
  let claims = 0;
  let fault = '';
  const explain = (i: number, k: number, form: number, taken: number, side: boolean, after: string): boolean => {
    const all = numbers(a, i).flatMap((x) => numbers(b, k).map((y) => [x, y] as const));
    const lost = all.find(
      ([x, y]) => jumps(x, y) === side && (taken >= 0 || !holds(d, x.lo, x.hi) || !holds(e, y.lo, y.hi)),
    );
    fault =
      `${lost === undefined ? '' : `${show(lost[0])} ${show(lost[1])} `}${side ? 'jumps' : 'falls through'}, ${FORMS[form]}${after}, ` +
      `decided ${taken}\n a ${dump(a.operands[i].forms[form])}\n b ${dump(b.operands[k].forms[form])}\n a' ${dump(d)}\n b' ${dump(e)}`;
    return true;
  };
  eachPair(products, (i, k, form, at) => {
    const { row } = products;
    const s = a.operands[i].forms[form];
    const o = b.operands[k].forms[form];
    const taken = domain.isScalarBranchTaken(s, o, code, is32);
    for (let side = 0; side < SIDES; side++) {
      const mine = at + side * SIDES * HULL;
      claims++;
      if (taken >= 0) {
        if (taken === side && !isEmpty(row, mine)) return explain(i, k, form, taken, side === 0, '');
        continue;
      }
      if (isEmpty(row, mine)) continue;
      claims++;
      d.copyFrom(s);
      e.copyFrom(o);
      domain.regsRefineCondOp(d, e, side === 0 ? code : revOpcode(code), is32);
      if (!inside(d, row, mine) || !inside(e, row, mine + HULL)) return explain(i, k, form, taken, side === 0, '');
      domain.regBoundsSync(d);
      domain.regBoundsSync(e);
      if (!inside(d, row, mine) || !inside(e, row, mine + HULL))
        return explain(i, k, form, taken, side === 0, ', then deduced');
    }
    return false;
  });
  return { fault, claims };
}

type Unary = readonly [name: string, abstract: (s: Scalar) => void, concrete: (x: bigint) => bigint];
const UNARY: readonly Unary[] = [
  ...[1, 2, 4].flatMap((n): Unary[] => [
    [`zext${n}`, (s) => coerceToSize(s, n), (x) => BigInt.asUintN(n * 8, x)],
    [`movsx64_${n}`, (s) => movsx(s, n, true), (x) => BigInt.asIntN(n * 8, x)],
    ...(n === 4
      ? []
      : [
          [
            `movsx32_${n}`,
            (s: Scalar) => movsx(s, n, false),
            (x: bigint) => BigInt.asUintN(32, BigInt.asIntN(n * 8, x)),
          ] as const,
        ]),
  ]),
  ...[2, 4, 8].flatMap((n): Unary[] => [
    [`swap${n}`, (s) => byteSwap(s, n * 8, true), (x) => swapped(x, n)],
    [`le${n}`, (s) => byteSwap(s, n * 8, false), (x) => BigInt.asUintN(n * 8, x)],
  ]),
  ['sync', (s) => regBoundsSync(s), (x) => x],
];

function checkUnary([, abstract, concrete]: Unary, a: Family): Finding {
  let claims = 0;
  for (const [i, { forms }] of a.operands.entries())
    for (const [f, s] of forms.entries()) {
      d.copyFrom(s);
      abstract(d);
      claims++;
      for (const x of numbers(a, i)) {
        const r = pointOf(concrete(x.big));
        if (!holds(d, r.lo, r.hi))
          return { fault: `${show(x)} gives ${show(r)}, ${FORMS[f]}\n a ${dump(s)}\n r ${dump(d)}`, claims };
      }
    }
  return { fault: '', claims };
}

/** A scalar that is split in two before a mask is one of the two. */
function checkFork(a: Family): Finding {
  let claims = 0;
  const mask = new Scalar();
  mask.setConst(8, 0);
  for (const [i, { forms }] of a.operands.entries())
    for (const s of forms)
      for (const code of [BPF_AND, BPF_OR]) {
        const width = forkWidth(code, s, mask);
        if (width === 0) continue;
        claims++;
        d.copyFrom(s);
        e.copyFrom(s);
        markKnownOn(d, width, -1);
        markKnownOn(e, width, 0);
        const lost = numbers(a, i).find((x) => !holds(d, x.lo, x.hi) && !holds(e, x.lo, x.hi));
        if (lost !== undefined) return { fault: `${show(lost)}\n a ${dump(s)}\n r ${dump(d)}\n or ${dump(e)}`, claims };
      }
  return { fault: '', claims };
}

/** A compare is the opposite of its reverse, and the same as its flipped form with the operands exchanged. */
function checkOpposites(): Finding {
  const some = [0n, 1n, 2n, 3n, 1n << 31n, (1n << 31n) - 1n, 1n << 63n, (1n << 63n) - 1n, (1n << 64n) - 1n];
  const byCode = new Map(Object.values(JMP));
  let claims = 0;
  for (const [code, meaning] of byCode) {
    const flipped = byCode.get(flipOpcode(code));
    const reversed = byCode.get(revOpcode(code)) ?? ((x: bigint, y: bigint) => (x & y) === 0n);
    if (revOpcode(revOpcode(code)) !== code) return { fault: `reverse of 0x${code.toString(16)}`, claims };
    for (const x of some)
      for (const y of some) {
        claims++;
        const r = meaning(x, y, 64);
        if (flipped?.(y, x, 64) !== r || reversed(x, y, 64) === r)
          return { fault: `0x${code.toString(16)} ${x} ${y}`, claims };
      }
  }
  return { fault: '', claims };
}

/** Positions of the lowest bit: at the bottom, where the halves meet, at the top. */
const places = (bits: number, width: number): number[] => (width === 64 ? [0, 29, 30, 64 - bits] : [0, 32 - bits]);

/** Everything that is to be checked with operands of this many bits. */
export function domainChecks(bits: number, domain: Domain = SHIPPED): DomainCheck[] {
  const out: DomainCheck[] = [];
  const add = (name: string, run: () => Finding): void => void out.push({ name, run });
  const pairs = (a: Family, b: Family, alu = Object.keys(ALU), jmp = Object.keys(JMP)): void => {
    const of = a === b ? a.name : `${a.name}, ${b.name}`;
    for (const is64 of [true, false]) {
      for (const name of alu) add(`${name}${is64 ? 64 : 32} ${of}`, () => checkAlu(domain, name, is64, a, b));
      for (const name of jmp) add(`${name}${is64 ? 64 : 32} ${of}`, () => checkJmp(domain, name, !is64, a, b));
    }
  };
  const all: Family[] = [];
  const numbers = places(bits, 64).map((at) => tnums(bits, at));
  for (const tnum of numbers) {
    pairs(tnum, tnum);
    all.push(tnum);
  }
  for (const order of ['u64', 's64', 'u32', 's32'] as const) {
    for (const at of places(bits, order.endsWith('64') ? 64 : 32)) {
      const range = ranges(bits, order, at);
      all.push(range);
      pairs(range, range);
      // Tnums with ranges, in both orders.
      const tnum = numbers[at === 0 ? 0 : at < 32 ? 1 : 3];
      pairs(tnum, range);
      pairs(range, tnum);
    }
  }
  const amounts = constants(64);
  for (const a of all) {
    pairs(a, amounts, ['lsh', 'rsh', 'arsh'], []);
    for (const unary of UNARY) add(`${unary[0]} ${a.name}`, () => checkUnary(unary, a));
    add(`fork ${a.name}`, () => checkFork(a));
  }
  add('opposites of compares', checkOpposites);
  return out;
}
