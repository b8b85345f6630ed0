/** Views of a verification for debuggers and proofs: states as they are walked. */

/** One function on the call stack of a state. */
export interface FrameView {
  readonly subprogno: number;
  /** Instruction that called it, -1 for the outermost. */
  readonly callsite: number;
  /** Bytes of stack touched so far, a multiple of 8. */
  readonly allocatedStack: number;
  /** Registers and slots, in the layout of state/row.ts; `regRow` and `slotAt` of state/state.ts find them. */
  readonly rows: Int32Array;
}

/** A state of the walk. It lives as long as the verification, which goes on changing it: take from it what is to be kept. */
export interface StateView {
  /** Instruction in front of which it was remembered. */
  readonly insnIdx: number;
  /** Only a mispredicting processor gets here. */
  readonly speculative: boolean;
  /** Position of the innermost frame; what lies behind it in `frames` is left over. */
  readonly curframe: number;
  /** The outermost first. */
  readonly frames: readonly FrameView[];
}

/** One walk, in front of an instruction. */
export interface WalkView {
  /** The current state. */
  readonly state: StateView;
  /** By instruction: a bit for each register that is still read. */
  readonly liveRegs: Uint16Array;
  /** A register of a frame of the current state, as the log prints it. */
  text(frame: FrameView, regno: number): string;
  /** Drops from a remembered state what nobody reads any more, as comparing states does. */
  clean(state: StateView): void;
}

/** Ways to make verification stricter, slower or observable; none makes it more permissive. */
export interface VerifierTesting {
  /** Finished states cover nothing: every path is walked to its end. */
  readonly noPruning?: boolean;
  /** Asked where a state may be remembered: true when it must be. */
  readonly randomCheckpoints?: () => boolean;
  /** A state is remembered at every instruction. */
  readonly everyInsn?: boolean;
  /** Scalars are compared as if all of them mattered, and unread registers and slots are not forgotten. */
  readonly allPrecise?: boolean;
  /** Decided branches and unreachable code stay in the accepted program. */
  readonly asWritten?: boolean;
  /** Called before each instruction. */
  readonly onState?: (walk: WalkView, insnIdx: number) => void;
  /** Called when a path that was put aside after so many instructions is taken up. */
  readonly onResumed?: (step: number) => void;
  /** Called for each state that is remembered. Later only its precision marks change. */
  readonly onCheckpoint?: (state: StateView) => void;
  /** Called for remembered states that can no longer change; those that last to the end are not told. */
  readonly onForgotten?: (state: StateView) => void;
  /** Called when the main program, or a global function, was walked to its end. */
  readonly onWalked?: (walk: WalkView) => void;
}
