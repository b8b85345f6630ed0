/** Mutual deduction between the tnum and the eight bounds of a scalar (reg_bounds_sync of Linux 6.18). */
import type { Scalar } from './scalar.ts';
import { tnumIntersectRange, tnumIntersectRange32 } from './tnum.ts';
import { slt64, ult32, ult64, umax32, umin32 } from './word.ts';

const S32_MIN = -0x80000000;
const S32_MAX = 0x7fffffff;

export function raiseUmin(s: Scalar, lo: number, hi: number): void {
  if (ult64(s.uminLo, s.uminHi, lo, hi)) {
    s.uminLo = lo;
    s.uminHi = hi;
  }
}
export function lowerUmax(s: Scalar, lo: number, hi: number): void {
  if (ult64(lo, hi, s.umaxLo, s.umaxHi)) {
    s.umaxLo = lo;
    s.umaxHi = hi;
  }
}
export function raiseSmin(s: Scalar, lo: number, hi: number): void {
  if (slt64(s.sminLo, s.sminHi, lo, hi)) {
    s.sminLo = lo;
    s.sminHi = hi;
  }
}
export function lowerSmax(s: Scalar, lo: number, hi: number): void {
  if (slt64(lo, hi, s.smaxLo, s.smaxHi)) {
    s.smaxLo = lo;
    s.smaxHi = hi;
  }
}
function narrowU32(s: Scalar, min: number, max: number): void {
  s.u32min = umax32(s.u32min, min);
  s.u32max = umin32(s.u32max, max);
}
function narrowS32(s: Scalar, min: number, max: number): void {
  if (min > s.s32min) s.s32min = min;
  if (max < s.s32max) s.s32max = max;
}

/** Bounds of the low half from the known bits (__update_reg32_bounds). */
export function updateBounds32(s: Scalar): void {
  narrowS32(s, s.valLo | (s.maskLo & S32_MIN), s.valLo | (s.maskLo & S32_MAX));
  narrowU32(s, s.valLo, s.valLo | s.maskLo);
}

/** 64-bit bounds from the known bits (__update_reg64_bounds). */
export function updateBounds64(s: Scalar): void {
  raiseSmin(s, s.valLo, s.valHi | (s.maskHi & S32_MIN));
  lowerSmax(s, s.valLo | s.maskLo, s.valHi | (s.maskHi & S32_MAX));
  raiseUmin(s, s.valLo, s.valHi);
  lowerUmax(s, s.valLo | s.maskLo, s.valHi | s.maskHi);
}

/** All bounds from the known bits (__update_reg_bounds). */
export function updateBounds(s: Scalar): void {
  updateBounds32(s);
  updateBounds64(s);
}

/** 32-bit bounds from the 64-bit ones, then from each other (__reg32_deduce_bounds). */
function deduce32(s: Scalar): void {
  // A 64-bit range within one block of 2^32 numbers is a range of its low halves.
  if (s.uminHi === s.umaxHi) {
    narrowU32(s, s.uminLo, s.umaxLo);
    if (s.uminLo <= s.umaxLo) narrowS32(s, s.uminLo, s.umaxLo);
  }
  if (s.sminHi === s.smaxHi) {
    if (!ult32(s.smaxLo, s.sminLo)) narrowU32(s, s.sminLo, s.smaxLo);
    if (s.sminLo <= s.smaxLo) narrowS32(s, s.sminLo, s.smaxLo);
  }
  // Two neighbouring blocks, entered by a negative low half and left by a non-negative one: a signed 32-bit range.
  if (((s.uminHi + 1) | 0) === s.umaxHi && s.uminLo < 0 && s.umaxLo >= 0) narrowS32(s, s.uminLo, s.umaxLo);
  if (((s.sminHi + 1) | 0) === s.smaxHi && s.sminLo < 0 && s.smaxLo >= 0) narrowS32(s, s.sminLo, s.smaxLo);
  // A range that does not cross the other signedness's boundary holds there too.
  if (s.u32min <= s.u32max) narrowS32(s, s.u32min, s.u32max);
  if (!ult32(s.s32max, s.s32min)) narrowU32(s, s.s32min, s.s32max);
}

/** 64-bit signed and unsigned bounds from each other (__reg64_deduce_bounds). */
function deduce64(s: Scalar): void {
  if (!slt64(s.umaxLo, s.umaxHi, s.uminLo, s.uminHi)) {
    raiseSmin(s, s.uminLo, s.uminHi);
    lowerSmax(s, s.umaxLo, s.umaxHi);
  }
  if (!ult64(s.smaxLo, s.smaxHi, s.sminLo, s.sminHi)) {
    raiseUmin(s, s.sminLo, s.sminHi);
    lowerUmax(s, s.smaxLo, s.smaxHi);
  } else if (ult64(s.umaxLo, s.umaxHi, s.sminLo, s.sminHi)) {
    // Seen as unsigned, the signed range is two pieces, [0, smax] and [smin, U64_MAX]; only the first meets the unsigned range.
    s.sminLo = s.uminLo;
    s.sminHi = s.uminHi;
    lowerUmax(s, s.smaxLo, s.smaxHi);
  } else if (ult64(s.smaxLo, s.smaxHi, s.uminLo, s.uminHi)) {
    // Only the second does.
    s.smaxLo = s.umaxLo;
    s.smaxHi = s.umaxHi;
    raiseUmin(s, s.sminLo, s.sminHi);
  }
}

/** 64-bit bounds from the 32-bit ones (__reg_deduce_mixed_bounds). */
function deduceMixed(s: Scalar): void {
  raiseUmin(s, s.u32min, s.uminHi);
  lowerUmax(s, s.u32max, s.umaxHi);
  raiseSmin(s, s.u32min, s.sminHi);
  lowerSmax(s, s.u32max, s.smaxHi);
  // The number is a sign-extended 32-bit one, and not negative.
  if (s.s32min >= 0 && !slt64(s.sminLo, s.sminHi, S32_MIN, -1) && !slt64(S32_MAX, 0, s.smaxLo, s.smaxHi)) {
    s.sminLo = s.uminLo = s.s32min;
    s.smaxLo = s.umaxLo = s.s32max;
    s.sminHi = s.uminHi = 0;
    s.smaxHi = s.umaxHi = s.s32max >> 31;
    tnumIntersectRange(s, s.sminLo, s.sminHi, s.smaxLo, s.smaxHi);
  }
}

/** __reg_deduce_bounds. */
function deduce(s: Scalar): void {
  deduce32(s);
  deduce64(s);
  deduceMixed(s);
}

/** Known bits from the bounds (__reg_bound_offset). */
function boundOffset(s: Scalar): void {
  tnumIntersectRange(s, s.uminLo, s.uminHi, s.umaxLo, s.umaxHi);
  tnumIntersectRange32(s, s.u32min, s.u32max);
}

/** reg_bounds_sync: everything that tnum and bounds say about each other, in the kernel's order and number of rounds. */
export function regBoundsSync(s: Scalar): void {
  updateBounds(s);
  deduce(s);
  deduce(s);
  deduce(s);
  boundOffset(s);
  updateBounds(s);
}

/** What is contradictory about a scalar, in the kernel's words, or '' (reg_bounds_sanity_check). */
export function regBoundsFault(s: Scalar): string {
  if (
    ult64(s.umaxLo, s.umaxHi, s.uminLo, s.uminHi) ||
    slt64(s.smaxLo, s.smaxHi, s.sminLo, s.sminHi) ||
    ult32(s.u32max, s.u32min) ||
    s.s32max < s.s32min
  )
    return 'range bounds violation';
  if (s.maskLo !== 0) return '';
  const lo = s.valLo;
  if (s.maskHi === 0) {
    const hi = s.valHi;
    if (
      ((s.uminLo ^ lo) | (s.umaxLo ^ lo) | (s.sminLo ^ lo) | (s.smaxLo ^ lo)) !== 0 ||
      ((s.uminHi ^ hi) | (s.umaxHi ^ hi) | (s.sminHi ^ hi) | (s.smaxHi ^ hi)) !== 0
    )
      return 'const tnum out of sync with range bounds';
  }
  if (s.u32min !== lo || s.u32max !== lo || s.s32min !== lo || s.s32max !== lo)
    return 'const subreg tnum out of sync with range bounds';
  return '';
}

/** No bound contradicts another or the known bits. */
export const regBoundsSane = (s: Scalar): boolean => regBoundsFault(s) === '';
