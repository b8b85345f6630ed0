/** A counter that grows with time; its samples are events of the clock. */
import { type Restore, type Saved, saveAll } from '../../mem/saved.ts';
import { type Attachment, HookPoint } from '../hook-point.ts';
import type { TimeEvent } from '../time/event-queue.ts';
import type { WorldTime } from '../time/time.ts';
import type { Counter } from './counter.ts';

interface ClockCounted {
  /** Counted in a second. */
  readonly rate: bigint;
  readonly period: bigint;
  readonly frequency: bigint;
  readonly cpu: number;
  /** Nanoseconds between two samples, at least. */
  readonly least: bigint;
}

const SECOND = 1_000_000_000n;

export class ClockCounter implements Counter, Saved {
  readonly period: bigint;
  readonly #time: WorldTime;
  readonly #rate: bigint;
  readonly #cpu: number;
  /** Nanoseconds between two samples; 0 when there are none. */
  readonly #interval: bigint;
  readonly #begin: bigint;
  readonly #hooks = new HookPoint<bigint>({ idle: undefined });
  #next: TimeEvent | undefined;

  constructor(time: WorldTime, { rate, period, frequency, cpu, least }: ClockCounted) {
    this.#time = time;
    this.#rate = rate;
    this.#cpu = cpu;
    this.period = frequency > 0n ? atLeast(rate / frequency, 1n) : period;
    const interval = frequency > 0n ? SECOND / frequency : (period * SECOND) / rate;
    this.#interval = this.period === 0n ? 0n : atLeast(interval, least);
    this.#begin = time.now();
  }

  read(): { readonly count: bigint; readonly time: bigint } {
    const time = this.#time.now() - this.#begin;
    return { count: (time * this.#rate) / SECOND, time };
  }

  attach(sample: (address: bigint) => void): Attachment {
    const inner = this.#hooks.attach(sample);
    if (this.#next === undefined) this.#schedule();
    const idle = (): void => {
      if (this.#hooks.idle) this.close();
    };
    return {
      get attached() {
        return inner.attached;
      },
      detach() {
        const was = inner.detach();
        idle();
        return was;
      },
    };
  }

  /** The next one by the distance from the beginning: what was late, or not looked at, moves none of them. */
  #schedule(): void {
    if (this.#interval === 0n) return;
    const passed = (this.#time.now() - this.#begin) / this.#interval;
    const when = this.#begin + (passed + 1n) * this.#interval;
    this.#next = this.#time.at(when, this.#cpu, () => {
      this.#schedule();
      this.#hooks.run(0n);
    });
  }

  close(): void {
    this.#next?.cancel();
    this.#next = undefined;
  }

  save(): Restore {
    const next = this.#next;
    const hooks = saveAll([this.#hooks]);
    return () => {
      this.#next = next;
      hooks();
    };
  }
}

const atLeast = (value: bigint, least: bigint): bigint => (value < least ? least : value);
