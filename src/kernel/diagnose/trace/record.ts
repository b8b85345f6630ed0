/** The path that led to a rejection: each step of the walk, and every register and stack slot that it changed. */
import type { VerifierTesting } from '../../verifier/observe.ts';
import { OFF, PRECISE, SUBREG_DEF, TYPE, USED } from '../../verifier/state/row.ts';
import { MAX_REGS, MAX_SLOTS, type Ref, regRow, slotRow } from '../../verifier/state/state.ts';
import type { VerifierEnv } from '../../verifier/env.ts';

/** Places of a frame: its registers, then its slots. */
const PLACES = 16 + MAX_SLOTS;
/** A register or stack slot of a frame, as one number. */
export type Place = number;
export const regPlace = (frame: number, regno: number): Place => frame * PLACES + regno;
export const slotPlace = (frame: number, spi: number): Place => frame * PLACES + 16 + spi;
export const frameOf = (place: Place): number => Math.trunc(place / PLACES);
/** The register of a place, -1 for slots. */
export const regnoOf = (place: Place): number => (place % PLACES < 16 ? place % PLACES : -1);
/** The slot of a place, -1 for registers. */
export const spiOf = (place: Place): number => (place % PLACES < 16 ? -1 : (place % PLACES) - 16);

/** Paths longer than this lose their beginning. */
const MOST_STEPS = 200_000;

/** What a place held, from one step on. */
interface History {
  /** Steps in front of which a change was seen. */
  readonly steps: number[];
  readonly rows: Int32Array[];
}

/** What the walk held in front of an instruction, registers aside. */
export interface Held {
  readonly refs: readonly Ref[];
  readonly locks: number;
  readonly rcu: number;
  readonly preempt: number;
  readonly irq: number;
}

const NOTHING_HELD: Held = { refs: [], locks: 0, rcu: 0, preempt: 0, irq: 0 };

/** The path that is being walked. Step 0 is its first instruction; what is told of a step is told of the state in front of it. */
export class Recorder {
  /** By step: the instruction, its frame, and how many instructions the whole walk had taken. */
  readonly insns: number[] = [];
  readonly frames: number[] = [];
  readonly walked: number[] = [];
  readonly held: Held[] = [];
  /** By instruction: how often the whole walk came by, all paths and roots together. */
  readonly visits: number[] = [];
  readonly #places: (History | undefined)[] = [];
  /** Stands for what is not there. */
  readonly #absent = new Int32Array(USED);
  #pass = 0;
  /** Frames of the state before, so that those that were left are emptied. */
  #depth = 0;

  /** The same since recording began: what was on other paths is not on this one. */
  readonly recent: number[] = [];

  /** `from`: instructions of the whole walk that are counted only, before the path is recorded. */
  constructor(readonly from: number) {}

  /** What the verifier calls while it walks. */
  watch(env: () => VerifierEnv): VerifierTesting {
    return { onState: () => this.#step(env()), onResumed: (step) => this.#backTo(step) };
  }

  /** The path that was put aside after `walked` instructions goes on from there. */
  #backTo(walked: number): void {
    let n = this.insns.length;
    while (n > 0 && this.walked[n - 1] > walked) n--;
    if (n === this.insns.length) return;
    this.insns.length = this.frames.length = this.walked.length = this.held.length = n;
    for (const history of this.#places) {
      if (history === undefined) continue;
      let left = history.steps.length;
      while (left > 0 && history.steps[left - 1] >= n) left--;
      history.steps.length = history.rows.length = left;
    }
    this.#depth = Number.POSITIVE_INFINITY;
  }

  #step(env: VerifierEnv): void {
    // Each root is a walk of its own.
    if (this.insns.length >= MOST_STEPS || env.passCnt !== this.#pass) this.#forget();
    this.#pass = env.passCnt;
    this.visits[env.insnIdx] = (this.visits[env.insnIdx] ?? 0) + 1;
    if (env.insnProcessed < this.from) return;
    this.recent[env.insnIdx] = (this.recent[env.insnIdx] ?? 0) + 1;
    const { state } = env;
    const at = this.insns.push(env.insnIdx) - 1;
    this.frames.push(state.curframe);
    this.walked.push(env.insnProcessed);
    this.held.push(this.#hold(at, state));
    for (let fr = 0; fr <= state.curframe; fr++) {
      const { rows, allocatedStack } = state.frames[fr];
      for (let i = 0; i < MAX_REGS; i++) this.#see(at, regPlace(fr, i), rows, regRow(i));
      for (let i = 0; i < allocatedStack >> 3; i++) this.#see(at, slotPlace(fr, i), rows, slotRow(i));
    }
    const last = Math.min(this.#depth, Math.trunc(this.#places.length / PLACES));
    for (let fr = state.curframe + 1; fr <= last; fr++) this.#leave(at, fr);
    this.#depth = state.curframe;
  }

  #hold(at: number, state: VerifierEnv['state']): Held {
    const before = at === 0 ? NOTHING_HELD : this.held[at - 1];
    const { refs, activeLocks: locks, activeRcuLocks: rcu, activePreemptLocks: preempt, activeIrqId: irq } = state;
    const same = before.locks === locks && before.rcu === rcu && before.preempt === preempt && before.irq === irq;
    return same && before.refs === refs ? before : { refs, locks, rcu, preempt, irq };
  }

  /** Nothing is left of a frame that was returned from: the next one begins empty. */
  #leave(at: number, frame: number): void {
    for (let place = frame * PLACES; place < (frame + 1) * PLACES; place++) {
      const history = this.#places[place];
      if (history !== undefined && history.rows.at(-1) !== this.#absent) push(history, at, this.#absent);
    }
  }

  #see(at: number, place: Place, rows: Int32Array, r: number): void {
    const known = this.#places[place];
    const last = known?.rows.at(-1) ?? this.#absent;
    if (sameRow(last, rows, r)) return;
    push(known ?? (this.#places[place] = { steps: [], rows: [] }), at, rows.slice(r, r + USED));
  }

  #forget(): void {
    this.insns.length = this.frames.length = this.walked.length = this.held.length = 0;
    this.#places.length = 0;
  }

  /** The steps at which a place changed, oldest first. */
  changes(place: Place): readonly number[] {
    return this.#places[place]?.steps ?? [];
  }

  /** What a place held in front of a step; all zero when it was not there. */
  row(step: number, place: Place): Int32Array {
    const history = this.#places[place];
    if (history === undefined) return this.#absent;
    const i = lastAtOrBefore(history.steps, step);
    return i < 0 ? this.#absent : history.rows[i];
  }
}

function push(history: History, at: number, row: Int32Array): void {
  if (history.steps.at(-1) === at) history.rows[history.rows.length - 1] = row;
  else {
    history.steps.push(at);
    history.rows.push(row);
  }
}

/** Precision marks and what defined the low half say nothing about the value. */
function sameRow(a: Int32Array, rows: Int32Array, r: number): boolean {
  if (a[TYPE] !== rows[r + TYPE] || a[OFF] !== rows[r + OFF]) return false;
  for (let i = USED - 1; i > OFF; i--) if (a[i] !== rows[r + i] && i !== PRECISE && i !== SUBREG_DEF) return false;
  return true;
}

/** Index of the last step that is not after `step`, -1 without. */
export function lastAtOrBefore(steps: readonly number[], step: number): number {
  let lo = 0;
  let hi = steps.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (steps[mid] <= step) lo = mid + 1;
    else hi = mid;
  }
  return lo - 1;
}
