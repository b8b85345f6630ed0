/**
 * Hulls of sets of numbers: what all members share of their bits, and the ends of the set in each of the four orders. An abstract
 * scalar holds every member exactly when it holds the hull, and the hull of a union is the join of the hulls: so sets that are built
 * from smaller ones need not be enumerated.
 */
import type { Scalar } from '../../../src/kernel/verifier/domain/scalar.ts';
import { slt64, ult32, ult64 } from '../../../src/kernel/verifier/domain/word.ts';

/**
 * Words of a hull, low half before high half: AND and OR of all members; smallest and largest unsigned and signed member; smallest
 * and largest low half, unsigned and signed.
 */
export const HULL = 16;

/** Of no number: joined with another hull it gives the other. */
const NOTHING = [-1, -1, 0, 0, -1, -1, 0, 0, -1, 0x7fffffff, 0, -0x80000000, -1, 0, 0x7fffffff, -0x80000000];

export const clear = (t: Int32Array, at: number): void => t.set(NOTHING, at);

/** A bit that is in every member and in none. */
export const isEmpty = (t: Int32Array, at: number): boolean => (t[at] & ~t[at + 2]) !== 0;

/** Hull `d` of `t` becomes that of one number. */
export function single(t: Int32Array, d: number, lo: number, hi: number): void {
  for (let i = 0; i < 12; i += 2) {
    t[d + i] = lo;
    t[d + i + 1] = hi;
  }
  t[d + 12] = t[d + 13] = t[d + 14] = t[d + 15] = lo;
}

/** Hull `d` of `t` becomes the join of hull `a` of `p` and hull `b` of `q`; it may be either of them. */
export function join(t: Int32Array, d: number, p: Int32Array, a: number, q: Int32Array, b: number): void {
  t[d] = p[a] & q[b];
  t[d + 1] = p[a + 1] & q[b + 1];
  t[d + 2] = p[a + 2] | q[b + 2];
  t[d + 3] = p[a + 3] | q[b + 3];
  ends(t, d + 4, p, a + 4, q, b + 4, ult64(p[a + 4], p[a + 5], q[b + 4], q[b + 5]));
  ends(t, d + 6, p, a + 6, q, b + 6, ult64(q[b + 6], q[b + 7], p[a + 6], p[a + 7]));
  ends(t, d + 8, p, a + 8, q, b + 8, slt64(p[a + 8], p[a + 9], q[b + 8], q[b + 9]));
  ends(t, d + 10, p, a + 10, q, b + 10, slt64(q[b + 10], q[b + 11], p[a + 10], p[a + 11]));
  t[d + 12] = ult32(p[a + 12], q[b + 12]) ? p[a + 12] : q[b + 12];
  t[d + 13] = ult32(q[b + 13], p[a + 13]) ? p[a + 13] : q[b + 13];
  t[d + 14] = p[a + 14] < q[b + 14] ? p[a + 14] : q[b + 14];
  t[d + 15] = q[b + 15] < p[a + 15] ? p[a + 15] : q[b + 15];
}

function ends(t: Int32Array, d: number, p: Int32Array, a: number, q: Int32Array, b: number, first: boolean): void {
  t[d] = first ? p[a] : q[b];
  t[d + 1] = first ? p[a + 1] : q[b + 1];
}

/** Every number of the hull's set is one of the scalar's. */
export function inside(s: Scalar, t: Int32Array, at: number): boolean {
  if ((((t[at] ^ s.valLo) | (t[at + 2] ^ s.valLo)) & ~s.maskLo) !== 0) return false;
  if ((((t[at + 1] ^ s.valHi) | (t[at + 3] ^ s.valHi)) & ~s.maskHi) !== 0) return false;
  if (ult64(t[at + 4], t[at + 5], s.uminLo, s.uminHi) || ult64(s.umaxLo, s.umaxHi, t[at + 6], t[at + 7])) return false;
  if (slt64(t[at + 8], t[at + 9], s.sminLo, s.sminHi) || slt64(s.smaxLo, s.smaxHi, t[at + 10], t[at + 11]))
    return false;
  if (ult32(t[at + 12], s.u32min) || ult32(s.u32max, t[at + 13])) return false;
  return t[at + 14] >= s.s32min && t[at + 15] <= s.s32max;
}

/** The scalar holds this number. */
export function holds(s: Scalar, lo: number, hi: number): boolean {
  if (((lo ^ s.valLo) & ~s.maskLo) !== 0 || ((hi ^ s.valHi) & ~s.maskHi) !== 0) return false;
  if (ult64(lo, hi, s.uminLo, s.uminHi) || ult64(s.umaxLo, s.umaxHi, lo, hi)) return false;
  if (slt64(lo, hi, s.sminLo, s.sminHi) || slt64(s.smaxLo, s.smaxHi, lo, hi)) return false;
  return !ult32(lo, s.u32min) && !ult32(s.u32max, lo) && lo >= s.s32min && lo <= s.s32max;
}
