/** A counter of what happens in the world: there is a sample whenever a period is full. */
import { type Restore, type Saved, saveAll } from '../../mem/saved.ts';
import { type Attachment, HookPoint } from '../hook-point.ts';
import type { WorldTime } from '../time/time.ts';
import type { Counter } from './counter.ts';

export class EventCounter implements Counter, Saved {
  readonly period: bigint;
  readonly #time: WorldTime;
  readonly #begin: bigint;
  readonly #closed: () => void;
  readonly #hooks = new HookPoint<bigint>({ idle: undefined });
  #count = 0n;
  /** Counted since the last sample. */
  #since = 0n;

  constructor(time: WorldTime, period: bigint, closed: () => void) {
    this.#time = time;
    this.period = period;
    this.#begin = time.now();
    this.#closed = closed;
  }

  add(count: bigint, address: bigint): void {
    this.#count += count;
    if (this.period === 0n) return;
    this.#since += count;
    while (this.#since >= this.period) {
      this.#since -= this.period;
      this.#hooks.run(address);
    }
  }

  read(): { readonly count: bigint; readonly time: bigint } {
    return { count: this.#count, time: this.#time.now() - this.#begin };
  }

  attach(sample: (address: bigint) => void): Attachment {
    return this.#hooks.attach(sample);
  }

  close(): void {
    this.#closed();
  }

  save(): Restore {
    const count = this.#count;
    const since = this.#since;
    const hooks = saveAll([this.#hooks]);
    return () => {
      this.#count = count;
      this.#since = since;
      hooks();
    };
  }
}
