/** Runs events of the host's clock when they are due: the host is asked to call back at the time of the next one. */
import { type ClockPorts, joinHalves } from './clock.ts';
import { isEarlier, type TimeEvent } from './event-queue.ts';
import type { WorldTime } from './time.ts';

const NS_PER_MS = 1_000_000n;
/** Longest that JavaScript hosts wait. */
const LONGEST_MS = 0x7fff_ffffn;

type Events = Pick<WorldTime, 'now' | 'next' | 'advance'>;

export class Pump {
  readonly #events: Events;
  readonly #wakeAfter: NonNullable<ClockPorts['wakeAfter']>;
  /** The event that the host was asked to wake us for, and what takes that back. */
  #awaited: TimeEvent | undefined;
  #cancel: (() => void) | undefined;

  constructor(events: Events, wakeAfter: NonNullable<ClockPorts['wakeAfter']>) {
    this.#events = events;
    this.#wakeAfter = wakeAfter;
  }

  /** An event was added. One that is cancelled costs a call of the host for nothing. */
  arm(): void {
    const { next } = this.#events;
    if (next === undefined) return;
    if (this.#awaited !== undefined && !isEarlier(next, this.#awaited)) return;
    this.#cancel?.();
    const left = joinHalves(next.lo, next.hi) - this.#events.now();
    const ms = left <= 0n ? 0n : (left + NS_PER_MS - 1n) / NS_PER_MS;
    this.#awaited = next;
    this.#cancel = this.#wakeAfter(Number(ms < LONGEST_MS ? ms : LONGEST_MS), () => this.#wake());
  }

  /** An error of an event goes to the host, as that of any of its callbacks; the events behind it happen all the same. */
  #wake(): void {
    this.#awaited = undefined;
    this.#cancel = undefined;
    try {
      this.#events.advance(0n);
    } finally {
      this.arm();
    }
  }

  /** Nothing is awaited any more. */
  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#awaited = undefined;
    this.#cancel = undefined;
  }
}
