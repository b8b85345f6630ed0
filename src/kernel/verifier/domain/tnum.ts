/** Tristate numbers: arithmetic on the known bits of a Scalar (struct tnum; Vishwanathan et al., CGO 2022). In place, no allocation. */
import type { Scalar } from './scalar.ts';

/** Bits of `unknown` become unknown, the other bits take the value: keeps the invariant val & mask == 0. */
function put(d: Scalar, lo: number, hi: number, unknownLo: number, unknownHi: number): void {
  d.valLo = lo & ~unknownLo;
  d.valHi = hi & ~unknownHi;
  d.maskLo = unknownLo;
  d.maskHi = unknownHi;
}

export function tnumConst(d: Scalar, lo: number, hi: number): void {
  d.valLo = lo | 0;
  d.valHi = hi | 0;
  d.maskLo = d.maskHi = 0;
}

/** d = d + s: a bit is unknown where an operand's is, or where a carry may or may not arrive. */
export function tnumAdd(d: Scalar, s: Scalar): void {
  const svLo = (d.valLo + s.valLo) | 0;
  const svHi = (d.valHi + s.valHi + (svLo >>> 0 < d.valLo >>> 0 ? 1 : 0)) | 0;
  const smLo = (d.maskLo + s.maskLo) | 0;
  const smHi = (d.maskHi + s.maskHi + (smLo >>> 0 < d.maskLo >>> 0 ? 1 : 0)) | 0;
  const sumLo = (svLo + smLo) | 0;
  const sumHi = (svHi + smHi + (sumLo >>> 0 < svLo >>> 0 ? 1 : 0)) | 0;
  put(d, svLo, svHi, (sumLo ^ svLo) | d.maskLo | s.maskLo, (sumHi ^ svHi) | d.maskHi | s.maskHi);
}

/** d = a - b; `d` may be either operand. */
export function tnumSubInto(d: Scalar, a: Scalar, b: Scalar): void {
  const dvLo = (a.valLo - b.valLo) | 0;
  const dvHi = (a.valHi - b.valHi - (a.valLo >>> 0 < b.valLo >>> 0 ? 1 : 0)) | 0;
  const upLo = (dvLo + a.maskLo) | 0;
  const upHi = (dvHi + a.maskHi + (upLo >>> 0 < dvLo >>> 0 ? 1 : 0)) | 0;
  const downLo = (dvLo - b.maskLo) | 0;
  const downHi = (dvHi - b.maskHi - (dvLo >>> 0 < b.maskLo >>> 0 ? 1 : 0)) | 0;
  put(d, dvLo, dvHi, (upLo ^ downLo) | a.maskLo | b.maskLo, (upHi ^ downHi) | a.maskHi | b.maskHi);
}

export function tnumSub(d: Scalar, s: Scalar): void {
  tnumSubInto(d, d, s);
}

export function tnumAnd(d: Scalar, s: Scalar): void {
  const vLo = d.valLo & s.valLo;
  const vHi = d.valHi & s.valHi;
  // A result bit may be 1 only where both operands' may.
  const mayLo = (d.valLo | d.maskLo) & (s.valLo | s.maskLo);
  const mayHi = (d.valHi | d.maskHi) & (s.valHi | s.maskHi);
  put(d, vLo, vHi, mayLo & ~vLo, mayHi & ~vHi);
}

export function tnumOr(d: Scalar, s: Scalar): void {
  const vLo = d.valLo | s.valLo;
  const vHi = d.valHi | s.valHi;
  put(d, vLo, vHi, (d.maskLo | s.maskLo) & ~vLo, (d.maskHi | s.maskHi) & ~vHi);
}

export function tnumXor(d: Scalar, s: Scalar): void {
  put(d, d.valLo ^ s.valLo, d.valHi ^ s.valHi, d.maskLo | s.maskLo, d.maskHi | s.maskHi);
}

/**
 * d = d * s by long multiplication over the bits of d. An unknown bit of the multiplier joins (union) the sums
 * with and without the shifted multiplicand, which is what Linux does since 6.18.
 */
export function tnumMul(d: Scalar, s: Scalar): void {
  let avLo = d.valLo;
  let avHi = d.valHi;
  let amLo = d.maskLo;
  let amHi = d.maskHi;
  let bvLo = s.valLo;
  let bvHi = s.valHi;
  let bmLo = s.maskLo;
  let bmHi = s.maskHi;
  let vLo = 0;
  let vHi = 0;
  let mLo = 0;
  let mHi = 0;
  while ((avLo | avHi | amLo | amHi) !== 0) {
    const sure = (avLo & 1) !== 0;
    if (sure || (amLo & 1) !== 0) {
      // acc + b, as in tnumAdd.
      const svLo = (vLo + bvLo) | 0;
      const svHi = (vHi + bvHi + (svLo >>> 0 < vLo >>> 0 ? 1 : 0)) | 0;
      const smLo = (mLo + bmLo) | 0;
      const smHi = (mHi + bmHi + (smLo >>> 0 < mLo >>> 0 ? 1 : 0)) | 0;
      const sumLo = (svLo + smLo) | 0;
      const sumHi = (svHi + smHi + (sumLo >>> 0 < svLo >>> 0 ? 1 : 0)) | 0;
      let uLo = (sumLo ^ svLo) | mLo | bmLo;
      let uHi = (sumHi ^ svHi) | mHi | bmHi;
      let rLo = svLo & ~uLo;
      let rHi = svHi & ~uHi;
      if (!sure) {
        uLo |= (vLo ^ rLo) | mLo;
        uHi |= (vHi ^ rHi) | mHi;
        rLo = vLo & rLo & ~uLo;
        rHi = vHi & rHi & ~uHi;
      }
      vLo = rLo;
      vHi = rHi;
      mLo = uLo;
      mHi = uHi;
    }
    avLo = (avLo >>> 1) | (avHi << 31);
    avHi >>>= 1;
    amLo = (amLo >>> 1) | (amHi << 31);
    amHi >>>= 1;
    bvHi = (bvHi << 1) | (bvLo >>> 31);
    bvLo <<= 1;
    bmHi = (bmHi << 1) | (bmLo >>> 31);
    bmLo <<= 1;
  }
  d.valLo = vLo;
  d.valHi = vHi;
  d.maskLo = mLo;
  d.maskHi = mHi;
}

/** d <<= n, for n of 0 to 63. */
export function tnumLsh(d: Scalar, n: number): void {
  if (n === 0) return;
  if (n >= 32) {
    d.valHi = d.valLo << (n - 32);
    d.maskHi = d.maskLo << (n - 32);
    d.valLo = d.maskLo = 0;
    return;
  }
  d.valHi = (d.valHi << n) | (d.valLo >>> (32 - n));
  d.maskHi = (d.maskHi << n) | (d.maskLo >>> (32 - n));
  d.valLo <<= n;
  d.maskLo <<= n;
}

/** d >>= n, unsigned, for n of 0 to 63. */
export function tnumRsh(d: Scalar, n: number): void {
  if (n === 0) return;
  if (n >= 32) {
    d.valLo = (d.valHi >>> (n - 32)) | 0;
    d.maskLo = (d.maskHi >>> (n - 32)) | 0;
    d.valHi = d.maskHi = 0;
    return;
  }
  d.valLo = (d.valLo >>> n) | (d.valHi << (32 - n));
  d.maskLo = (d.maskLo >>> n) | (d.maskHi << (32 - n));
  d.valHi = (d.valHi >>> n) | 0;
  d.maskHi = (d.maskHi >>> n) | 0;
}

/** d >>= n, signed; value and mask both copy their top bit, so an unknown sign stays unknown. With `is32` in the low half, the rest 0. */
export function tnumArsh(d: Scalar, n: number, is32: boolean): void {
  if (is32) {
    d.valLo >>= n;
    d.maskLo >>= n;
    d.valHi = d.maskHi = 0;
    return;
  }
  if (n === 0) return;
  if (n >= 32) {
    d.valLo = d.valHi >> (n - 32);
    d.maskLo = d.maskHi >> (n - 32);
    d.valHi >>= 31;
    d.maskHi >>= 31;
    return;
  }
  d.valLo = (d.valLo >>> n) | (d.valHi << (32 - n));
  d.maskLo = (d.maskLo >>> n) | (d.maskHi << (32 - n));
  d.valHi >>= n;
  d.maskHi >>= n;
}

/** Both are true of the number: known in either is known. The operands must not contradict each other. */
export function tnumIntersect(d: Scalar, s: Scalar): void {
  put(d, d.valLo | s.valLo, d.valHi | s.valHi, d.maskLo & s.maskLo, d.maskHi & s.maskHi);
}

/** Either is true of the number (tnum_union). */
export function tnumUnion(d: Scalar, s: Scalar): void {
  put(
    d,
    d.valLo & s.valLo,
    d.valHi & s.valHi,
    (d.valLo ^ s.valLo) | d.maskLo | s.maskLo,
    (d.valHi ^ s.valHi) | d.maskHi | s.maskHi,
  );
}

/** Ones from the highest set bit of `x` downwards. */
const belowTop = (x: number): number => (x === 0 ? 0 : -1 >>> Math.clz32(x)) | 0;

/** The bits that every number of an unsigned range shares (tnum_range). */
export function tnumRange(d: Scalar, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  const hi = belowTop(minHi ^ maxHi);
  const lo = minHi === maxHi ? belowTop(minLo ^ maxLo) : -1;
  put(d, minLo, minHi, lo, hi);
}

/** Intersects with {@link tnumRange} (the bounds' common prefix becomes known). */
export function tnumIntersectRange(d: Scalar, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  const hi = belowTop(minHi ^ maxHi);
  const lo = minHi === maxHi ? belowTop(minLo ^ maxLo) : -1;
  put(d, d.valLo | (minLo & ~lo), d.valHi | (minHi & ~hi), d.maskLo & lo, d.maskHi & hi);
}

/** {@link tnumIntersectRange} of the low half. */
export function tnumIntersectRange32(d: Scalar, min: number, max: number): void {
  const lo = belowTop(min ^ max);
  const mask = d.maskLo & lo;
  d.valLo = (d.valLo | (min & ~lo)) & ~mask;
  d.maskLo = mask;
}

/** Every number of `b` is one of `a` (tnum_in). */
export function tnumIn(a: Scalar, b: Scalar): boolean {
  if ((b.maskLo & ~a.maskLo) !== 0 || (b.maskHi & ~a.maskHi) !== 0) return false;
  return (b.valLo & ~a.maskLo) === a.valLo && (b.valHi & ~a.maskHi) === a.valHi;
}

/** No known bit of one contradicts a known bit of the other (tnum_overlap). */
export function tnumOverlap(a: Scalar, b: Scalar, is32: boolean): boolean {
  if (((a.valLo ^ b.valLo) & ~(a.maskLo | b.maskLo)) !== 0) return false;
  return is32 || ((a.valHi ^ b.valHi) & ~(a.maskHi | b.maskHi)) === 0;
}

/** Truncates to `size` bytes. */
export function tnumCast(d: Scalar, size: number): void {
  if (size >= 8) return;
  d.valHi = d.maskHi = 0;
  if (size === 4) return;
  const keep = size === 1 ? 0xff : size === 2 ? 0xffff : 0xffffff;
  d.valLo &= keep;
  d.maskLo &= keep;
}

/** The low half, zero-extended (tnum_subreg). */
export function tnumSubreg(d: Scalar): void {
  d.valHi = d.maskHi = 0;
}

/** All numbers are multiples of `size`, a power of two up to 2^31 (tnum_is_aligned). */
export const tnumIsAligned = (d: Scalar, size: number): boolean => ((d.valLo | d.maskLo) & (size - 1)) === 0;
