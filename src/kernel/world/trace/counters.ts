/** What perf events count: clocks, what the kernel counts by itself, and hardware whose rate was declared. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import type { StructInput } from '../struct-fill.ts';
import { ClockCounter } from './clock-counter.ts';
import type { Counter } from './counter.ts';
import { EventCounter } from './event-counter.ts';
import type { WorldTime } from '../time/time.ts';

/** What is counted, and how often there is a sample: a number of events, or samples a second, or none with neither. */
export interface Counted {
  readonly what: string;
  readonly period: bigint;
  readonly frequency: bigint;
}

const SECOND = 1_000_000_000n;

export class Counters implements Saved {
  readonly #time: WorldTime;
  readonly #rates = new Map<string, bigint>();
  readonly #events = new Map<string, Set<EventCounter>>();
  /**
   * Registers of what a sample interrupts, by their names in struct pt_regs. The simulated CPU has no code of its own, so without this
   * they are zero.
   */
  interrupted: (() => { readonly [register: string]: StructInput }) | undefined;

  constructor(time: WorldTime) {
    this.#time = time;
  }

  /** There is a counter that grows with time, `perSecond` a second: `hardware:0` is cycles. Throws RangeError for less than one. */
  declare(what: string, perSecond: bigint | number): void {
    const rate = BigInt(perSecond);
    if (rate < 1n) throw new RangeError(`${what}: it grows by at least 1 a second, not by ${rate}`);
    this.#rates.set(what, rate);
  }

  /** Something that is counted happened `count` times; with the address that it was about. */
  count(what: string, count: bigint | number = 1, address = 0n): void {
    const n = BigInt(count);
    if (n < 0n) throw new RangeError(`${what}: it cannot happen ${n} times`);
    for (const counter of [...(this.#events.get(what) ?? [])]) counter.add(n, address);
  }

  /** A clock in nanoseconds, on a CPU. */
  clock(counted: Counted, cpu: number): Counter {
    return new ClockCounter(this.#time, { ...counted, rate: SECOND, cpu, least: LEAST_INTERVAL });
  }

  /** A declared counter, on a CPU; undefined when there is no such one. */
  declared(counted: Counted, cpu: number): Counter | undefined {
    const rate = this.#rates.get(counted.what);
    return rate === undefined ? undefined : new ClockCounter(this.#time, { ...counted, rate, cpu, least: 1n });
  }

  /** What {@link count} is told of. */
  event({ what, period }: Counted): Counter {
    const all = this.#events.get(what) ?? new Set();
    this.#events.set(what, all);
    const counter = new EventCounter(this.#time, period, () => all.delete(counter));
    all.add(counter);
    return counter;
  }

  save(): Restore {
    const rates = new Map(this.#rates);
    const events = [...this.#events].map(([what, all]) => [what, new Set(all)] as const);
    const restore = saveAll(events.flatMap(([, all]) => [...all]));
    return () => {
      this.#rates.clear();
      for (const [what, rate] of rates) this.#rates.set(what, rate);
      // Counters remove themselves from the very set that they were put in.
      for (const all of this.#events.values()) all.clear();
      for (const [what, all] of events) for (const counter of all) this.#events.get(what)?.add(counter);
      restore();
    };
  }
}

/** Nanoseconds between two samples of a clock, at least. */
const LEAST_INTERVAL = 10_000n;
