/** Compares of two scalars: whether the outcome is known, and what each outcome teaches (is_branch_taken, regs_refine_cond_op). */
import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
} from '../../../isa/opcodes.ts';
import type { Scalar } from './scalar.ts';
import { lowerSmax, lowerUmax, raiseSmin, raiseUmin, regBoundsSync } from './sync.ts';
import { tnumIntersect, tnumOverlap } from './tnum.ts';
import { slt64, ult32, ult64, umax32, umin32 } from './word.ts';

/** Pseudo operation `!(a & b)`: what JSET's fall-through branch knows. No such instruction exists. */
export const NOT_JSET = BPF_JSET | 0x08;

/** The operation that holds when `op` does not (rev_opcode). */
export function revOpcode(op: number): number {
  switch (op) {
    case BPF_JEQ:
      return BPF_JNE;
    case BPF_JNE:
      return BPF_JEQ;
    case BPF_JSET:
      return NOT_JSET;
    case NOT_JSET:
      return BPF_JSET;
    case BPF_JGE:
      return BPF_JLT;
    case BPF_JGT:
      return BPF_JLE;
    case BPF_JLE:
      return BPF_JGT;
    case BPF_JLT:
      return BPF_JGE;
    case BPF_JSGE:
      return BPF_JSLT;
    case BPF_JSGT:
      return BPF_JSLE;
    case BPF_JSLE:
      return BPF_JSGT;
    case BPF_JSLT:
      return BPF_JSGE;
    default:
      return op;
  }
}

/** The operation that says the same with its operands exchanged (flip_opcode). */
export function flipOpcode(op: number): number {
  switch (op) {
    case BPF_JGE:
      return BPF_JLE;
    case BPF_JGT:
      return BPF_JLT;
    case BPF_JLE:
      return BPF_JGE;
    case BPF_JLT:
      return BPF_JGT;
    case BPF_JSGE:
      return BPF_JSLE;
    case BPF_JSGT:
      return BPF_JSLT;
    case BPF_JSLE:
      return BPF_JSGE;
    case BPF_JSLT:
      return BPF_JSGT;
    default:
      return op;
  }
}

/** Known, on the width of the compare (is_reg_const). */
const isConstOn = (s: Scalar, is32: boolean): boolean => (is32 ? s.isConst32() : s.isConst());

/** 1: always equal, 0: never, -1: unknown. */
function equality(a: Scalar, b: Scalar, is32: boolean): 1 | 0 | -1 {
  if (isConstOn(a, is32) && isConstOn(b, is32)) return a.valLo === b.valLo && (is32 || a.valHi === b.valHi) ? 1 : 0;
  if (!tnumOverlap(a, b, is32)) return 0;
  if (!is32) {
    if (ult64(b.umaxLo, b.umaxHi, a.uminLo, a.uminHi) || ult64(a.umaxLo, a.umaxHi, b.uminLo, b.uminHi)) return 0;
    if (slt64(b.smaxLo, b.smaxHi, a.sminLo, a.sminHi) || slt64(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi)) return 0;
  }
  if (ult32(b.u32max, a.u32min) || ult32(a.u32max, b.u32min)) return 0;
  if (b.s32max < a.s32min || a.s32max < b.s32min) return 0;
  return -1;
}

function bitsTaken(a: Scalar, b: Scalar, is32: boolean): 1 | 0 | -1 {
  if (!isConstOn(b, is32)) {
    if (!isConstOn(a, is32)) return -1;
    return bitsTaken(b, a, is32);
  }
  if ((a.valLo & b.valLo) !== 0 || (!is32 && (a.valHi & b.valHi) !== 0)) return 1;
  if (((a.valLo | a.maskLo) & b.valLo) === 0 && (is32 || ((a.valHi | a.maskHi) & b.valHi) === 0)) return 0;
  return -1;
}

/** a < b without sign: 1 when always, 0 when never. */
function below(a: Scalar, b: Scalar, is32: boolean): 1 | 0 | -1 {
  if (is32) return ult32(a.u32max, b.u32min) ? 1 : !ult32(a.u32min, b.u32max) ? 0 : -1;
  if (ult64(a.umaxLo, a.umaxHi, b.uminLo, b.uminHi)) return 1;
  return ult64(a.uminLo, a.uminHi, b.umaxLo, b.umaxHi) ? -1 : 0;
}

/** a < b with sign: 1 when always, 0 when never. */
function signedBelow(a: Scalar, b: Scalar, is32: boolean): 1 | 0 | -1 {
  if (is32) return a.s32max < b.s32min ? 1 : a.s32min >= b.s32max ? 0 : -1;
  if (slt64(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi)) return 1;
  return slt64(a.sminLo, a.sminHi, b.smaxLo, b.smaxHi) ? -1 : 0;
}

const negate = (taken: 1 | 0 | -1): 1 | 0 | -1 => (taken < 0 ? -1 : taken === 1 ? 0 : 1);

/** is_scalar_branch_taken: 1 when the jump is always taken, 0 when never, -1 when it depends. */
export function isScalarBranchTaken(a: Scalar, b: Scalar, op: number, is32: boolean): 1 | 0 | -1 {
  switch (op) {
    case BPF_JEQ:
      return equality(a, b, is32);
    case BPF_JNE:
      return negate(equality(a, b, is32));
    case BPF_JSET:
      return bitsTaken(a, b, is32);
    case BPF_JLT:
      return below(a, b, is32);
    case BPF_JGE:
      return negate(below(a, b, is32));
    case BPF_JGT:
      return below(b, a, is32);
    case BPF_JLE:
      return negate(below(b, a, is32));
    case BPF_JSLT:
      return signedBelow(a, b, is32);
    case BPF_JSGE:
      return negate(signedBelow(a, b, is32));
    case BPF_JSGT:
      return signedBelow(b, a, is32);
    case BPF_JSLE:
      return negate(signedBelow(b, a, is32));
    default:
      return -1;
  }
}

/** Both have the same value: both get the intersection of bounds and bits. */
function refineEqual(a: Scalar, b: Scalar, is32: boolean): void {
  if (is32) {
    a.u32min = b.u32min = umax32(a.u32min, b.u32min);
    a.u32max = b.u32max = umin32(a.u32max, b.u32max);
    a.s32min = b.s32min = Math.max(a.s32min, b.s32min);
    a.s32max = b.s32max = Math.min(a.s32max, b.s32max);
    const mask = a.maskLo & b.maskLo;
    const val = (a.valLo | b.valLo) & ~mask;
    a.valLo = b.valLo = val;
    a.maskLo = b.maskLo = mask;
    return;
  }
  raiseUmin(a, b.uminLo, b.uminHi);
  lowerUmax(a, b.umaxLo, b.umaxHi);
  raiseSmin(a, b.sminLo, b.sminHi);
  lowerSmax(a, b.smaxLo, b.smaxHi);
  raiseUmin(b, a.uminLo, a.uminHi);
  lowerUmax(b, a.umaxLo, a.umaxHi);
  raiseSmin(b, a.sminLo, a.sminHi);
  lowerSmax(b, a.smaxLo, a.smaxHi);
  tnumIntersect(a, b);
  b.valLo = a.valLo;
  b.valHi = a.valHi;
  b.maskLo = a.maskLo;
  b.maskHi = a.maskHi;
}

/** The number is not the constant `c`: a bound that equals it moves by one. */
function refineNotEqual(a: Scalar, c: Scalar, is32: boolean): void {
  const lo = c.valLo;
  if (is32) {
    if (a.u32min === lo) a.u32min = (a.u32min + 1) | 0;
    if (a.u32max === lo) a.u32max = (a.u32max - 1) | 0;
    if (a.s32min === lo) a.s32min = (a.s32min + 1) | 0;
    if (a.s32max === lo) a.s32max = (a.s32max - 1) | 0;
    return;
  }
  const hi = c.valHi;
  if (a.uminLo === lo && a.uminHi === hi) {
    a.uminLo = (lo + 1) | 0;
    a.uminHi = (hi + (lo === -1 ? 1 : 0)) | 0;
  }
  if (a.umaxLo === lo && a.umaxHi === hi) {
    a.umaxLo = (lo - 1) | 0;
    a.umaxHi = (hi - (lo === 0 ? 1 : 0)) | 0;
  }
  if (a.sminLo === lo && a.sminHi === hi) {
    a.sminLo = (lo + 1) | 0;
    a.sminHi = (hi + (lo === -1 ? 1 : 0)) | 0;
  }
  if (a.smaxLo === lo && a.smaxHi === hi) {
    a.smaxLo = (lo - 1) | 0;
    a.smaxHi = (hi - (lo === 0 ? 1 : 0)) | 0;
  }
}

const singleBit = (x: number): boolean => x !== 0 && (x & (x - 1)) === 0;

/** `a & c` is not zero: with one bit in `c`, that bit is set. */
function refineBitsSet(a: Scalar, c: Scalar, is32: boolean): void {
  const lo = c.valLo;
  const hi = is32 ? 0 : c.valHi;
  if (hi === 0 ? !singleBit(lo) : lo !== 0 || !singleBit(hi)) return;
  a.valLo |= lo;
  a.maskLo &= ~lo;
  a.valHi |= hi;
  a.maskHi &= ~hi;
}

/** `a & c` is zero: every bit of `c` is clear. The ranges are forgotten first, lest a dead branch contradict itself. */
function refineBitsClear(a: Scalar, c: Scalar, is32: boolean): void {
  a.setUnbounded();
  a.valLo &= ~c.valLo;
  a.maskLo &= ~c.valLo;
  if (is32) return;
  a.valHi &= ~c.valHi;
  a.maskHi &= ~c.valHi;
}

/** a <= b, unsigned: the tops of both and the bottoms of both are ordered. */
function refineBelowOrEqual(a: Scalar, b: Scalar, is32: boolean): void {
  if (is32) {
    a.u32max = umin32(a.u32max, b.u32max);
    b.u32min = umax32(a.u32min, b.u32min);
    return;
  }
  lowerUmax(a, b.umaxLo, b.umaxHi);
  raiseUmin(b, a.uminLo, a.uminHi);
}

/** a < b, unsigned. */
function refineBelow(a: Scalar, b: Scalar, is32: boolean): void {
  if (is32) {
    a.u32max = umin32(a.u32max, (b.u32max - 1) | 0);
    b.u32min = umax32((a.u32min + 1) | 0, b.u32min);
    return;
  }
  lowerUmax(a, (b.umaxLo - 1) | 0, (b.umaxHi - (b.umaxLo === 0 ? 1 : 0)) | 0);
  raiseUmin(b, (a.uminLo + 1) | 0, (a.uminHi + (a.uminLo === -1 ? 1 : 0)) | 0);
}

/** a <= b, signed. */
function refineLessOrEqual(a: Scalar, b: Scalar, is32: boolean): void {
  if (is32) {
    a.s32max = Math.min(a.s32max, b.s32max);
    b.s32min = Math.max(a.s32min, b.s32min);
    return;
  }
  lowerSmax(a, b.smaxLo, b.smaxHi);
  raiseSmin(b, a.sminLo, a.sminHi);
}

/** a < b, signed. */
function refineLess(a: Scalar, b: Scalar, is32: boolean): void {
  if (is32) {
    a.s32max = Math.min(a.s32max, (b.s32max - 1) | 0);
    b.s32min = Math.max((a.s32min + 1) | 0, b.s32min);
    return;
  }
  lowerSmax(a, (b.smaxLo - 1) | 0, (b.smaxHi - (b.smaxLo === 0 ? 1 : 0)) | 0);
  raiseSmin(b, (a.sminLo + 1) | 0, (a.sminHi + (a.sminLo === -1 ? 1 : 0)) | 0);
}

/**
 * regs_refine_cond_op: narrows both operands by the knowledge that `a op b` holds; not synced.
 * For the branch where it does not hold, pass revOpcode(op).
 */
export function regsRefineCondOp(a: Scalar, b: Scalar, op: number, is32: boolean): void {
  switch (op) {
    case BPF_JEQ:
      return refineEqual(a, b, is32);
    case BPF_JNE:
      if (isConstOn(b, is32)) refineNotEqual(a, b, is32);
      else if (isConstOn(a, is32)) refineNotEqual(b, a, is32);
      return;
    case BPF_JSET:
      if (isConstOn(b, is32)) refineBitsSet(a, b, is32);
      else if (isConstOn(a, is32)) refineBitsSet(b, a, is32);
      return;
    case NOT_JSET:
      if (isConstOn(b, is32)) refineBitsClear(a, b, is32);
      else if (isConstOn(a, is32)) refineBitsClear(b, a, is32);
      return;
    case BPF_JLE:
      return refineBelowOrEqual(a, b, is32);
    case BPF_JGE:
      return refineBelowOrEqual(b, a, is32);
    case BPF_JLT:
      return refineBelow(a, b, is32);
    case BPF_JGT:
      return refineBelow(b, a, is32);
    case BPF_JSLE:
      return refineLessOrEqual(a, b, is32);
    case BPF_JSGE:
      return refineLessOrEqual(b, a, is32);
    case BPF_JSLT:
      return refineLess(a, b, is32);
    case BPF_JSGT:
      return refineLess(b, a, is32);
  }
}

/** One branch of reg_set_min_max: refines both operands by `a op b` and syncs them. */
export function refineBranch(a: Scalar, b: Scalar, op: number, is32: boolean): void {
  regsRefineCondOp(a, b, op, is32);
  regBoundsSync(a);
  regBoundsSync(b);
}
