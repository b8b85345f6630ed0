/** Comparisons and products of 64-bit numbers held as two int32 halves. */

const SIGN = -0x80000000;

export const ult32 = (a: number, b: number): boolean => (a ^ SIGN) < (b ^ SIGN);
export const umin32 = (a: number, b: number): number => ((a ^ SIGN) < (b ^ SIGN) ? a : b);
export const umax32 = (a: number, b: number): number => ((a ^ SIGN) < (b ^ SIGN) ? b : a);

/** a < b, unsigned; low half first, as in every function of this folder. */
export const ult64 = (aLo: number, aHi: number, bLo: number, bHi: number): boolean =>
  aHi === bHi ? (aLo ^ SIGN) < (bLo ^ SIGN) : (aHi ^ SIGN) < (bHi ^ SIGN);

/** a < b, signed. */
export const slt64 = (aLo: number, aHi: number, bLo: number, bHi: number): boolean =>
  aHi === bHi ? (aLo ^ SIGN) < (bLo ^ SIGN) : aHi < bHi;

/** High half of the 64-bit product of two unsigned 32-bit numbers; the low half is Math.imul. */
export function umulHi32(a: number, b: number): number {
  const lo = Math.imul(a, b) >>> 0;
  // The rounded product is off by less than 2^11, so the quotient is off by far less than one half.
  return Math.round(((a >>> 0) * (b >>> 0) - lo) / 4294967296) | 0;
}

/** A 64-bit product. */
export interface Product {
  lo: number;
  hi: number;
}

/** Unsigned 64-bit product into `product`; true when it does not fit. */
export function umul64(aLo: number, aHi: number, bLo: number, bHi: number, product: Product): boolean {
  product.lo = Math.imul(aLo, bLo);
  const low = umulHi32(aLo, bLo);
  const crossA = Math.imul(aHi, bLo);
  const crossB = Math.imul(aLo, bHi);
  product.hi = (low + crossA + crossB) | 0;
  if (aHi === 0 && bHi === 0) return false;
  if (aHi !== 0 && bHi !== 0) return true;
  if (umulHi32(aHi, bLo) !== 0 || umulHi32(aLo, bHi) !== 0) return true;
  return (low >>> 0) + (crossA >>> 0) + (crossB >>> 0) > 0xffffffff;
}

/** Signed 64-bit product into `product`; true when it does not fit. */
export function smul64(aLo: number, aHi: number, bLo: number, bHi: number, product: Product): boolean {
  const negative = (aHi ^ bHi) < 0;
  if (aHi < 0) {
    aHi = (~aHi + (aLo === 0 ? 1 : 0)) | 0;
    aLo = -aLo | 0;
  }
  if (bHi < 0) {
    bHi = (~bHi + (bLo === 0 ? 1 : 0)) | 0;
    bLo = -bLo | 0;
  }
  if (umul64(aLo, aHi, bLo, bHi, product)) return true;
  if (product.hi < 0) return !(negative && product.hi === SIGN && product.lo === 0);
  if (negative) {
    product.hi = (~product.hi + (product.lo === 0 ? 1 : 0)) | 0;
    product.lo = -product.lo | 0;
  }
  return false;
}
