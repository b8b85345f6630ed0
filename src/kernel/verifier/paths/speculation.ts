/** Paths that a mispredicting processor would take; walked when the program may not leak (sanitize_speculative_path). */
import { BPF_X, bpfSrc } from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';
import { markRegUnknown } from '../state/regs.ts';
import { type VerifierState, regRow } from '../state/state.ts';
import { pushStack } from './worklist.ts';

/**
 * Puts aside the path at `nextIdx` as a speculative one. `branch`: the jump at `idx` was mispredicted, so nothing is known
 * of its operands there.
 */
export function sanitizeSpeculativePath(env: VerifierEnv, nextIdx: number, idx: number, branch = true): VerifierState {
  const state = pushStack(env, nextIdx, idx, true);
  if (branch) {
    const { rows } = state.frame;
    markRegUnknown(env, rows, regRow(env.insns.dst[idx]));
    if (bpfSrc(env.insns.code[idx]) === BPF_X) markRegUnknown(env, rows, regRow(env.insns.src[idx]));
  }
  return state;
}
