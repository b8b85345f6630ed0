/** Unsigned and signed 64-bit division on hi/lo halves, without BigInt (RFC 9669 section 4.1). */

const TWO32 = 4294967296;

/** Quotient (lo, hi) and remainder (lo, hi) of a / b, unsigned, to out[at] to out[at + 3]; b is not 0. */
export function udivmod64(al: number, ah: number, bl: number, bh: number, out: Int32Array, at: number): void {
  if (bh === 0) return divByWord(al >>> 0, ah >>> 0, bl >>> 0, out, at);
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
  out[at] = q;
  out[at + 1] = 0;
  out[at + 2] = rl;
  out[at + 3] = rh;
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
export function sdivmod64(al: number, ah: number, bl: number, bh: number, out: Int32Array, at: number): void {
  const negA = ah < 0;
  const negB = bh < 0;
  const l = negA ? -al | 0 : al;
  const h = negA ? (al === 0 ? -ah | 0 : ~ah) : ah;
  const m = negB ? -bl | 0 : bl;
  const n = negB ? (bl === 0 ? -bh | 0 : ~bh) : bh;
  udivmod64(l, h, m, n, out, at);
  if (negA !== negB) negate(out, at);
  if (negA) negate(out, at + 2);
}

function negate(x: Int32Array, at: number): void {
  const lo = x[at];
  x[at + 1] = lo === 0 ? -x[at + 1] : ~x[at + 1];
  x[at] = -lo;
}
