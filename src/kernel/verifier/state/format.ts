/** Numbers, tnums and ranges as the kernel's log writes them. */
import {
  MASK_HI,
  MASK_LO,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from './row.ts';

/** `%#llx`. */
export const hex64 = (lo: number, hi: number): string =>
  hi === 0 ? `0x${(lo >>> 0).toString(16)}` : `0x${(hi >>> 0).toString(16)}${(lo >>> 0).toString(16).padStart(8, '0')}`;

/** verbose_unum(): decimal up to 65535. */
export const unum = (lo: number, hi: number): string =>
  hi === 0 && lo >>> 0 <= 0xffff ? String(lo >>> 0) : hex64(lo, hi);

/** verbose_snum(): decimal within 16 signed bits. */
export const snum = (lo: number, hi: number): string =>
  hi === lo >> 31 && lo >= -0x8000 && lo <= 0x7fff ? String(lo) : hex64(lo, hi);

/** A signed 64-bit word plus a small number, in decimal (`%lld`). */
export const s64Text = (lo: number, hi: number, plus = 0): string =>
  hi === lo >> 31
    ? String(lo + plus)
    : BigInt.asIntN(64, (BigInt(hi) << 32n) + BigInt(lo >>> 0) + BigInt(plus)).toString();

/** An unsigned 64-bit word in decimal (`%llu`). */
export const u64Text = (lo: number, hi: number): string =>
  hi === 0 ? String(lo >>> 0) : ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();

/** tnum_strn(). */
export const formatTnum = (rows: Int32Array, r: number): string => {
  const [lo, hi] = [rows[r + VALUE_LO], rows[r + VALUE_HI]];
  if ((rows[r + MASK_LO] | rows[r + MASK_HI]) !== 0)
    return `(${hex64(lo, hi)}; ${hex64(rows[r + MASK_LO], rows[r + MASK_HI])})`;
  return unum(lo, hi);
};

interface Bound {
  readonly name: string;
  readonly lo: number;
  readonly hi: number;
  readonly signed: boolean;
  omit: boolean;
}

/** Small 32-bit bounds are shown signed, others as unsigned words. */
const bound32 = (name: string, v: number, omit: boolean): Bound => {
  const small = v >= -0x8000 && v <= 0x7fff;
  return { name, lo: v, hi: small ? v >> 31 : 0, signed: true, omit };
};

/** print_scalar_ranges(): the bounds that say something, equal ones together. */
export function formatRanges(rows: Int32Array, r: number): string[] {
  const sminLo = rows[r + SMIN_LO];
  const smaxLo = rows[r + SMAX_LO];
  const sminHi = rows[r + SMIN_HI];
  const smaxHi = rows[r + SMAX_HI];
  const bounds: Bound[] = [
    { name: 'smin', lo: sminLo, hi: sminHi, signed: true, omit: sminLo === 0 && sminHi === -0x80000000 },
    { name: 'smax', lo: smaxLo, hi: smaxHi, signed: true, omit: smaxLo === -1 && smaxHi === 0x7fffffff },
    {
      name: 'umin',
      lo: rows[r + UMIN_LO],
      hi: rows[r + UMIN_HI],
      signed: false,
      omit: (rows[r + UMIN_LO] | rows[r + UMIN_HI]) === 0,
    },
    {
      name: 'umax',
      lo: rows[r + UMAX_LO],
      hi: rows[r + UMAX_HI],
      signed: false,
      omit: (rows[r + UMAX_LO] & rows[r + UMAX_HI]) === -1,
    },
    bound32('smin32', rows[r + S32_MIN], rows[r + S32_MIN] === -0x80000000),
    bound32('smax32', rows[r + S32_MAX], rows[r + S32_MAX] === 0x7fffffff),
    { name: 'umin32', lo: rows[r + U32_MIN], hi: 0, signed: false, omit: rows[r + U32_MIN] === 0 },
    { name: 'umax32', lo: rows[r + U32_MAX], hi: 0, signed: false, omit: rows[r + U32_MAX] === -1 },
  ];
  const out: string[] = [];
  for (let i = 0; i < bounds.length; i++) {
    const first = bounds[i];
    if (first.omit) continue;
    let names = `${first.name}=`;
    for (let j = i + 2; j < bounds.length; j += 2) {
      const other = bounds[j];
      if (other.omit || other.lo !== first.lo || other.hi !== first.hi) continue;
      // Negative numbers are not mixed with large positive ones.
      if ((other.signed && other.hi < 0) !== (first.signed && first.hi < 0)) continue;
      other.omit = true;
      names += `${other.name}=`;
    }
    out.push(names + (first.signed ? snum(first.lo, first.hi) : unum(first.lo, first.hi)));
  }
  return out;
}
