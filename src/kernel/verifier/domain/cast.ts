/** Truncation and extension of scalars (zext_32_to_64, coerce_reg_to_size, coerce_reg_to_size_sx, coerce_subreg_to_size_sx). */
import type { Scalar } from './scalar.ts';
import { regBoundsSync } from './sync.ts';
import { tnumCast, tnumConst, tnumRange } from './tnum.ts';

const S32_MIN = -0x80000000;
const S32_MAX = 0x7fffffff;

/** zext_32_to_64: the upper half becomes 0, the 32-bit bounds become the 64-bit ones. Not synced. */
export function zext32To64(s: Scalar): void {
  s.valHi = s.maskHi = 0;
  s.uminLo = s.u32min;
  s.umaxLo = s.u32max;
  s.uminHi = s.umaxHi = s.sminHi = s.smaxHi = 0;
  if (s.s32min >= 0 && s.s32max >= 0) {
    s.sminLo = s.s32min;
    s.smaxLo = s.s32max;
  } else {
    s.sminLo = 0;
    s.smaxLo = -1;
  }
}

/** coerce_reg_to_size: keeps the low `size` bytes, zero-extended, and syncs. */
export function coerceToSize(s: Scalar, size: number): void {
  if (size >= 8) return;
  tnumCast(s, size);
  const high = size === 4 ? 0 : -1 << (size * 8);
  if (s.uminHi === s.umaxHi && (s.uminLo & high) === (s.umaxLo & high)) {
    s.uminLo &= ~high;
    s.umaxLo &= ~high;
  } else {
    s.uminLo = 0;
    s.umaxLo = ~high;
  }
  s.uminHi = s.umaxHi = s.sminHi = s.smaxHi = 0;
  s.sminLo = s.uminLo;
  s.smaxLo = s.umaxLo;
  if (size < 4) s.setUnbounded32();
  regBoundsSync(s);
}

const signExtend = (x: number, size: number): number =>
  size === 1 ? (x << 24) >> 24 : size === 2 ? (x << 16) >> 16 : x;

/** coerce_reg_to_size_sx: the low `size` (1, 2, 4) bytes, sign-extended to 64 bits. Not synced, as in the kernel. */
export function coerceToSizeSx(s: Scalar, size: number): void {
  if (s.isConst()) {
    const lo = signExtend(s.valLo, size);
    s.setConst(lo, lo >> 31);
    return;
  }
  const high = size === 4 ? 0 : -1 << (size * 8);
  if (s.sminHi === s.smaxHi && (s.sminLo & high) === (s.smaxLo & high)) {
    const a = signExtend(s.sminLo, size);
    const b = signExtend(s.smaxLo, size);
    if (a >= 0 === b >= 0) {
      const min = Math.min(a, b);
      const max = Math.max(a, b);
      s.sminLo = s.uminLo = s.s32min = s.u32min = min;
      s.smaxLo = s.umaxLo = s.s32max = s.u32max = max;
      s.sminHi = s.uminHi = min >> 31;
      s.smaxHi = s.umaxHi = max >> 31;
      tnumRange(s, min, min >> 31, max, max >> 31);
      return;
    }
  }
  s.setUnknown();
  const min = S32_MIN >> (32 - size * 8);
  s.s32min = s.sminLo = min;
  s.s32max = s.smaxLo = ~min;
  s.sminHi = -1;
  s.smaxHi = 0;
}

/** coerce_subreg_to_size_sx: the low `size` (1, 2) bytes, sign-extended to 32 bits; the upper half is left to {@link zext32To64}. */
export function coerceSubregToSizeSx(s: Scalar, size: number): void {
  if (s.isConst()) {
    const lo = signExtend(s.valLo, size);
    tnumConst(s, lo, lo >> 31);
    s.u32min = s.u32max = s.s32min = s.s32max = lo;
    return;
  }
  const high = -1 << (size * 8);
  if ((s.s32min & high) === (s.s32max & high)) {
    const a = signExtend(s.s32min, size);
    const b = signExtend(s.s32max, size);
    if (a >= 0 === b >= 0) {
      s.s32min = s.u32min = Math.min(a, b);
      s.s32max = s.u32max = Math.max(a, b);
      tnumRange(s, s.s32min, 0, s.s32max, 0);
      return;
    }
  }
  s.s32min = S32_MIN >> (32 - size * 8);
  s.s32max = ~s.s32min & S32_MAX;
  s.u32min = 0;
  s.u32max = -1;
  s.valLo = s.valHi = s.maskHi = 0;
  s.maskLo = -1;
}

/** Sign-extending move (movsx) as the kernel transfers it: `size` 1, 2 or 4 bytes into 64 or 32 bits. */
export function movsx(s: Scalar, size: number, is64: boolean): void {
  if (is64) {
    coerceToSizeSx(s, size);
    return;
  }
  coerceSubregToSizeSx(s, size);
  zext32To64(s);
  regBoundsSync(s);
}

const swap32 = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/**
 * Byte order conversion of the low `bits` (16, 32, 64), the rest cleared; `swap`: the bytes change places (bswap, and be on a
 * little-endian machine). Only the known bits follow; the bounds are deduced from them anew.
 */
export function byteSwap(s: Scalar, bits: number, swap: boolean): void {
  if (!swap) {
    coerceToSize(s, bits / 8);
    return;
  }
  if (bits < 64) tnumCast(s, bits / 8);
  if (bits === 64) {
    const valLo = swap32(s.valHi);
    const maskLo = swap32(s.maskHi);
    s.valHi = swap32(s.valLo);
    s.maskHi = swap32(s.maskLo);
    s.valLo = valLo;
    s.maskLo = maskLo;
  } else {
    s.valLo = bits === 16 ? swap32(s.valLo) >>> 16 : swap32(s.valLo);
    s.maskLo = bits === 16 ? swap32(s.maskLo) >>> 16 : swap32(s.maskLo);
  }
  s.setUnbounded();
  regBoundsSync(s);
}
