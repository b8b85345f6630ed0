/** What is to happen at a time: a heap of events, the earliest first, and of the same time the one that was put in first. */

import type { Restore, Saved } from '../../mem/saved.ts';

/** When and where an event happens. */
export interface EventPlace {
  /** Nanoseconds since boot, unsigned halves. */
  readonly lo: number;
  readonly hi: number;
  /** Order among events of the same time, over all CPUs. */
  readonly seq: number;
  readonly cpu: number;
}

/** One event, as `world.time.at` gives it. */
export class TimeEvent implements EventPlace {
  readonly lo: number;
  readonly hi: number;
  readonly seq: number;
  readonly cpu: number;
  readonly run: () => void;
  readonly #queue: EventQueue;
  /** Where it stands in its queue; -1 when it is not in. The queue's own. */
  slot = -1;

  constructor(queue: EventQueue, { lo, hi, seq, cpu }: EventPlace, run: () => void) {
    this.#queue = queue;
    this.lo = lo;
    this.hi = hi;
    this.seq = seq;
    this.cpu = cpu;
    this.run = run;
  }

  /** Whether it is still to happen. */
  get pending(): boolean {
    return this.slot >= 0;
  }

  /** Sees to it that it does not happen; false when it has happened, happens now, or was cancelled. */
  cancel(): boolean {
    return this.#queue.remove(this);
  }
}

/** Whether `a` happens before `b`. */
export function isEarlier(a: TimeEvent, b: TimeEvent): boolean {
  if (a.hi !== b.hi) return a.hi < b.hi;
  if (a.lo !== b.lo) return a.lo < b.lo;
  return a.seq < b.seq;
}

/** Events of one CPU. */
export class EventQueue implements Saved {
  readonly #heap: TimeEvent[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest event, which stays. */
  get first(): TimeEvent | undefined {
    return this.#heap[0];
  }

  /** All events, in no order. */
  get events(): readonly TimeEvent[] {
    return this.#heap;
  }

  push(event: TimeEvent): void {
    event.slot = this.#heap.push(event) - 1;
    this.#up(event);
  }

  /** Takes an event out, wherever it stands; false when it is not in. */
  remove(event: TimeEvent): boolean {
    const { slot } = event;
    if (slot < 0 || this.#heap[slot] !== event) return false;
    event.slot = -1;
    const last = this.#heap.pop() as TimeEvent;
    if (last === event) return true;
    this.#put(last, slot);
    this.#up(last);
    this.#down(last);
    return true;
  }

  /** Takes all events out. */
  clear(): void {
    for (const event of this.#heap) event.slot = -1;
    this.#heap.length = 0;
  }

  /** All events; those of afterwards are not pending then. */
  save(): Restore {
    const events = this.#heap.slice();
    return () => {
      this.clear();
      for (const event of events) this.#put(event, this.#heap.length);
    };
  }

  #put(event: TimeEvent, slot: number): void {
    this.#heap[slot] = event;
    event.slot = slot;
  }

  #up(event: TimeEvent): void {
    let { slot } = event;
    while (slot > 0) {
      const parent = this.#heap[(slot - 1) >> 1];
      if (isEarlier(parent, event)) break;
      this.#put(parent, slot);
      slot = (slot - 1) >> 1;
    }
    this.#put(event, slot);
  }

  #down(event: TimeEvent): void {
    const heap = this.#heap;
    let { slot } = event;
    for (let child = slot * 2 + 1; child < heap.length; child = slot * 2 + 1) {
      if (child + 1 < heap.length && isEarlier(heap[child + 1], heap[child])) child++;
      if (isEarlier(event, heap[child])) break;
      this.#put(heap[child], slot);
      slot = child;
    }
    this.#put(event, slot);
  }
}
