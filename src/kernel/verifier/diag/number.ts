/** 64-bit numbers of rows as text, for messages only (%lld, %llu). */

/** `hi:lo` plus a small number, as the kernel prints a signed one. */
export const s64Text = (lo: number, hi: number, plus = 0): string =>
  BigInt.asIntN(64, (BigInt(hi) << 32n) + BigInt(lo >>> 0) + BigInt(plus)).toString();

/** The same, unsigned. */
export const u64Text = (lo: number, hi: number): string => ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
