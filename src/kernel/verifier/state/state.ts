/** One point of the exploration: frames of registers and stack, references, locks (struct bpf_verifier_state, struct bpf_func_state). */
import { ROW } from './row.ts';

export const MAX_REGS = 11;
export const MAX_SLOTS = 64;
/** Words of a frame at which its slots are found: word `spi` of these is the base word of stack slot `spi`. */
const SLOT_MAP = MAX_REGS * ROW;
const FIRST_SLOT = SLOT_MAP + MAX_SLOTS;
/** Words of a working frame: 11 registers, the map of slots, then 64 slots; slot i covers bytes fp-8(i+1) to fp-8i-1. */
export const FRAME_WORDS = FIRST_SLOT + MAX_SLOTS * ROW;

/** Base word of register `regno` in a frame's rows. */
export const regRow = (regno: number): number => regno * ROW;
/** Base word of stack slot `spi` in the rows of a working frame. */
export const slotRow = (spi: number): number => FIRST_SLOT + spi * ROW;
/** Base word of stack slot `spi` in the rows of any frame, also a stored one, where slots of plain bytes of one kind share a row. */
export const slotAt = (rows: Int32Array, spi: number): number => rows[SLOT_MAP + spi];

/** Empties the rows of a frame: working ones have the map of slots as well. */
export function clearFrame(rows: Int32Array): void {
  rows.fill(0);
  if (rows.length === FRAME_WORDS) for (let spi = 0; spi < MAX_SLOTS; spi++) rows[SLOT_MAP + spi] = slotRow(spi);
}

/** Kinds of acquired references (enum ref_state_type). */
export const REF_TYPE_PTR = 1;
export const REF_TYPE_IRQ = 2;
export const REF_TYPE_LOCK = 4;
export const REF_TYPE_RES_LOCK = 8;
export const REF_TYPE_RES_LOCK_IRQ = 16;

/** An acquired reference or held lock; immutable, so that states share it. */
export interface Ref {
  readonly type: number;
  readonly id: number;
  readonly insnIdx: number;
  /** For locks: map uid or BTF index that the lock lives in; 0 otherwise. */
  readonly ptr: number;
}

/** One frame of the simulated call stack. */
export class FuncState {
  /** FRAME_WORDS words while the state is worked on; a stored copy is packed (state/pack.ts). */
  rows: Int32Array;
  /** Bytes of stack touched so far, multiple of 8. */
  allocatedStack = 0;
  /** Instruction of the call that made this frame, -1 for main. */
  callsite = -1;
  frameno = 0;
  subprogno = 0;
  asyncEntryCnt = 0;
  callbackDepth = 0;
  inCallbackFn = false;
  inAsyncCallbackFn = false;
  inExceptionCallbackFn = false;
  /** Range that r0 must have when a callback returns. */
  callbackRetMin = 0;
  callbackRetMax = 0;

  constructor(rows: Int32Array) {
    this.rows = rows;
  }

  /** Copies everything but the rows. */
  copyMeta(o: FuncState): void {
    this.allocatedStack = o.allocatedStack;
    this.callsite = o.callsite;
    this.frameno = o.frameno;
    this.subprogno = o.subprogno;
    this.asyncEntryCnt = o.asyncEntryCnt;
    this.callbackDepth = o.callbackDepth;
    this.inCallbackFn = o.inCallbackFn;
    this.inAsyncCallbackFn = o.inAsyncCallbackFn;
    this.inExceptionCallbackFn = o.inExceptionCallbackFn;
    this.callbackRetMin = o.callbackRetMin;
    this.callbackRetMax = o.callbackRetMax;
  }
}

const NO_REFS: readonly Ref[] = [];

/** A verifier state. The current one has working frames; explored and pending ones have compact copies. */
export class VerifierState {
  frames: FuncState[] = [];
  curframe = 0;
  /** The frame being executed, frames[curframe] (cur_func). */
  frame!: FuncState;
  /** Acquired references in order of acquisition; replaced, never mutated. */
  refs: readonly Ref[] = NO_REFS;
  activeLocks = 0;
  activePreemptLocks = 0;
  activeIrqId = 0;
  activeRcuLocks = 0;
  activeLockId = 0;
  activeLockPtr = 0;
  speculative = false;
  inSleepable = false;
  cleaned = false;
  parent: VerifierState | undefined = undefined;
  /** Unfinished paths below this state. */
  branches = 0;
  insnIdx = 0;
  firstInsnIdx = 0;
  lastInsnIdx = 0;
  /** Its last history record (explore/history.ts), and how many there are; a checkpoint starts anew. */
  history = 0;
  historyLength = 0;
  dfsDepth = 0;
  callbackUnrollDepth = 0;
  mayGotoDepth = 0;
  // As an explored state: how often it spared a walk and how often not; `evicted`: out of its list already, kept only while
  // paths below it are unfinished; and the one that was remembered before it.
  hits = 0;
  misses = 0;
  evicted = false;
  older: VerifierState | undefined = undefined;
  /** States this one was found equal to while in a loop; precision is propagated along it. */
  equalState: VerifierState | undefined = undefined;
}
