/**
 * The operands of the proofs of the scalar domain: all tnums and ranges of a few bits at a position. Each stands for a set of
 * numbers, which is a cell (a few numbers that belong together) or the union of two sets that come before it.
 */
import { Scalar } from '../../../src/kernel/verifier/domain/scalar.ts';
import { regBoundsSync } from '../../../src/kernel/verifier/domain/sync.ts';

/** A concrete number, in both forms. */
export interface Point {
  readonly big: bigint;
  readonly lo: number;
  readonly hi: number;
}

export type Kind = 'any' | 'to multiple' | 'to below';

/** What the verifier may know of such a number. */
export interface Operand {
  /** Alone, and after deduction. */
  readonly forms: readonly [alone: Scalar, deduced: Scalar];
  /** Sets whose union it holds. */
  readonly left: number;
  readonly right: number;
  /** Ranges that end at a multiple of the position, and those that end just below one, meet only their like. */
  readonly kind: Kind;
}

export interface Family {
  readonly name: string;
  /** Sets 0 and following. */
  readonly cells: readonly (readonly Point[])[];
  /** The sets behind the cells. */
  readonly operands: readonly Operand[];
}

const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));
export const pointOf = (x: bigint): Point => ({ big: BigInt.asUintN(64, x), lo: lo(x), hi: hi(x) });

function operand(alone: Scalar, left: number, right: number, kind: Kind): Operand {
  const deduced = new Scalar();
  deduced.copyFrom(alone);
  regBoundsSync(deduced);
  return { forms: [alone, deduced], left, right, kind };
}

/** Every tnum of `bits` bits at `at`; the other bits are 0. */
export function tnums(bits: number, at: number): Family {
  const size = 1 << bits;
  const cells = Array.from({ length: size }, (_, x) => [pointOf(BigInt(x) << BigInt(at))]);
  const known = new Map<number, number>();
  const operands: Operand[] = [];
  // A mask comes after those with one bit less: the lowest unknown bit is 0 in one half and 1 in the other.
  for (let mask = 0; mask < size; mask++) {
    for (let val = 0; val < size; val++) {
      if ((val & mask) !== 0) continue;
      const bit = mask & -mask;
      const half = (v: number): number => (mask === 0 ? v : (known.get((mask ^ bit) * size + v) as number));
      const v = BigInt(val) << BigInt(at);
      const m = BigInt(mask) << BigInt(at);
      const s = new Scalar();
      [s.valLo, s.valHi, s.maskLo, s.maskHi] = [lo(v), hi(v), lo(m), hi(m)];
      known.set(mask * size + val, size + operands.length);
      operands.push(operand(s, half(val), half(val | bit), 'any'));
    }
  }
  return { name: `tnum at ${at}`, cells, operands };
}

const RANGES = {
  u64: (s: Scalar, min: bigint, max: bigint): void => {
    [s.uminLo, s.uminHi, s.umaxLo, s.umaxHi] = [lo(min), hi(min), lo(max), hi(max)];
  },
  s64: (s: Scalar, min: bigint, max: bigint): void => {
    [s.sminLo, s.sminHi, s.smaxLo, s.smaxHi] = [lo(min), hi(min), lo(max), hi(max)];
  },
  u32: (s: Scalar, min: bigint, max: bigint): void => {
    [s.u32min, s.u32max] = [lo(min), lo(max)];
  },
  s32: (s: Scalar, min: bigint, max: bigint): void => {
    [s.s32min, s.s32max] = [lo(min), lo(max)];
  },
} as const;
export type RangeKind = keyof typeof RANGES;

/** Numbers between two multiples of 2^at: next to them, in the middle, and where the low half ends. */
function between(at: number): bigint[] {
  if (at === 0) return [];
  const one = 1n << BigInt(at);
  return [...new Set([1n, one >> 1n, one - 1n, ...(at > 32 ? [0x7fffffffn, 0x80000000n, 0x100000000n] : [])])];
}

/**
 * Every range between multiples of 2^at, in unsigned or signed order, that ends at one or, just below the next. Cells are the multiples and what lies between them. 32-bit ranges know nothing of the upper half.
 */
export function ranges(bits: number, order: RangeKind, at: number): Family {
  const size = 1 << bits;
  const base = order.startsWith('s') ? -size / 2 : 0;
  const uppers = order.endsWith('64') ? undefined : [0n, 0xffffffffn];
  const put = (x: bigint): Point[] =>
    uppers === undefined ? [pointOf(x)] : uppers.map((up) => pointOf(BigInt.asUintN(32, x) | (up << 32n)));
  const gap = between(at);
  const perStep = gap.length === 0 ? 1 : 2;
  const multiple = (i: number): bigint => BigInt(base + i) << BigInt(at);
  const cells: Point[][] = [];
  for (let i = 0; i < size; i++) {
    cells.push(put(multiple(i)));
    if (perStep === 2) cells.push(gap.flatMap((d) => put(multiple(i) + d)));
  }
  const operands: Operand[] = [];
  for (let a = 0; a < size; a++) {
    for (let b = a * perStep; b < size * perStep; b++) {
      // The range that ends one cell earlier, and that cell.
      const left = b === a * perStep ? b : cells.length + operands.length - 1;
      const below = b % perStep === 1;
      const s = new Scalar();
      RANGES[order](s, multiple(a), below ? multiple((b + 1) / 2) - 1n : multiple(b / perStep));
      operands.push(operand(s, left, b, below ? 'to below' : 'to multiple'));
    }
  }
  return { name: `${order} range at ${at}`, cells, operands };
}

/** The numbers from 0 to `size` - 1. */
export function constants(size: number): Family {
  const numbers = Array.from({ length: size }, (_, n) => n);
  return {
    name: 'each amount',
    cells: numbers.map((n) => [pointOf(BigInt(n))]),
    operands: numbers.map((n) => {
      const s = new Scalar();
      s.setConst(n, 0);
      return operand(s, n, n, 'any');
    }),
  };
}

/** Numbers that an operand holds. */
export function pointsOf(family: Family, set: number): Point[] {
  const cells = new Set<number>();
  for (const todo = [set]; todo.length > 0; ) {
    const at = todo.pop() as number;
    if (at < family.cells.length) cells.add(at);
    else todo.push(family.operands[at - family.cells.length].left, family.operands[at - family.cells.length].right);
  }
  return [...cells].flatMap((c) => family.cells[c]);
}
