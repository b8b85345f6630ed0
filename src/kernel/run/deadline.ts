/** The time that one call may take: repeats, batches and all programs that it runs included. */
import { ProgramAbort } from '../../util/errors.ts';

/** Work between two looks at the clock grows while it takes less than this. */
const LOOK_MS = 1;

export class Deadline {
  /** Milliseconds; infinite when there is none. */
  readonly limitMs: number;
  readonly #stopwatch: () => number;
  /** When the call is over; 0 until the clock was first looked at. */
  #at = 0;

  constructor(limitMs: number, stopwatch: () => number) {
    this.limitMs = limitMs;
    this.#stopwatch = stopwatch;
  }

  get finite(): boolean {
    return this.limitMs < Number.POSITIVE_INFINITY;
  }

  /** A new call begins. The clock is read at its first {@link check}: calls without loops never pay for it. */
  reset(): void {
    this.#at = 0;
  }

  /** Throws ProgramAbort when the call has taken too long. */
  check(): void {
    if (this.finite) this.#look();
  }

  /** Milliseconds on the stopwatch. */
  #look(): number {
    const now = this.#stopwatch();
    if (this.#at === 0) this.#at = now + this.limitMs;
    else if (now > this.#at) throw new ProgramAbort('deadline', -1, `still running after ${this.limitMs} ms`);
    return now;
  }

  /**
   * Does `total` pieces of work, at most a millisecond's worth at a time where they are short, and looks at the clock in between.
   * @param work does `count` pieces, `from` first
   */
  pace(total: number, work: (from: number, count: number) => void): void {
    if (!this.finite) return work(0, total);
    let last = this.#look();
    for (let from = 0, step = 1; from < total; ) {
      const count = Math.min(step, total - from);
      work(from, count);
      from += count;
      if (from >= total) return;
      const now = this.#look();
      step = now - last < LOOK_MS ? step * 2 : Math.max(1, step >> 1);
      last = now;
    }
  }
}
