/** The jump history of a state: which way it came, and what its instructions touched (push_jmp_history). */
import type { VerifierEnv } from '../env.ts';
import type { HistoryEntry, VerifierState } from '../state/state.ts';

// Flags of a history entry: frame number and slot of a stack access, and which operands were stack pointers.
export const INSN_F_FRAMENO_MASK = 0x7;
export const INSN_F_SPI_SHIFT = 3;
export const INSN_F_SPI_MASK = 0x3f;
export const INSN_F_STACK_ACCESS = 1 << 9;
export const INSN_F_DST_REG_STACK = 1 << 10;
export const INSN_F_SRC_REG_STACK = 1 << 11;

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

/** Records the current instruction, or adds to its record. */
export function pushInsnHistory(env: VerifierEnv, flags: number, linkedRegs?: readonly number[]): void {
  const entry = env.curHistEntry;
  if (entry !== undefined) {
    entry.flags |= flags;
    if (linkedRegs !== undefined) entry.linkedRegs = linkedRegs;
    return;
  }
  const fresh: HistoryEntry = { idx: env.insnIdx, prevIdx: env.prevInsnIdx, flags, linkedRegs };
  env.state.jmpHistory.push(fresh);
  env.curHistEntry = fresh;
}

/** get_jmp_hist_entry(): the record of instruction `idx` when it is the last of the first `end`. */
export function historyEntryAt(state: VerifierState, end: number, idx: number): HistoryEntry | undefined {
  const entry = end > 0 ? state.jmpHistory[end - 1] : undefined;
  return entry !== undefined && entry.idx === idx ? entry : undefined;
}
