/** Unsigned and signed 64-bit division on hi/lo halves, without BigInt (RFC 9669 section 4.1). */

const TWO32 = 4294967296;

/** Quotient (lo, hi) and remainder (lo, hi) of R[a] / R[b], unsigned, to R[at] to R[at + 3]; the divisor is not 0. */
export function udivmod64(R: Int32Array, a: number, b: number, at: number): void {
  const al = R[a];
  const ah = R[a + 1];
  const bl = R[b];
  const bh = R[b + 1];
  if (bh === 0) return divByWord(al >>> 0, ah >>> 0, bl >>> 0, R, at);
  const ua = (ah >>> 0) * TWO32 + (al >>> 0);
  const ub = (bh >>> 0) * TWO32 + (bl >>> 0);
  // The quotient is below 2^32 and the estimate is off by one at most; with a huge divisor it is tiny and counted up.
  let q = bh < 0 || bh >= 0x4000_0000 ? 0 : Math.floor(ua / ub);
  let rl = (al - Math.imul(q, bl)) | 0;
  let rh = (ah - mulhu(q, bl) - Math.imul(q, bh) - (al >>> 0 < Math.imul(q, bl) >>> 0 ? 1 : 0)) | 0;
  if (q !== 0 && rh < 0) {
    q--;
    const l = (rl + bl) | 0;
    rh = (rh + bh + (l >>> 0 < rl >>> 0 ? 1 : 0)) | 0;
    rl = l;
  }
  while (rh === bh ? rl >>> 0 >= bl >>> 0 : rh >>> 0 > bh >>> 0) {
    q++;
    const borrow = rl >>> 0 < bl >>> 0 ? 1 : 0;
    rl = (rl - bl) | 0;
    rh = (rh - bh - borrow) | 0;
  }
  R[at] = q;
  R[at + 1] = 0;
  R[at + 2] = rl;
  R[at + 3] = rh;
}

/** Divisor below 2^32: schoolbook division by 16-bit digits, exact in doubles. */
function divByWord(al: number, ah: number, b: number, out: Int32Array, at: number): void {
  if (ah === 0) {
    out[at] = al / b;
    out[at + 1] = 0;
    out[at + 2] = al % b;
    out[at + 3] = 0;
    return;
  }
  const n1 = (ah % b) * 65536 + (al >>> 16);
  const q1 = Math.floor(n1 / b);
  const n0 = (n1 % b) * 65536 + (al & 0xffff);
  out[at] = q1 * 65536 + Math.floor(n0 / b);
  out[at + 1] = ah / b;
  out[at + 2] = n0 % b;
  out[at + 3] = 0;
}

/** High 32 bits of the unsigned product of two 32-bit values. */
export function mulhu(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 0;
  const t = (Math.imul(a1, b0) >>> 0) + (low >>> 16);
  const u = (Math.imul(a0, b1) >>> 0) + (t & 0xffff);
  return (Math.imul(a1, b1) + (t >>> 16) + (u >>> 16)) | 0;
}

/** Signed form of udivmod64; MIN / -1 wraps to MIN with remainder 0. */
export function sdivmod64(R: Int32Array, a: number, b: number, at: number): void {
  const al = R[a];
  const ah = R[a + 1];
  const bl = R[b];
  const bh = R[b + 1];
  const negA = ah < 0;
  const negB = bh < 0;
  R[at] = negA ? -al | 0 : al;
  R[at + 1] = negA ? (al === 0 ? -ah | 0 : ~ah) : ah;
  R[at + 2] = negB ? -bl | 0 : bl;
  R[at + 3] = negB ? (bl === 0 ? -bh | 0 : ~bh) : bh;
  udivmod64(R, at, at + 2, at);
  if (negA !== negB) negate(R, at);
  if (negA) negate(R, at + 2);
}

function negate(x: Int32Array, at: number): void {
  const lo = x[at];
  x[at + 1] = lo === 0 ? -x[at + 1] : ~x[at + 1];
  x[at] = -lo;
}
