/** Arithmetic on scalars: bounds and known bits of `dst op src` (adjust_scalar_min_max_vals of Linux 6.18). */
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
  BPF_XOR,
} from '../../../isa/opcodes.ts';
import { zext32To64 } from './cast.ts';
import { Scalar } from './scalar.ts';
import { scalarArsh, scalarLsh, scalarRsh } from './shift.ts';
import { regBoundsSync, updateBounds } from './sync.ts';
import { tnumAdd, tnumAnd, tnumMul, tnumOr, tnumSub, tnumXor } from './tnum.ts';
import { type Product, slt64, smul64, ult32, ult64, umax32, umin32, umul64, umulHi32 } from './word.ts';

const S32_MIN = -0x80000000;
const S32_MAX = 0x7fffffff;

/** Minuend of a negation. */
const negated = new Scalar();
/** The four corner products of a signed multiplication, hi/lo. */
const corners = new Int32Array(8);
const product: Product = { lo: 0, hi: 0 };

const inS32 = (x: number): boolean => x === (x | 0);

function add32(d: Scalar, s: Scalar): void {
  const smin = d.s32min + s.s32min;
  const smax = d.s32max + s.s32max;
  const fits = inS32(smin) && inS32(smax);
  d.s32min = fits ? smin : S32_MIN;
  d.s32max = fits ? smax : S32_MAX;
  const umin = (d.u32min >>> 0) + (s.u32min >>> 0);
  const umax = (d.u32max >>> 0) + (s.u32max >>> 0);
  // When both ends wrap, the range in between wraps whole; when only the upper one does, it is torn.
  const torn = umin <= 0xffffffff && umax > 0xffffffff;
  d.u32min = torn ? 0 : umin | 0;
  d.u32max = torn ? -1 : umax | 0;
}

function add64(d: Scalar, s: Scalar): void {
  const sminLo = (d.sminLo + s.sminLo) | 0;
  const sminHi = (d.sminHi + s.sminHi + (sminLo >>> 0 < d.sminLo >>> 0 ? 1 : 0)) | 0;
  const smaxLo = (d.smaxLo + s.smaxLo) | 0;
  const smaxHi = (d.smaxHi + s.smaxHi + (smaxLo >>> 0 < d.smaxLo >>> 0 ? 1 : 0)) | 0;
  // Signed overflow: both operands have the sign that the sum lacks.
  if ((((d.sminHi ^ sminHi) & (s.sminHi ^ sminHi)) | ((d.smaxHi ^ smaxHi) & (s.smaxHi ^ smaxHi))) < 0) {
    d.sminLo = 0;
    d.sminHi = S32_MIN;
    d.smaxLo = -1;
    d.smaxHi = S32_MAX;
  } else {
    d.sminLo = sminLo;
    d.sminHi = sminHi;
    d.smaxLo = smaxLo;
    d.smaxHi = smaxHi;
  }
  const uminLo = (d.uminLo + s.uminLo) | 0;
  const uminHi = (d.uminHi + s.uminHi + (uminLo >>> 0 < d.uminLo >>> 0 ? 1 : 0)) | 0;
  const umaxLo = (d.umaxLo + s.umaxLo) | 0;
  const umaxHi = (d.umaxHi + s.umaxHi + (umaxLo >>> 0 < d.umaxLo >>> 0 ? 1 : 0)) | 0;
  if (!ult64(uminLo, uminHi, d.uminLo, d.uminHi) && ult64(umaxLo, umaxHi, d.umaxLo, d.umaxHi)) {
    d.uminLo = d.uminHi = 0;
    d.umaxLo = d.umaxHi = -1;
  } else {
    d.uminLo = uminLo;
    d.uminHi = uminHi;
    d.umaxLo = umaxLo;
    d.umaxHi = umaxHi;
  }
}

function sub32(d: Scalar, s: Scalar): void {
  const smin = d.s32min - s.s32max;
  const smax = d.s32max - s.s32min;
  const fits = inS32(smin) && inS32(smax);
  d.s32min = fits ? smin : S32_MIN;
  d.s32max = fits ? smax : S32_MAX;
  const umin = (d.u32min >>> 0) - (s.u32max >>> 0);
  const umax = (d.u32max >>> 0) - (s.u32min >>> 0);
  const torn = umin < 0 && umax >= 0;
  d.u32min = torn ? 0 : umin | 0;
  d.u32max = torn ? -1 : umax | 0;
}

function sub64(d: Scalar, s: Scalar): void {
  const sminLo = (d.sminLo - s.smaxLo) | 0;
  const sminHi = (d.sminHi - s.smaxHi - (d.sminLo >>> 0 < s.smaxLo >>> 0 ? 1 : 0)) | 0;
  const smaxLo = (d.smaxLo - s.sminLo) | 0;
  const smaxHi = (d.smaxHi - s.sminHi - (d.smaxLo >>> 0 < s.sminLo >>> 0 ? 1 : 0)) | 0;
  // Signed overflow: the operands differ in sign and the result has not the minuend's.
  if ((((d.sminHi ^ s.smaxHi) & (d.sminHi ^ sminHi)) | ((d.smaxHi ^ s.sminHi) & (d.smaxHi ^ smaxHi))) < 0) {
    d.sminLo = 0;
    d.sminHi = S32_MIN;
    d.smaxLo = -1;
    d.smaxHi = S32_MAX;
  } else {
    d.sminLo = sminLo;
    d.sminHi = sminHi;
    d.smaxLo = smaxLo;
    d.smaxHi = smaxHi;
  }
  const minBorrows = ult64(d.uminLo, d.uminHi, s.umaxLo, s.umaxHi);
  const maxBorrows = ult64(d.umaxLo, d.umaxHi, s.uminLo, s.uminHi);
  if (minBorrows && !maxBorrows) {
    d.uminLo = d.uminHi = 0;
    d.umaxLo = d.umaxHi = -1;
    return;
  }
  const uminLo = (d.uminLo - s.umaxLo) | 0;
  d.uminHi = (d.uminHi - s.umaxHi - (d.uminLo >>> 0 < s.umaxLo >>> 0 ? 1 : 0)) | 0;
  d.uminLo = uminLo;
  const umaxLo = (d.umaxLo - s.uminLo) | 0;
  d.umaxHi = (d.umaxHi - s.uminHi - (d.umaxLo >>> 0 < s.uminLo >>> 0 ? 1 : 0)) | 0;
  d.umaxLo = umaxLo;
}

/** Whether the signed 32-bit product leaves its range; exact, as any such product is below 2^63 and only near 2^31 matters. */
const mulLeavesS32 = (a: number, b: number): boolean => !inS32(a * b);

function mul32(d: Scalar, s: Scalar): void {
  if (umulHi32(d.u32max, s.u32max) !== 0 || umulHi32(d.u32min, s.u32min) !== 0) {
    d.u32min = 0;
    d.u32max = -1;
  } else {
    d.u32min = Math.imul(d.u32min, s.u32min);
    d.u32max = Math.imul(d.u32max, s.u32max);
  }
  if (
    mulLeavesS32(d.s32min, s.s32min) ||
    mulLeavesS32(d.s32min, s.s32max) ||
    mulLeavesS32(d.s32max, s.s32min) ||
    mulLeavesS32(d.s32max, s.s32max)
  ) {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
    return;
  }
  const a = Math.imul(d.s32min, s.s32min);
  const b = Math.imul(d.s32min, s.s32max);
  const c = Math.imul(d.s32max, s.s32min);
  const e = Math.imul(d.s32max, s.s32max);
  d.s32min = Math.min(a, b, c, e);
  d.s32max = Math.max(a, b, c, e);
}

function mul64(d: Scalar, s: Scalar): void {
  let lost = umul64(d.umaxLo, d.umaxHi, s.umaxLo, s.umaxHi, product);
  const umaxLo = product.lo;
  const umaxHi = product.hi;
  lost = umul64(d.uminLo, d.uminHi, s.uminLo, s.uminHi, product) || lost;
  if (lost) {
    d.uminLo = d.uminHi = 0;
    d.umaxLo = d.umaxHi = -1;
  } else {
    d.uminLo = product.lo;
    d.uminHi = product.hi;
    d.umaxLo = umaxLo;
    d.umaxHi = umaxHi;
  }
  if (!signedCorners(d, s, product, corners)) {
    d.sminLo = 0;
    d.sminHi = S32_MIN;
    d.smaxLo = -1;
    d.smaxHi = S32_MAX;
    return;
  }
  let min = 0;
  let max = 0;
  for (let i = 2; i < 8; i += 2) {
    if (slt64(corners[i], corners[i + 1], corners[min], corners[min + 1])) min = i;
    if (slt64(corners[max], corners[max + 1], corners[i], corners[i + 1])) max = i;
  }
  d.sminLo = corners[min];
  d.sminHi = corners[min + 1];
  d.smaxLo = corners[max];
  d.smaxHi = corners[max + 1];
}

/** The four products of signed bounds into `out`; false when one overflows. */
function signedCorners(d: Scalar, s: Scalar, corner: Product, out: Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    const low = i < 2;
    const even = (i & 1) === 0;
    const overflow = smul64(
      low ? d.sminLo : d.smaxLo,
      low ? d.sminHi : d.smaxHi,
      even ? s.sminLo : s.smaxLo,
      even ? s.sminHi : s.smaxHi,
      corner,
    );
    if (overflow) return false;
    out[i * 2] = corner.lo;
    out[i * 2 + 1] = corner.hi;
  }
  return true;
}

/** Bitwise results are non-negative as signed numbers only while the unsigned range keeps one sign. */
function signedFromUnsigned32(d: Scalar): void {
  const whole = d.u32min <= d.u32max;
  d.s32min = whole ? d.u32min : S32_MIN;
  d.s32max = whole ? d.u32max : S32_MAX;
}

function signedFromUnsigned64(d: Scalar): void {
  const whole = !slt64(d.umaxLo, d.umaxHi, d.uminLo, d.uminHi);
  d.sminLo = whole ? d.uminLo : 0;
  d.sminHi = whole ? d.uminHi : S32_MIN;
  d.smaxLo = whole ? d.umaxLo : -1;
  d.smaxHi = whole ? d.umaxHi : S32_MAX;
}

/** AND, OR, XOR; the tnum of `d` is already the result's. */
function bitwise(op: number, d: Scalar, s: Scalar): void {
  if (s.maskLo === 0 && d.maskLo === 0) {
    d.u32min = d.u32max = d.s32min = d.s32max = d.valLo;
  } else {
    d.u32min = op === BPF_OR ? umax32(d.u32min, s.u32min) : d.valLo;
    d.u32max = op === BPF_AND ? umin32(d.u32max, s.u32max) : d.valLo | d.maskLo;
    signedFromUnsigned32(d);
  }
  if (s.isConst() && d.isConst()) {
    d.setConst(d.valLo, d.valHi);
    return;
  }
  if (op !== BPF_OR) {
    d.uminLo = d.valLo;
    d.uminHi = d.valHi;
  } else if (ult64(d.uminLo, d.uminHi, s.uminLo, s.uminHi)) {
    d.uminLo = s.uminLo;
    d.uminHi = s.uminHi;
  }
  if (op !== BPF_AND) {
    d.umaxLo = d.valLo | d.maskLo;
    d.umaxHi = d.valHi | d.maskHi;
  } else if (ult64(s.umaxLo, s.umaxHi, d.umaxLo, d.umaxHi)) {
    d.umaxLo = s.umaxLo;
    d.umaxHi = s.umaxHi;
  }
  signedFromUnsigned64(d);
  updateBounds(d);
}

/** Whether the kernel computes this operation at all; division never, shifts by known amounts in range (is_safe_to_compute_dst_reg_range). */
export function safeForAlu(op: number, src: Scalar, is64: boolean): boolean {
  switch (op) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
    case BPF_NEG:
      return true;
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH:
      if (src.umaxHi !== 0 || !ult32(src.umaxLo, is64 ? 64 : 32)) return false;
      if (!is64) return src.maskLo === 0 && src.s32min === src.s32max && src.u32min === src.u32max;
      return (
        src.isConst() &&
        ((src.sminLo ^ src.smaxLo) |
          (src.sminHi ^ src.smaxHi) |
          (src.uminLo ^ src.umaxLo) |
          (src.uminHi ^ src.umaxHi)) ===
          0
      );
    default:
      return false;
  }
}

/**
 * dst = dst op src on abstract values, synced; BPF_NEG ignores src. The operands must be two objects.
 * Returns false when the kernel gives up, dst being unknown then.
 */
export function scalarAlu(op: number, dst: Scalar, src: Scalar, is64: boolean): boolean {
  if (!safeForAlu(op, src, is64)) {
    dst.setUnknown();
    return false;
  }
  switch (op) {
    case BPF_ADD:
      add32(dst, src);
      add64(dst, src);
      tnumAdd(dst, src);
      break;
    case BPF_SUB:
      sub32(dst, src);
      sub64(dst, src);
      tnumSub(dst, src);
      break;
    case BPF_NEG:
      negated.copyFrom(dst);
      dst.setConst(0, 0);
      sub32(dst, negated);
      sub64(dst, negated);
      tnumSub(dst, negated);
      break;
    case BPF_MUL:
      tnumMul(dst, src);
      mul32(dst, src);
      mul64(dst, src);
      break;
    case BPF_AND:
      tnumAnd(dst, src);
      bitwise(op, dst, src);
      break;
    case BPF_OR:
      tnumOr(dst, src);
      bitwise(op, dst, src);
      break;
    case BPF_XOR:
      tnumXor(dst, src);
      bitwise(op, dst, src);
      break;
    case BPF_LSH:
      scalarLsh(dst, src.uminLo, is64);
      break;
    case BPF_RSH:
      scalarRsh(dst, src.uminLo, is64);
      break;
    default:
      scalarArsh(dst, src.uminLo, is64);
  }
  if (!is64) zext32To64(dst);
  regBoundsSync(dst);
  return true;
}
