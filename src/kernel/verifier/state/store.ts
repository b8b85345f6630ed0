/** Copies of states: packed for what waits or was explored, full frames for what is worked on (copy_verifier_state). */
import { BARE_WORDS, Packer, unpack } from './pack.ts';
import { ROW_SHIFT } from './row.ts';
import { FRAME_WORDS, FuncState, VerifierState, clearFrame } from './state.ts';

const NO_FRAMES: FuncState[] = [];
/** Words of the first slab; each further one is twice as large until the limit. */
const FIRST_SLAB = 1 << 14;
const LARGEST_SLAB = 1 << 20;

/** Memory of states in one verification: blocks are cut from slabs and reused by size, because making a typed array costs ten copies. */
export class StateStore {
  #blocks: Int32Array[][] = [];
  #frames: FuncState[] = [];
  /** The slabs, how many of them are in use, and how many words of the last of these. */
  #slabs: Int32Array[] = [];
  #open = 0;
  #slab: Int32Array = new Int32Array(0);
  #used = 0;
  readonly #packer = new Packer();
  /** Nothing is taken back: somebody looks at states after the verification. */
  keep = false;

  /** A state whose frames can be worked on; frames beyond the first appear when functions are entered. */
  newWorkingState(): VerifierState {
    const state = new VerifierState();
    state.frame = this.workingFrame();
    state.frames.push(state.frame);
    return state;
  }

  workingFrame(): FuncState {
    const given = this.#frames.pop();
    if (given !== undefined) return given;
    const rows = new Int32Array(FRAME_WORDS);
    clearFrame(rows);
    return new FuncState(rows);
  }

  /** Gives back the frame of a function that returned. */
  dropWorkingFrame(frame: FuncState): void {
    this.#frames.push(frame);
  }

  /** The frame of a function that a stored state enters. */
  storedFrame(): FuncState {
    return new FuncState(this.#block(BARE_WORDS));
  }

  /** A packed copy of `src`, to be explored later or compared with. */
  save(src: VerifierState): VerifierState {
    const dst = new VerifierState();
    copyMeta(dst, src);
    for (let i = 0; i <= src.curframe; i++) {
      const from = src.frames[i];
      const to = new FuncState(this.#block(this.#packer.plan(from)));
      to.copyMeta(from);
      this.#packer.pack(from, to.rows);
      dst.frames.push(to);
    }
    dst.frame = dst.frames[dst.curframe];
    return dst;
  }

  /** Makes `dst` (a working state) equal to `src` (a stored one). */
  restore(dst: VerifierState, src: VerifierState): void {
    copyMeta(dst, src);
    while (dst.frames.length <= src.curframe) dst.frames.push(this.workingFrame());
    while (dst.frames.length > src.curframe + 1) this.#frames.push(dst.frames.pop() as FuncState);
    for (let i = 0; i <= src.curframe; i++) {
      const to = dst.frames[i];
      unpack(to.rows, src.frames[i], to.allocatedStack >> 3);
      to.copyMeta(src.frames[i]);
    }
    dst.frame = dst.frames[dst.curframe];
  }

  /** Takes back the memory of a stored state. */
  free(state: VerifierState): void {
    if (this.keep) return;
    for (const { rows } of state.frames) (this.#blocks[rows.length >> ROW_SHIFT] ??= []).push(rows);
    state.frames = NO_FRAMES;
    state.parent = undefined;
  }

  /** Takes back the memory of all stored states. */
  freeAll(): void {
    if (this.keep) this.#slabs = [];
    this.#blocks = [];
    this.#open = this.#used = 0;
    this.#slab = new Int32Array(0);
  }

  #block(words: number): Int32Array {
    const given = this.#blocks[words >> ROW_SHIFT]?.pop();
    if (given !== undefined) return given;
    if (this.#used + words > this.#slab.length) {
      const size = Math.min(Math.max(FIRST_SLAB, this.#slab.length * 2), LARGEST_SLAB);
      this.#slab = this.#slabs[this.#open++] ??= new Int32Array(size);
      this.#used = 0;
    }
    this.#used += words;
    return this.#slab.subarray(this.#used - words, this.#used);
  }
}

function copyMeta(dst: VerifierState, src: VerifierState): void {
  dst.curframe = src.curframe;
  dst.refs = src.refs;
  dst.activeLocks = src.activeLocks;
  dst.activePreemptLocks = src.activePreemptLocks;
  dst.activeIrqId = src.activeIrqId;
  dst.activeRcuLocks = src.activeRcuLocks;
  dst.activeLockId = src.activeLockId;
  dst.activeLockPtr = src.activeLockPtr;
  dst.speculative = src.speculative;
  dst.inSleepable = src.inSleepable;
  dst.cleaned = src.cleaned;
  dst.parent = src.parent;
  dst.branches = src.branches;
  dst.insnIdx = src.insnIdx;
  dst.firstInsnIdx = src.firstInsnIdx;
  dst.lastInsnIdx = src.lastInsnIdx;
  dst.history = src.history;
  dst.historyLength = src.historyLength;
  dst.dfsDepth = src.dfsDepth;
  dst.callbackUnrollDepth = src.callbackUnrollDepth;
  dst.mayGotoDepth = src.mayGotoDepth;
  dst.equalState = src.equalState;
}
