/** What a verification saw at each instruction, kept for comparison with runs. */
import type { MapDesc } from '../../src/kernel/spec/map-desc.ts';
import type { VerifierEnv } from '../../src/kernel/verifier/env.ts';
import { cleanVerifierState } from '../../src/kernel/verifier/explore/clean.ts';
import type { VerifierTesting } from '../../src/kernel/verifier/result.ts';
import { StateStore } from '../../src/kernel/verifier/state/store.ts';
import type { VerifierState } from '../../src/kernel/verifier/state/state.ts';
import { frameFault, type Mode, type World } from './contains.ts';

/** States of one verification are kept up to this many; what is longer is not compared. */
export const MOST_STATES = 30_000;

/**
 * `exact`: every state that was walked, in a verification that compares all scalars. `precise`: every remembered state with the
 * marks it had in the end, remembered at every instruction.
 */
export class Recorder {
  readonly #states: VerifierState[][] = [];
  readonly #store = new StateStore();
  /** Those of the walk that goes on. */
  readonly #fresh: VerifierState[] = [];
  #count = 0;
  maps: readonly MapDesc[] = [];
  #live: Uint16Array = new Uint16Array(0);

  constructor(readonly mode: Mode) {}

  get complete(): boolean {
    return this.#count <= MOST_STATES;
  }

  get size(): number {
    return this.#count;
  }

  get testing(): VerifierTesting {
    if (this.mode === 'exact') {
      return {
        asWritten: true,
        allPrecise: true,
        onState: (env, idx) => this.#add(env, idx, this.complete ? this.#store.save(env.state) : undefined),
      };
    }
    return {
      asWritten: true,
      everyInsn: true,
      onCheckpoint: (env, state) => this.#add(env, state.insnIdx, state),
      // What nobody reads any more was not compared either.
      onWalked: (env) => {
        for (const state of this.#fresh.splice(0)) if (!state.cleaned) cleanVerifierState(env, state);
      },
    };
  }

  #add(env: VerifierEnv, idx: number, state: VerifierState | undefined): void {
    this.maps = env.maps;
    if (this.#count === 0) this.#live = env.aux.liveRegsBefore;
    if (++this.#count > MOST_STATES || state === undefined || env.state.speculative) return;
    (this.#states[idx] ??= []).push(state);
    this.#fresh.push(state);
  }

  /** '' when some state at the instruction holds the machine's, else why the last one does not. */
  fault(idx: number, w: World): string {
    const states = this.#states[idx];
    if (states === undefined) return 'never reached by the verifier';
    let why = 'no state with these frames';
    for (const state of states) {
      const shift = w.frames.length - state.curframe - 1;
      if (shift < 0 || (shift > 0 && state.frames[0].subprogno === 0)) continue;
      const found = stateFault(w, this.mode, state, shift, this.#live);
      if (found === '') return '';
      why = found;
    }
    return `${why}, in none of ${states.length} states`;
  }
}

function stateFault(w: World, mode: Mode, state: VerifierState, shift: number, live: Uint16Array): string {
  for (let i = state.curframe; i >= 0; i--) {
    const idx = i === state.curframe ? state.insnIdx : state.frames[i + 1].callsite;
    const found = frameFault(w, mode, state.frames[i], i + shift, shift, live[idx]);
    if (found !== '') return `frame ${i} ${found}`;
  }
  return '';
}
