/** Clocks of the guest: the host's, or a virtual one that stands still until it is advanced. Times are 32-bit halves in hot paths. */

const TWO_32 = 0x1_0000_0000;
const PER_TWO_32 = 1 / TWO_32;
const NS_PER_MS = 1e6;
const NS_PER_SECOND = 1e9;

/** Two clocks. Each writes nanoseconds to out[0] (low half) and out[1] (high half). */
export interface Clock {
  /** CLOCK_MONOTONIC: since boot. */
  readonly monotonic: (out: Int32Array) => void;
  /** CLOCK_REALTIME: since 1970. */
  readonly realtime: (out: Int32Array) => void;
}

/** What a host says of time. */
export interface ClockPorts {
  /** Nanoseconds since boot (CLOCK_MONOTONIC), as [lo, hi] 32-bit halves written to out[0], out[1]. */
  ktimeNs(out: Int32Array): void;
  /** Nanoseconds since 1970 as [lo, hi]; the clock of the JavaScript host by default. */
  realtimeNs?(out: Int32Array): void;
  /**
   * Calls `run` once, `ms` milliseconds later, unless the function that it returns was called before. Events of the host's clock
   * wait with it; the JavaScript host's timers by default, which keep no process of Node alive.
   */
  wakeAfter?(ms: number, run: () => void): () => void;
}

/** Time since this process or page began, by the JavaScript host. */
export function hostKtime(out: Int32Array): void {
  // A product and a difference: the remainder of doubles takes ten nanoseconds more.
  const ns = Math.floor(performance.now() * NS_PER_MS);
  const high = Math.floor(ns * PER_TWO_32);
  out[0] = ns - high * TWO_32;
  out[1] = high;
}

/** Milliseconds with a fraction, monotonic. Real time: for the runtime's own limits, not for the guest. */
export const hostStopwatch = (): number => performance.now();

/** The JavaScript host's time of day, whole milliseconds. */
function hostRealtime(out: Int32Array): void {
  const ms = Date.now();
  const seconds = Math.floor(ms / 1000);
  // Seconds in two parts of 16 bits: all products are exact.
  const upper = Math.floor(seconds / 65536) * NS_PER_SECOND;
  const carried = Math.floor(upper / 65536);
  const rest = (upper % 65536) * 65536 + (seconds % 65536) * NS_PER_SECOND + (ms % 1000) * NS_PER_MS;
  out[0] = rest % TWO_32;
  out[1] = carried + Math.floor(rest / TWO_32);
}

/** Waits with the JavaScript host's timers. */
export function hostWakeAfter(ms: number, run: () => void): () => void {
  const timer: unknown = setTimeout(run, ms);
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
  return () => clearTimeout(timer as number);
}

/** The host's clock. */
export function hostClock(ports: ClockPorts): Clock {
  return {
    monotonic: (out) => ports.ktimeNs(out),
    realtime: (out) => (ports.realtimeNs === undefined ? hostRealtime(out) : ports.realtimeNs(out)),
  };
}

/** Where a virtual clock starts. */
export interface VirtualClockOptions {
  /** Nanoseconds since boot. Default: one second. */
  readonly boot?: bigint;
  /** Nanoseconds since 1970 at the same moment. Default: 2025-01-01 00:00 UTC. */
  readonly realtime?: bigint;
}

const START_BOOT = 1_000_000_000n;
const START_REALTIME = 1_735_689_600_000_000_000n;

/** A clock that moves when it is set. Its time lies in two words of the guest's memory, where every CPU reads it. */
export class VirtualClock implements Clock {
  readonly #now: Uint32Array;
  /** Of the realtime clock to the monotonic one. */
  readonly #aheadLo: number;
  readonly #aheadHi: number;

  constructor(now: Uint32Array, { boot = START_BOOT, realtime = START_REALTIME }: VirtualClockOptions = {}) {
    this.#now = now;
    const ahead = realtime - boot;
    this.#aheadLo = lowHalf(ahead);
    this.#aheadHi = highHalf(ahead);
    this.set(lowHalf(boot), highHalf(boot));
  }

  /** Sets the nanoseconds since boot. */
  set(lo: number, hi: number): void {
    this.#now[0] = lo;
    this.#now[1] = hi;
  }

  readonly monotonic = (out: Int32Array): void => {
    out[0] = this.#now[0];
    out[1] = this.#now[1];
  };

  readonly realtime = (out: Int32Array): void => {
    const lo = this.#now[0] + this.#aheadLo;
    out[0] = lo;
    out[1] = this.#now[1] + this.#aheadHi + (lo >= TWO_32 ? 1 : 0);
  };
}

/** The unsigned halves of a 64-bit number, and the number of two halves. */
export const lowHalf = (ns: bigint): number => Number(BigInt.asUintN(32, ns));
export const highHalf = (ns: bigint): number => Number(BigInt.asUintN(32, ns >> 32n));
export const joinHalves = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
