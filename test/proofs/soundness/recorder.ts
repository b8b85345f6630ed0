/** What a verification saw at each instruction, kept for comparison with runs. */
import type { StateView, VerifierTesting, WalkView } from '../../../src/kernel/verifier/observe.ts';
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
  readonly #unfinished = new Set<StateView>();
  /** Those that may not, until the path is done whose end finished them. */
  #finished: StateView[] = [];

  constructor(readonly mode: Mode) {
    this.beliefs = new Beliefs(mode);
  }

  /** Nothing was left out for want of memory. */
  get complete(): boolean {
    return this.beliefs.words <= MOST_WORDS;
  }

  get testing(): VerifierTesting {
    if (this.mode === 'exact') {
      return { asWritten: true, allPrecise: true, onState: (walk, idx) => this.#add(walk, idx, walk.state) };
    }
    return {
      asWritten: true,
      everyInsn: true,
      onCheckpoint: (state) => void this.#unfinished.add(state),
      onForgotten: (state) => void this.#finished.push(state),
      onState: (walk) => this.#addFinished(walk),
      onWalked: (walk) => {
        this.#addFinished(walk);
        this.#finished = [...this.#unfinished];
        this.#addFinished(walk);
      },
    };
  }

  #addFinished(walk: WalkView): void {
    if (this.#finished.length === 0) return;
    for (const state of this.#finished) {
      // What nobody reads any more was not compared either.
      walk.clean(state);
      this.#add(walk, state.insnIdx, state);
      this.#unfinished.delete(state);
    }
    this.#finished = [];
  }

  #add(walk: WalkView, idx: number, state: StateView): void {
    if (this.complete && !state.speculative) this.beliefs.add(idx, state, walk.liveRegs);
  }

  /** '' when some state at the instruction holds the machine's, else why not. */
  fault(idx: number, w: World): string {
    return this.beliefs.fault(idx, w);
  }
}
