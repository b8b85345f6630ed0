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
  if ((s.maskLo & s.maskHi) !== -1) collapseSingleton(s);
}

/** The tnum and the unsigned range have exactly one number in common: the scalar is that number. */
function collapseSingleton(s: Scalar): void {
  const topLo = s.valLo | s.maskLo;
  const topHi = s.valHi | s.maskHi;
  const inTnum = (s.uminLo & ~s.maskLo) === s.valLo && (s.uminHi & ~s.maskHi) === s.valHi;
  nextMember(s, s.uminLo, s.uminHi);
  const lo = member.lo;
  const hi = member.hi;
  const above = ult64(s.umaxLo, s.umaxHi, lo, hi);
  if (inTnum) {
    if (above) s.setConst(s.uminLo, s.uminHi);
  } else if (lo === topLo && hi === topHi) {
    s.setConst(lo, hi);
  } else if (!above) {
    nextMember(s, lo, hi);
    if (ult64(s.umaxLo, s.umaxHi, member.lo, member.hi)) s.setConst(lo, hi);
  }
}

/** Result of {@link nextMember}, read at once. */
const member = { lo: 0, hi: 0 };

/** The smallest number of the tnum above `lo/hi`, or its largest number when there is none above. */
function nextMember(s: Scalar, lo: number, hi: number): void {
  const topLo = s.valLo | s.maskLo;
  const topHi = s.valHi | s.maskHi;
  if (!ult64(lo, hi, topLo, topHi)) {
    member.lo = topLo;
    member.hi = topHi;
    return;
  }
  // One more than the start, then the known bits are imposed: everything below the highest contradiction falls to its minimum.
  lo = (lo + 1) | 0;
  hi = (hi + (lo === 0 ? 1 : 0)) | 0;
  const badHi = (hi ^ s.valHi) & ~s.maskHi;
  const badLo = (lo ^ s.valLo) & ~s.maskLo;
  if ((badHi | badLo) === 0) {
    member.lo = lo;
    member.hi = hi;
    return;
  }
  // Bits above the highest contradiction.
  let keepLo = badHi !== 0 ? 0 : aboveTop(badLo);
  let keepHi = badHi !== 0 ? aboveTop(badHi) : -1;
  let carryLo = 0;
  let carryHi = 0;
  const mustGrow = badHi !== 0 ? (hi & topBit(badHi)) !== 0 : (lo & topBit(badLo)) !== 0;
  if (mustGrow) {
    // The number has a 1 where the tnum has a 0: the lowest free zero above it must become 1.
    const freeLo = s.maskLo & ~lo & keepLo;
    const freeHi = s.maskHi & ~hi & keepHi;
    carryLo = freeLo & -freeLo;
    carryHi = freeLo === 0 ? freeHi & -freeHi : 0;
    keepLo = freeLo === 0 ? 0 : ~(carryLo | (carryLo - 1));
    keepHi = freeLo === 0 ? ~(carryHi | (carryHi - 1)) : keepHi;
  }
  member.lo = (lo & keepLo) | carryLo | (s.valLo & ~keepLo);
  member.hi = (hi & keepHi) | carryHi | (s.valHi & ~keepHi);
}

const topBit = (x: number): number => -0x80000000 >>> Math.clz32(x);
const aboveTop = (x: number): number => ~(-1 >>> Math.clz32(x));

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
  if (!ult32(s.s32max, s.s32min)) {
    narrowU32(s, s.s32min, s.s32max);
  } else if (ult32(s.u32max, s.s32min)) {
    // As unsigned numbers the signed range is two pieces; the unsigned range meets only the lower one, or only the upper one.
    s.s32min = s.u32min;
    s.u32max = umin32(s.u32max, s.s32max);
  } else if (ult32(s.s32max, s.u32min)) {
    s.s32max = s.u32max;
    s.u32min = umax32(s.u32min, s.s32min);
  }
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
  // A constant that all bounds know has nothing left to say.
  if ((s.maskLo | s.maskHi) === 0 && regBoundsSane(s)) return;
  updateBounds(s);
  deduce(s);
  deduce(s);
  deduce(s);
  boundOffset(s);
  updateBounds(s);
}

/** The contradiction in a scalar, in the kernel's words, or '' (reg_bounds_sanity_check). */
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
