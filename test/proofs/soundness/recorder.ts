/** What a verification saw at each instruction, kept for comparison with runs. */
import type { VerifierEnv } from '../../../src/kernel/verifier/env.ts';
import { cleanVerifierState } from '../../../src/kernel/verifier/explore/clean.ts';
import type { VerifierTesting } from '../../../src/kernel/verifier/result.ts';
import type { VerifierState } from '../../../src/kernel/verifier/state/state.ts';
import { Beliefs, type Mode } from './beliefs.ts';
import type { World } from './contains.ts';

/** Words that beliefs may take: half a gigabyte. */
const MOST_WORDS = 128 << 20;

/**
 * `exact`: every state that was walked, in a verification that compares all scalars. `precise`: every remembered state with the
 * marks it had in the end, remembered at every instruction.
 */
export class Recorder {
  readonly beliefs: Beliefs;
  /** Remembered states that may still get precision marks. */
  readonly #unfinished = new Set<VerifierState>();
  /** Those that may not, until the path is done whose end finished them. */
  #finished: VerifierState[] = [];

  constructor(readonly mode: Mode) {
    this.beliefs = new Beliefs(mode);
  }

  /** Nothing was left out for want of memory. */
  get complete(): boolean {
    return this.beliefs.words <= MOST_WORDS;
  }

  get testing(): VerifierTesting {
    if (this.mode === 'exact') {
      return { asWritten: true, allPrecise: true, onState: (env, idx) => this.#add(env, idx, env.state) };
    }
    return {
      asWritten: true,
      everyInsn: true,
      onCheckpoint: (_, state) => void this.#unfinished.add(state),
      onForgotten: (_, state) => void this.#finished.push(state),
      onState: (env) => this.#addFinished(env),
      onWalked: (env) => {
        this.#addFinished(env);
        this.#finished = [...this.#unfinished];
        this.#addFinished(env);
      },
    };
  }

  #addFinished(env: VerifierEnv): void {
    if (this.#finished.length === 0) return;
    for (const state of this.#finished) {
      // What nobody reads any more was not compared either.
      if (!state.cleaned) cleanVerifierState(env, state);
      this.#add(env, state.insnIdx, state);
      this.#unfinished.delete(state);
    }
    this.#finished = [];
  }

  #add(env: VerifierEnv, idx: number, state: VerifierState): void {
    if (this.complete && !state.speculative) this.beliefs.add(idx, state, env.aux.liveRegsBefore);
  }

  /** '' when some state at the instruction holds the machine's, else why not. */
  fault(idx: number, w: World): string {
    return this.beliefs.fault(idx, w);
  }
}
