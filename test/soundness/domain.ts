/**
 * Soundness by brute force on the shipped 64-bit code: every operator and compare, all operands of a few bits, embedded at bit 0,
 * across bits 29 to 34, and at the top, alone and after deduction, on both branches. Tnums have `bits` bits, ranges one less.
 */
import * as op from '../../src/isa/opcodes.ts';
import { scalarAlu } from '../../src/kernel/verifier/domain/alu.ts';
import { isScalarBranchTaken, regsRefineCondOp, revOpcode } from '../../src/kernel/verifier/domain/branch.ts';
import { byteSwap, coerceToSize, movsx } from '../../src/kernel/verifier/domain/cast.ts';
import { Scalar } from '../../src/kernel/verifier/domain/scalar.ts';
import { regBoundsSync } from '../../src/kernel/verifier/domain/sync.ts';
import { slt64, ult32, ult64 } from '../../src/kernel/verifier/domain/word.ts';
import { dump } from '../verifier/domain/scalar-text.ts';

const U64 = (1n << 64n) - 1n;
const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));

/** A concrete number, in both forms. */
interface Point {
  readonly big: bigint;
  readonly lo: number;
  readonly hi: number;
}
const pointOf = (x: bigint): Point => ({ big: BigInt.asUintN(64, x), lo: lo(x), hi: hi(x) });

/** An abstract operand and numbers that it holds. */
interface Operand {
  readonly s: Scalar;
  readonly points: readonly Point[];
}

function contains(s: Scalar, l: number, h: number): boolean {
  if (((l ^ s.valLo) & ~s.maskLo) !== 0 || ((h ^ s.valHi) & ~s.maskHi) !== 0) return false;
  if (ult64(l, h, s.uminLo, s.uminHi) || ult64(s.umaxLo, s.umaxHi, l, h)) return false;
  if (slt64(l, h, s.sminLo, s.sminHi) || slt64(s.smaxLo, s.smaxHi, l, h)) return false;
  return !ult32(l, s.u32min) && !ult32(s.u32max, l) && l >= s.s32min && l <= s.s32max;
}

/** Keeps one object for each number, so that results can be remembered by pair. */
class Points {
  readonly #known = new Map<bigint, Point>();
  of(x: bigint): Point {
    const u = BigInt.asUintN(64, x);
    let p = this.#known.get(u);
    if (p === undefined) this.#known.set(u, (p = pointOf(u)));
    return p;
  }
}

/** Every tnum of bits bits at `at`; the other bits are 0. */
function tnums(bits: number, at: number, points: Points): Operand[] {
  const out: Operand[] = [];
  for (let mask = 0; mask < 1 << bits; mask++) {
    for (let val = 0; val < 1 << bits; val++) {
      if ((val & mask) !== 0) continue;
      const s = new Scalar();
      const v = BigInt(val) << BigInt(at);
      const m = BigInt.asUintN(64, BigInt(mask) << BigInt(at));
      [s.valLo, s.valHi, s.maskLo, s.maskHi] = [lo(v), hi(v), lo(m), hi(m)];
      regBoundsSync(s);
      const held: Point[] = [];
      for (let x = 0; x < 1 << bits; x++) if ((x & ~mask) === val) held.push(points.of(BigInt(x) << BigInt(at)));
      out.push({ s, points: held });
    }
  }
  return out;
}

type RangeKind = 'u64' | 's64' | 'u32' | 's32';

/** Every range of multiples of 2^at, unsigned or signed; numbers near the multiples are held too. */
function ranges(rangeBits: number, kind: RangeKind, at: number, points: Points): Operand[] {
  const out: Operand[] = [];
  const width = kind.endsWith('64') ? 64 : 32;
  const signed = kind.startsWith('s');
  const base = signed ? -(1 << (rangeBits - 1)) : 0;
  for (let a = 0; a < 1 << rangeBits; a++) {
    for (let b = a; b < 1 << rangeBits; b++) {
      const min = BigInt(base + a) << BigInt(at);
      const max = (BigInt(base + b) << BigInt(at)) + (1n << BigInt(at)) - 1n;
      const s = new Scalar();
      if (kind === 'u64') [s.uminLo, s.uminHi, s.umaxLo, s.umaxHi] = [lo(min), hi(min), lo(max), hi(max)];
      else if (kind === 's64') [s.sminLo, s.sminHi, s.smaxLo, s.smaxHi] = [lo(min), hi(min), lo(max), hi(max)];
      else if (kind === 'u32') [s.u32min, s.u32max] = [lo(min), lo(max)];
      else [s.s32min, s.s32max] = [lo(min), lo(max)];
      regBoundsSync(s);
      const held = new Set<Point>();
      for (let x = a; x <= b; x++) {
        for (const near of at === 0
          ? [0n]
          : width === 64
            ? [0n, 1n, (1n << BigInt(at)) - 1n]
            : [0n, (1n << BigInt(at)) - 1n]) {
          const low = (BigInt(base + x) << BigInt(at)) + near;
          if (width === 64) held.add(points.of(low));
          else for (const up of [0n, 0xffffffffn]) held.add(points.of(BigInt.asUintN(32, low) | (up << 32n)));
        }
      }
      out.push({ s, points: [...held] });
    }
  }
  return out;
}

const ALU: Record<string, [number, (a: bigint, b: bigint, bits: number) => bigint]> = {
  add: [op.BPF_ADD, (a, b) => a + b],
  sub: [op.BPF_SUB, (a, b) => a - b],
  mul: [op.BPF_MUL, (a, b) => a * b],
  and: [op.BPF_AND, (a, b) => a & b],
  or: [op.BPF_OR, (a, b) => a | b],
  xor: [op.BPF_XOR, (a, b) => a ^ b],
  lsh: [op.BPF_LSH, (a, b, n) => a << (b & BigInt(n - 1))],
  rsh: [op.BPF_RSH, (a, b, n) => a >> (b & BigInt(n - 1))],
  arsh: [op.BPF_ARSH, (a, b, n) => BigInt.asIntN(n, a) >> (b & BigInt(n - 1))],
  div: [op.BPF_DIV, (a, b) => (b === 0n ? 0n : a / b)],
  mod: [op.BPF_MOD, (a, b) => (b === 0n ? a : a % b)],
  neg: [op.BPF_NEG, (a) => -a],
};
const sgn = (x: bigint, n: number): bigint => BigInt.asIntN(n, x);
const JMP: Record<string, [number, (a: bigint, b: bigint, bits: number) => boolean]> = {
  jeq: [op.BPF_JEQ, (a, b) => a === b],
  jne: [op.BPF_JNE, (a, b) => a !== b],
  jgt: [op.BPF_JGT, (a, b) => a > b],
  jge: [op.BPF_JGE, (a, b) => a >= b],
  jlt: [op.BPF_JLT, (a, b) => a < b],
  jle: [op.BPF_JLE, (a, b) => a <= b],
  jsgt: [op.BPF_JSGT, (a, b, n) => sgn(a, n) > sgn(b, n)],
  jsge: [op.BPF_JSGE, (a, b, n) => sgn(a, n) >= sgn(b, n)],
  jslt: [op.BPF_JSLT, (a, b, n) => sgn(a, n) < sgn(b, n)],
  jsle: [op.BPF_JSLE, (a, b, n) => sgn(a, n) <= sgn(b, n)],
  jset: [op.BPF_JSET, (a, b) => (a & b) !== 0n],
};

/** Remembers f(a, b) for pairs of points. */
function memo<T>(f: (a: bigint, b: bigint) => T): (a: Point, b: Point) => T {
  const rows = new Map<Point, Map<Point, T>>();
  return (a, b) => {
    let row = rows.get(a);
    if (row === undefined) rows.set(a, (row = new Map()));
    let r = row.get(b);
    if (r === undefined) row.set(b, (r = f(a.big, b.big)));
    return r;
  };
}

const show = (p: Point): string => `0x${p.big.toString(16)}`;
const d = new Scalar();
const e = new Scalar();

function checkAlu(name: string, is64: boolean, as: readonly Operand[], bs: readonly Operand[]): string {
  const [code, f] = ALU[name];
  const bits = is64 ? 64 : 32;
  const run = memo((a, b) => pointOf(BigInt.asUintN(bits, f(BigInt.asUintN(bits, a), BigInt.asUintN(bits, b), bits))));
  for (const a of as) {
    for (const b of bs) {
      d.copyFrom(a.s);
      scalarAlu(code, d, b.s, is64);
      for (const x of a.points)
        for (const y of b.points) {
          const r = run(x, y);
          if (!contains(d, r.lo, r.hi))
            return `${name}${bits} ${show(x)} ${show(y)} = ${show(r)}\n a ${dump(a.s)}\n b ${dump(b.s)}\n r ${dump(d)}`;
        }
    }
  }
  return '';
}

/** Both branches: the decision, the refined operands, and those after deduction, hold all pairs that go there. */
function checkJmp(name: string, is32: boolean, as: readonly Operand[], bs: readonly Operand[]): string {
  const [code, f] = JMP[name];
  const bits = is32 ? 32 : 64;
  const holds = memo((a, b) => f(BigInt.asUintN(bits, a), BigInt.asUintN(bits, b), bits));
  for (const a of as) {
    for (const b of bs) {
      const taken = isScalarBranchTaken(a.s, b.s, code, is32);
      for (const side of [true, false]) {
        d.copyFrom(a.s);
        e.copyFrom(b.s);
        regsRefineCondOp(d, e, side ? code : revOpcode(code), is32);
        for (const synced of [false, true]) {
          if (synced) {
            regBoundsSync(d);
            regBoundsSync(e);
          }
          for (const x of a.points)
            for (const y of b.points) {
              if (holds(x, y) !== side) continue;
              const bad = taken >= 0 ? (taken === 1) !== side : !contains(d, x.lo, x.hi) || !contains(e, y.lo, y.hi);
              if (bad)
                return `${name}${bits} ${side} synced ${synced}: ${show(x)} ${show(y)} taken ${taken}\n a ${dump(a.s)}\n b ${dump(b.s)}\n a' ${dump(d)}\n b' ${dump(e)}`;
            }
        }
      }
    }
  }
  return '';
}

const swap = (x: bigint, bytes: number): bigint => {
  let r = 0n;
  for (let i = 0; i < bytes; i++) r = (r << 8n) | ((x >> BigInt(i * 8)) & 0xffn);
  return r;
};
const UNARY: [string, (s: Scalar) => void, (x: bigint) => bigint][] = [
  ...[1, 2, 4].flatMap((n): [string, (s: Scalar) => void, (x: bigint) => bigint][] => [
    [`zext${n}`, (s) => coerceToSize(s, n), (x) => BigInt.asUintN(n * 8, x)],
    [`movsx${n}`, (s) => movsx(s, n, true), (x) => BigInt.asIntN(n * 8, x)],
    ...(n < 4
      ? [
          [
            `movsx32_${n}`,
            (s: Scalar) => movsx(s, n, false),
            (x: bigint) => BigInt.asUintN(32, BigInt.asIntN(n * 8, x)),
          ] as [string, (s: Scalar) => void, (x: bigint) => bigint],
        ]
      : []),
  ]),
  ...[2, 4, 8].flatMap((n): [string, (s: Scalar) => void, (x: bigint) => bigint][] => [
    [`swap${n}`, (s) => byteSwap(s, n * 8, true), (x) => swap(x, n)],
    [`le${n}`, (s) => byteSwap(s, n * 8, false), (x) => BigInt.asUintN(n * 8, x)],
  ]),
  ['sync', (s) => regBoundsSync(s), (x) => x],
];

/** Operand families: name, and the operands at each place. */
function families(bits: number): [string, Operand[]][] {
  const rangeBits = bits - 1;
  const out: [string, Operand[]][] = [];
  const points = new Points();
  // Positions of the operands' lowest bit.
  for (const at of new Set([0, 29, 30, 59, 64 - bits])) out.push([`tnum at ${at}`, tnums(bits, at, points)]);
  for (const kind of ['u64', 's64'] as const) {
    for (const at of new Set([0, 30, 64 - rangeBits]))
      out.push([`${kind} range at ${at}`, ranges(rangeBits, kind, at, points)]);
  }
  for (const kind of ['u32', 's32'] as const) {
    for (const at of [0, 32 - rangeBits]) out.push([`${kind} range at ${at}`, ranges(rangeBits, kind, at, points)]);
  }
  return out;
}

/** A name, and a check that gives '' or the first operands for which the claim does not hold. */
export type DomainCheck = readonly [name: string, check: () => string];

/** Everything that is to be checked with operands of this many bits. */
export function domainChecks(bits: number): DomainCheck[] {
  const all = families(bits);
  const out: DomainCheck[] = [];
  const alu = (name: string, is64: boolean, family: string, a: readonly Operand[], b: readonly Operand[]): void =>
    void out.push([`${name}${is64 ? 64 : 32} ${family}`, () => checkAlu(name, is64, a, b)]);
  const jmp = (name: string, is32: boolean, family: string, a: readonly Operand[], b: readonly Operand[]): void =>
    void out.push([`${name}${is32 ? 32 : 64} ${family}`, () => checkJmp(name, is32, a, b)]);
  for (const [family, operands] of all) {
    for (const wide of [true, false]) {
      for (const name of Object.keys(ALU)) alu(name, wide, family, operands, operands);
      for (const name of Object.keys(JMP)) jmp(name, !wide, family, operands, operands);
    }
  }
  // Tnums with ranges, in both orders.
  const tnum = all[1][1];
  const mixed = new RegExp(`range at (${32 - (bits - 1)}|${64 - (bits - 1)})$`);
  for (const [family, operands] of all.filter(([n]) => mixed.test(n))) {
    for (const name of Object.keys(ALU)) {
      alu(name, true, `tnum, ${family}`, tnum, operands);
      alu(name, false, `${family}, tnum`, operands, tnum);
    }
    for (const name of Object.keys(JMP)) {
      jmp(name, false, `tnum, ${family}`, tnum, operands);
      jmp(name, true, `${family}, tnum`, operands, tnum);
    }
  }
  const amounts = Array.from({ length: 64 }, (_, n): Operand => {
    const s = new Scalar();
    s.setConst(n, 0);
    return { s, points: [pointOf(BigInt(n))] };
  });
  for (const [family, operands] of all) {
    for (const name of ['lsh', 'rsh', 'arsh'])
      for (const is64 of [true, false]) alu(name, is64, `${family} by each amount`, operands, amounts);
    for (const unary of UNARY) out.push([`${unary[0]} ${family}`, () => checkUnary(unary, operands)]);
  }
  return out;
}

function checkUnary([name, abstract, concrete]: (typeof UNARY)[number], operands: readonly Operand[]): string {
  for (const a of operands) {
    d.copyFrom(a.s);
    abstract(d);
    for (const x of a.points) {
      const r = pointOf(concrete(x.big) & U64);
      if (!contains(d, r.lo, r.hi)) return `${name} ${show(x)}\n ${dump(a.s)}\n ${dump(d)}`;
    }
  }
  return '';
}
