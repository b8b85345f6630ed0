/** Times of pcapng: 64-bit counts of a unit that each interface names (if_tsresol), split into seconds and nanoseconds. */

export interface TimeUnit {
  /** Units in a second. */
  readonly perSecond: number;
  /** Seconds to add (if_tsoffset). */
  readonly offset: number;
}

export const MICROSECONDS: TimeUnit = { perSecond: 1e6, offset: 0 };

/** if_tsresol: a negative power of 10, or of 2 with the upper bit. */
export const timeUnit = (resolution: number): TimeUnit => ({
  perSecond: resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** (resolution & 0x7f),
  offset: 0,
});

/** Up to here a remainder times 2^16 stays exact. */
const EXACT = 2 ** 37;

/** Splits a count given as two 32-bit halves. Units beyond 2^37 a second are cut to what doubles can say. */
export function splitTime(high: number, low: number, unit: TimeUnit): { seconds: number; nanoseconds: number } {
  const { perSecond, offset } = unit;
  if (perSecond > EXACT) {
    const total = (high * 2 ** 32 + low) / perSecond;
    const whole = Math.floor(total);
    return { seconds: whole + offset, nanoseconds: Math.min(999_999_999, Math.floor((total - whole) * 1e9)) };
  }
  // Long division, 16 bits at a time.
  let quotient = Math.floor(high / perSecond);
  let rest = high % perSecond;
  for (const digit of [low >>> 16, low & 0xffff]) {
    const step = rest * 65536 + digit;
    quotient = quotient * 65536 + Math.floor(step / perSecond);
    rest = step % perSecond;
  }
  const nanoseconds = perSecond <= 1e9 ? Math.floor((rest * 1e9) / perSecond) : Math.floor(rest / (perSecond / 1e9));
  return { seconds: quotient + offset, nanoseconds };
}
