/** Shifts of a scalar by a known amount (scalar_min_max_{lsh,rsh,arsh} and their 32-bit forms). */
import type { Scalar } from './scalar.ts';
import { updateBounds, updateBounds32 } from './sync.ts';
import { tnumArsh, tnumLsh, tnumRsh, tnumSubreg } from './tnum.ts';
import { ult32, ult64 } from './word.ts';

const S32_MIN = -0x80000000;
const S32_MAX = 0x7fffffff;

/** Low-half bounds after `<< n`: unsigned ones survive while no set bit can leave (__scalar32_min_max_lsh). */
function lsh32Bounds(d: Scalar, n: number): void {
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  if (n > 31 || ult32(1 << (31 - n), d.u32max)) {
    d.u32min = 0;
    d.u32max = -1;
  } else {
    d.u32min <<= n;
    d.u32max <<= n;
  }
}

function lsh64Bounds(d: Scalar, n: number): void {
  // `<< 32` followed by `s>> 32` is how compilers sign-extend: the 32-bit signed range moves up whole.
  if (n === 32) {
    d.sminLo = d.smaxLo = 0;
    d.sminHi = d.s32min;
    d.smaxHi = d.s32max;
  } else {
    d.sminLo = 0;
    d.sminHi = S32_MIN;
    d.smaxLo = -1;
    d.smaxHi = S32_MAX;
  }
  const topLo = 63 - n < 32 ? 1 << (63 - n) : 0;
  const topHi = 63 - n < 32 ? 0 : 1 << (31 - n);
  if (ult64(topLo, topHi, d.umaxLo, d.umaxHi)) {
    d.uminLo = d.uminHi = 0;
    d.umaxLo = d.umaxHi = -1;
    return;
  }
  if (n >= 32) {
    d.uminHi = d.uminLo << (n - 32);
    d.umaxHi = d.umaxLo << (n - 32);
    d.uminLo = d.umaxLo = 0;
  } else if (n > 0) {
    d.uminHi = (d.uminHi << n) | (d.uminLo >>> (32 - n));
    d.umaxHi = (d.umaxHi << n) | (d.umaxLo >>> (32 - n));
    d.uminLo <<= n;
    d.umaxLo <<= n;
  }
}

export function scalarLsh(d: Scalar, n: number, is64: boolean): void {
  if (is64) {
    lsh64Bounds(d, n);
    lsh32Bounds(d, n);
    tnumLsh(d, n);
    updateBounds(d);
    return;
  }
  lsh32Bounds(d, n);
  d.valLo <<= n;
  d.maskLo <<= n;
  tnumSubreg(d);
  d.setUnbounded64();
  updateBounds32(d);
}

export function scalarRsh(d: Scalar, n: number, is64: boolean): void {
  if (!is64) {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
    tnumSubreg(d);
    tnumRsh(d, n);
    d.u32min = (d.u32min >>> n) | 0;
    d.u32max = (d.u32max >>> n) | 0;
    d.setUnbounded64();
    updateBounds32(d);
    return;
  }
  d.sminLo = 0;
  d.sminHi = S32_MIN;
  d.smaxLo = -1;
  d.smaxHi = S32_MAX;
  tnumRsh(d, n);
  if (n >= 32) {
    d.uminLo = (d.uminHi >>> (n - 32)) | 0;
    d.umaxLo = (d.umaxHi >>> (n - 32)) | 0;
    d.uminHi = d.umaxHi = 0;
  } else if (n > 0) {
    d.uminLo = (d.uminLo >>> n) | (d.uminHi << (32 - n));
    d.umaxLo = (d.umaxLo >>> n) | (d.umaxHi << (32 - n));
    d.uminHi = (d.uminHi >>> n) | 0;
    d.umaxHi = (d.umaxHi >>> n) | 0;
  }
  // What the low half becomes depends on the bits that come in from above: the tnum tells.
  d.setUnbounded32();
  updateBounds(d);
}

export function scalarArsh(d: Scalar, n: number, is64: boolean): void {
  if (!is64) {
    d.s32min >>= n;
    d.s32max >>= n;
    tnumArsh(d, n, true);
    d.u32min = 0;
    d.u32max = -1;
    d.setUnbounded64();
    updateBounds32(d);
    return;
  }
  if (n >= 32) {
    d.sminLo = d.sminHi >> (n - 32);
    d.smaxLo = d.smaxHi >> (n - 32);
    d.sminHi >>= 31;
    d.smaxHi >>= 31;
  } else if (n > 0) {
    d.sminLo = (d.sminLo >>> n) | (d.sminHi << (32 - n));
    d.smaxLo = (d.smaxLo >>> n) | (d.smaxHi << (32 - n));
    d.sminHi >>= n;
    d.smaxHi >>= n;
  }
  tnumArsh(d, n, false);
  d.uminLo = d.uminHi = 0;
  d.umaxLo = d.umaxHi = -1;
  d.setUnbounded32();
  updateBounds(d);
}
