/** Clocks that go in ticks: the coarse clock and jiffies, made of nanoseconds since boot. */

const TWO_32 = 0x1_0000_0000;
/** CONFIG_HZ of Debian's and most other x86_64 kernels. */
export const HZ = 250;
const TICK_NS = 1e9 / HZ;
/** jiffies_64 starts five minutes before its low half wraps. */
const INITIAL_JIFFIES = (-300 * HZ) >>> 0;

/** Turns a time into that of the tick before it. */
export function toLastTick(time: Int32Array): void {
  const lo = time[0] >>> 0;
  const hi = time[1] >>> 0;
  const since = ((((hi % TICK_NS) * (TWO_32 % TICK_NS)) % TICK_NS) + lo) % TICK_NS;
  time[0] = lo - since;
  time[1] = lo >= since ? hi : hi - 1;
}

/** Turns a time into jiffies_64. */
export function toJiffies(time: Int32Array): void {
  // Whole ticks first: nanoseconds beyond 2^53 are no exact number.
  toLastTick(time);
  const ns = (time[1] >>> 0) * TWO_32 + (time[0] >>> 0);
  const jiffies = INITIAL_JIFFIES + Math.round(ns / TICK_NS);
  time[0] = jiffies % TWO_32;
  time[1] = Math.floor(jiffies / TWO_32);
}
