/** The jump history of states: which way they came, and what their instructions touched (push_jmp_history). */
import type { VerifierEnv } from '../env.ts';

// Flags of a record: frame number and slot of a stack access, and which operands were stack pointers.
export const INSN_F_FRAMENO_MASK = 0x7;
export const INSN_F_SPI_SHIFT = 3;
export const INSN_F_SPI_MASK = 0x3f;
export const INSN_F_STACK_ACCESS = 1 << 9;
export const INSN_F_DST_REG_STACK = 1 << 10;
export const INSN_F_SRC_REG_STACK = 1 << 11;
/** The record names linked registers. */
export const INSN_F_LINKED = 1 << 12;

/** insn_stack_access_flags(). */
export const stackAccessFlags = (frameno: number, spi: number): number =>
  INSN_F_STACK_ACCESS | (spi << INSN_F_SPI_SHIFT) | frameno;
export const historySpi = (flags: number): number => (flags >> INSN_F_SPI_SHIFT) & INSN_F_SPI_MASK;
export const historyFrameno = (flags: number): number => flags & INSN_F_FRAMENO_MASK;

/** A linked register or slot in one number: frame | register or slot << 3 | is-register << 10. */
export const packLinked = (frameno: number, isReg: boolean, index: number): number =>
  frameno | (index << 3) | (isReg ? 1 << 10 : 0);
export const linkedFrame = (packed: number): number => packed & 7;
export const linkedIndex = (packed: number): number => (packed >> 3) & 0x3f;
export const linkedIsReg = (packed: number): boolean => (packed & (1 << 10)) !== 0;

// Words of a record (struct bpf_jmp_history_entry): the instruction, the one before it in program order or where the jump
// came from, INSN_F_* flags, the record before it in the same state (0: none), and the list of linked registers.
export const HIST_IDX = 0;
export const HIST_PREV_IDX = 1;
export const HIST_FLAGS = 2;
export const HIST_BEFORE = 3;
const HIST_LINKED = 4;
const RECORD = 5;

/**
 * All records of one verification. A state knows its last one, so that a copy of a state shares the history up to the point where
 * the ways part. Records are numbers, the place of their first word; 0 is none.
 */
export class History {
  words = new Int32Array(RECORD * 4096);
  #end = RECORD;
  readonly #linked: (readonly number[])[] = [];

  /** A record after `before`. */
  push(before: number, idx: number, prevIdx: number): number {
    const at = this.#end;
    if (at + RECORD > this.words.length) this.#grow();
    const { words } = this;
    words[at + HIST_IDX] = idx;
    words[at + HIST_PREV_IDX] = prevIdx;
    words[at + HIST_FLAGS] = 0;
    words[at + HIST_BEFORE] = before;
    this.#end = at + RECORD;
    return at;
  }

  setLinked(record: number, regs: readonly number[]): void {
    this.words[record + HIST_FLAGS] |= INSN_F_LINKED;
    this.words[record + HIST_LINKED] = this.#linked.push(regs) - 1;
  }

  /** The registers and slots that a compare linked; only of records with INSN_F_LINKED. */
  linkedOf(record: number): readonly number[] {
    return this.#linked[this.words[record + HIST_LINKED]];
  }

  /** Forgets all records: no state is left that has any. */
  clear(): void {
    this.#end = RECORD;
    this.#linked.length = 0;
  }

  #grow(): void {
    const words = new Int32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
  }
}

/** Records the current instruction, or adds to its record. */
export function pushInsnHistory(env: VerifierEnv, flags: number): void {
  const { history, state } = env;
  if (env.curRecord === 0) {
    env.curRecord = state.history = history.push(state.history, env.insnIdx, env.prevInsnIdx);
    state.historyLength++;
  }
  history.words[env.curRecord + HIST_FLAGS] |= flags;
}

/** Records which registers and slots the current instruction's compare links. */
export function pushLinkedRegs(env: VerifierEnv, linked: readonly number[]): void {
  pushInsnHistory(env, 0);
  env.history.setLinked(env.curRecord, linked);
}
