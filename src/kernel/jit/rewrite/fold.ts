/** Arithmetic on constants at translation time, on halves: the binary operators that never trap, and negation. */
import {
  BPF_ADD,
  BPF_AND,
  BPF_ARSH,
  BPF_LSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
} from '../../../isa/opcodes.ts';

/** A 64-bit number as its halves, the low one first. */
export type Halves = readonly [lo: number, hi: number];

/** `a op b`; the upper half of a 32-bit result is zero. */
export function foldAlu(op: number, [aLo, aHi]: Halves, [bLo, bHi]: Halves, wide: boolean): Halves {
  if (!wide) return [fold32(op, aLo, bLo), 0];
  switch (op) {
    case BPF_ADD:
      return add64(aLo, aHi, bLo, bHi);
    case BPF_SUB:
      return add64(aLo, aHi, ...negate64(bLo, bHi));
    case BPF_NEG:
      return negate64(aLo, aHi);
    case BPF_MUL:
      return mul64(aLo, aHi, bLo, bHi);
    case BPF_OR:
      return [aLo | bLo, aHi | bHi];
    case BPF_AND:
      return [aLo & bLo, aHi & bHi];
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH:
      return shift64(op, aLo, aHi, bLo & 63);
    default:
      return [aLo ^ bLo, aHi ^ bHi];
  }
}

function fold32(op: number, a: number, b: number): number {
  switch (op) {
    case BPF_ADD:
      return (a + b) | 0;
    case BPF_SUB:
      return (a - b) | 0;
    case BPF_NEG:
      return -a | 0;
    case BPF_MUL:
      return Math.imul(a, b);
    case BPF_OR:
      return a | b;
    case BPF_AND:
      return a & b;
    case BPF_LSH:
      return a << b;
    case BPF_RSH:
      return (a >>> b) | 0;
    case BPF_ARSH:
      return a >> b;
    default:
      return a ^ b;
  }
}

function add64(aLo: number, aHi: number, bLo: number, bHi: number): [number, number] {
  const lo = (aLo + bLo) | 0;
  return [lo, (aHi + bHi + (lo >>> 0 < aLo >>> 0 ? 1 : 0)) | 0];
}

function negate64(lo: number, hi: number): [number, number] {
  return [-lo | 0, (~hi + (lo === 0 ? 1 : 0)) | 0];
}

function mul64(aLo: number, aHi: number, bLo: number, bHi: number): [number, number] {
  const a0 = aLo & 0xffff;
  const a1 = aLo >>> 16;
  const b0 = bLo & 0xffff;
  const b1 = bLo >>> 16;
  const mid = a1 * b0 + ((a0 * b0) >>> 16);
  const mid2 = (mid & 0xffff) + a0 * b1;
  const carry = a1 * b1 + Math.floor(mid / 65536) + Math.floor(mid2 / 65536);
  return [Math.imul(aLo, bLo), (carry + Math.imul(aLo, bHi) + Math.imul(aHi, bLo)) | 0];
}

function shift64(op: number, lo: number, hi: number, by: number): [number, number] {
  if (by === 0) return [lo, hi];
  if (op === BPF_LSH) return by >= 32 ? [0, lo << (by - 32)] : [lo << by, (hi << by) | (lo >>> (32 - by))];
  if (op === BPF_RSH) {
    return by >= 32 ? [(hi >>> (by - 32)) | 0, 0] : [(lo >>> by) | (hi << (32 - by)), (hi >>> by) | 0];
  }
  return by >= 32 ? [hi >> (by - 32), hi >> 31] : [(lo >>> by) | (hi << (32 - by)), hi >> by];
}
