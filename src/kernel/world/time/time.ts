/** The guest's time: one clock, and the events that are to happen by it. Nothing else of the guest reads a clock. */
import { NotSimulated } from '../../../util/errors.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import {
  type Clock,
  type ClockPorts,
  highHalf,
  hostClock,
  hostWakeAfter,
  joinHalves,
  lowHalf,
  VirtualClock,
  type VirtualClockOptions,
} from './clock.ts';
import { EventQueue, isEarlier, TimeEvent } from './event-queue.ts';
import { Pump } from './pump.ts';
import { toJiffies, toLastTick } from './ticks.ts';

/** Which clock a runtime has: the host's, or one that only {@link WorldTime.advance} moves. */
export type ClockOption = 'host' | 'virtual' | VirtualClockOptions;

export interface TimeOptions {
  readonly clock?: ClockOption | undefined;
  readonly ports: ClockPorts;
  /** CPUs that events can be put on. */
  readonly cpus: number;
  /** Where a virtual clock keeps its time: two words of the guest's memory, asked for once. Default: words of its own. */
  readonly words?: () => Uint32Array;
  /** Called before each event: throws when the call in progress has taken too long. */
  readonly poll?: () => void;
}

/** KTIME_MAX: what lies beyond never happens. */
const KTIME_MAX_HI = 0x7fff_ffff;
const KTIME_MAX_LO = 0xffff_ffff;
const TWO_32 = 0x1_0000_0000;

const ownWords = (): Uint32Array => new Uint32Array(2);

/** The time of one runtime. */
export class WorldTime implements Saved {
  /** What helpers read. */
  readonly clock: Clock;
  readonly #virtual: VirtualClock | undefined;
  readonly #queues: readonly EventQueue[];
  readonly #poll: () => void;
  readonly #pump: Pump | undefined;
  /** Whether an event happens now. */
  #happening = false;
  #seq = 0;
  readonly #read = new Int32Array(2);

  constructor({ clock = 'host', ports, cpus, words = ownWords, poll = () => undefined }: TimeOptions) {
    this.#virtual = clock === 'host' ? undefined : new VirtualClock(words(), clock === 'virtual' ? {} : clock);
    this.clock = this.#virtual ?? hostClock(ports);
    this.#queues = Array.from({ length: cpus }, () => new EventQueue());
    this.#poll = poll;
    this.#pump = this.#virtual === undefined ? new Pump(this, ports.wakeAfter ?? hostWakeAfter) : undefined;
  }

  /** Whether only {@link advance} moves the clock. */
  get virtual(): boolean {
    return this.#virtual !== undefined;
  }

  /** CLOCK_MONOTONIC: nanoseconds since boot (bpf_ktime_get_ns). */
  now(): bigint {
    this.clock.monotonic(this.#read);
    return this.#joined();
  }

  /** {@link now} as unsigned halves. */
  halves(): readonly [lo: number, hi: number] {
    this.clock.monotonic(this.#read);
    return [this.#read[0] >>> 0, this.#read[1] >>> 0];
  }

  /** CLOCK_BOOTTIME: there is no suspend here, so the same as {@link now} (bpf_ktime_get_boot_ns). */
  boot(): bigint {
    return this.now();
  }

  /** CLOCK_TAI; its offset to CLOCK_REALTIME is 0, as on a machine without a time daemon (bpf_ktime_get_tai_ns). */
  tai(): bigint {
    this.clock.realtime(this.#read);
    return this.#joined();
  }

  /** CLOCK_MONOTONIC_COARSE: {@link now} as of the last tick (bpf_ktime_get_coarse_ns). */
  coarse(): bigint {
    this.clock.monotonic(this.#read);
    toLastTick(this.#read);
    return this.#joined();
  }

  /** Ticks, as the kernel counts them from five minutes before the low half wraps (bpf_jiffies64). */
  jiffies(): bigint {
    this.clock.monotonic(this.#read);
    toJiffies(this.#read);
    return this.#joined();
  }

  #joined(): bigint {
    return joinHalves(this.#read[0], this.#read[1]);
  }

  /**
   * Has `run` called at a time, as an interrupt of a CPU. Events of the same time happen in the order of these calls. What an
   * event asks for at its own time or before happens a nanosecond after it: no code runs in no time.
   * @param when nanoseconds since boot; a time that has passed is as soon as possible
   */
  at(when: bigint, cpu: number, run: () => void): TimeEvent {
    if (when < 0n) throw new RangeError(`a time of ${when} ns is before boot`);
    const late = when >= 1n << 63n;
    return this.schedule(late ? KTIME_MAX_LO : lowHalf(when), late ? KTIME_MAX_HI : highHalf(when), cpu, run);
  }

  /** {@link at} with the time in halves. */
  schedule(lo: number, hi: number, cpu: number, run: () => void): TimeEvent {
    const queue = this.#queues[cpu];
    if (queue === undefined) throw new RangeError(`there is no CPU ${cpu} for an event`);
    const place = { ...this.#earliest(lo >>> 0, hi >>> 0), seq: this.#seq++, cpu };
    const event = new TimeEvent(queue, place, run);
    queue.push(event);
    this.#pump?.arm();
    return event;
  }

  #earliest(lo: number, hi: number): { readonly lo: number; readonly hi: number } {
    if (!this.#happening) return { lo, hi };
    const [nowLo, nowHi] = this.halves();
    if (hi > nowHi || (hi === nowHi && lo > nowLo)) return { lo, hi };
    return nowLo + 1 < TWO_32 ? { lo: nowLo + 1, hi: nowHi } : { lo: 0, hi: nowHi + 1 };
  }

  /** Events that are still to happen. */
  get pending(): number {
    let n = 0;
    for (const queue of this.#queues) n += queue.size;
    return n;
  }

  /** The event that happens next. */
  get next(): TimeEvent | undefined {
    let best: TimeEvent | undefined;
    for (const { first } of this.#queues)
      if (first !== undefined && (best === undefined || isEarlier(first, best))) best = first;
    return best;
  }

  /**
   * Lets time pass: all events that become due happen in order, each at its own time, and what they ask for within that time too.
   * An error of an event ends it: the clock stays at that event's time, and what is left happens at the next call.
   * @param ns of a virtual clock; the host's clock goes by itself, and 0 runs what is due
   * @returns how many events happened
   */
  advance(ns: bigint | number): number {
    const span = BigInt(ns);
    if (span < 0n) throw new RangeError('time does not go backwards');
    if (this.#virtual === undefined && span > 0n)
      throw new RangeError("the host's clock goes by itself: give the runtime a virtual clock to advance it");
    const until = this.now() + span;
    if (until >> 63n !== 0n) throw new RangeError('that is beyond the end of time (2^63 ns after boot)');
    return this.#runUntil(lowHalf(until), highHalf(until));
  }

  #runUntil(lo: number, hi: number): number {
    if (this.#happening) throw new RangeError('time cannot be advanced by an event');
    let happened = 0;
    for (let event = this.next; event !== undefined; event = this.next) {
      if (event.hi > hi || (event.hi === hi && event.lo > lo)) break;
      this.#poll();
      this.#happen(event);
      happened++;
    }
    this.#virtual?.set(lo, hi);
    return happened;
  }

  #happen(event: TimeEvent): void {
    event.cancel();
    this.#moveTo(event);
    this.#happening = true;
    try {
      event.run();
    } finally {
      this.#happening = false;
    }
  }

  /** The virtual clock shows the event's time, unless that had passed when it was asked for. */
  #moveTo(event: TimeEvent): void {
    if (this.#virtual === undefined) return;
    const now = this.#read;
    this.#virtual.monotonic(now);
    const hi = now[1] >>> 0;
    if (event.hi > hi || (event.hi === hi && event.lo > now[0] >>> 0)) this.#virtual.set(event.lo, event.hi);
  }

  /** All events; a virtual clock lies in the memory. The host's clock cannot be turned back. */
  save(): Restore {
    if (this.#virtual === undefined)
      throw new NotSimulated('a snapshot', "the host's clock cannot be turned back: give the runtime a virtual clock");
    const seq = this.#seq;
    const queues = this.#queues.map((queue) => queue.save());
    return () => {
      this.#seq = seq;
      for (const restore of queues) restore();
    };
  }

  /** The runtime's end: nothing happens any more. */
  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue.clear();
    this.#pump?.[Symbol.dispose]();
  }
}
