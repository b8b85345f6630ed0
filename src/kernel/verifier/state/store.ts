/** Copies of states: compact blocks for what waits or was explored, full frames for what is worked on (copy_verifier_state). */
import { ROW } from './row.ts';
import { FRAME_ROWS, FuncState, MAX_REGS, VerifierState } from './state.ts';

const NO_FRAMES: FuncState[] = [];

/** Memory of states in one verification: typed arrays are reused by size, because making one costs ten copies. */
export class StateStore {
  #blocks: Int32Array[][] = [];
  #frames: FuncState[] = [];
  /** Nothing is taken back: somebody looks at states after the verification. */
  keep = false;

  /** A state whose frames can be worked on; frames beyond the first appear when functions are entered. */
  newWorkingState(): VerifierState {
    const state = new VerifierState();
    state.frames.push(this.workingFrame());
    return state;
  }

  workingFrame(): FuncState {
    return this.#frames.pop() ?? new FuncState(new Int32Array(FRAME_ROWS * ROW));
  }

  /** Gives back the frame of a function that returned. */
  dropWorkingFrame(frame: FuncState): void {
    this.#frames.push(frame);
  }

  /** A compact copy of `src`, to be explored later or compared with. */
  save(src: VerifierState): VerifierState {
    const dst = new VerifierState();
    copyMeta(dst, src);
    for (let i = 0; i <= src.curframe; i++) {
      const from = src.frames[i];
      const to = new FuncState(this.#block(usedRows(from)));
      to.copyMeta(from);
      copyRows(to.rows, from.rows, usedRows(from));
      dst.frames.push(to);
    }
    return dst;
  }

  /** Makes `dst` (a working state) equal to `src` (a stored one). */
  restore(dst: VerifierState, src: VerifierState): void {
    copyMeta(dst, src);
    while (dst.frames.length <= src.curframe) dst.frames.push(this.workingFrame());
    while (dst.frames.length > src.curframe + 1) this.#frames.push(dst.frames.pop() as FuncState);
    for (let i = 0; i <= src.curframe; i++) {
      const to = dst.frames[i];
      const from = src.frames[i];
      const used = usedRows(from) * ROW;
      const before = usedRows(to) * ROW;
      to.copyMeta(from);
      to.rows.set(from.rows.length === used ? from.rows : from.rows.subarray(0, used));
      if (before > used) to.rows.fill(0, used, before);
    }
  }

  /** Takes back the memory of a stored state. */
  free(state: VerifierState): void {
    if (this.keep) return;
    for (const frame of state.frames) {
      const rows = frame.rows.length / ROW;
      (this.#blocks[rows] ??= []).push(frame.rows);
    }
    state.frames = NO_FRAMES;
    state.parent = undefined;
  }

  #block(rows: number): Int32Array {
    return this.#blocks[rows]?.pop() ?? new Int32Array(rows * ROW);
  }
}

/** Rows of a frame that mean anything: registers and allocated stack. */
export const usedRows = (frame: FuncState): number => MAX_REGS + (frame.allocatedStack >> 3);

function copyRows(dst: Int32Array, src: Int32Array, rows: number): void {
  const words = rows * ROW;
  dst.set(src.length === words ? src : src.subarray(0, words));
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
