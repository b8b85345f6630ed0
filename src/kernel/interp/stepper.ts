/** A run of the interpreter in single steps: what a debugger sees of it. */

/** One function on the call stack. */
export interface CallFrame {
  /** Instruction of the original program where it stands: its call, or the one that comes next. */
  readonly at: number;
  /** Halves of r0 to r9, lo first. */
  readonly regs: ArrayLike<number>;
  /** First register that it still has: r0, or r6 in callers. */
  readonly from: number;
  /** Its r10. */
  readonly fp: number;
}

/** A run that stands in front of an instruction. */
export interface Stepper {
  /** Slot of the next instruction. */
  readonly pc: number;
  /** Instruction of the original program that the next one comes from. */
  readonly origin: number;
  /** Instructions executed so far. */
  readonly steps: number;
  /** The call stack, outermost function first. */
  readonly frames: readonly CallFrame[];
  /** A register of the innermost function as hi and lo halves. */
  reg(n: number): [hi: number, lo: number];
  /** Executes one instruction; true when the program has returned. */
  step(): boolean;
}
