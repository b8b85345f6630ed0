/** Bounds of the stack: what a frame may hold, and how it grows (check_stack_access_within_bounds). */
import { MAX_BPF_STACK } from '../../../isa/opcodes.ts';
import { BPF_MAX_VAR_OFF } from '../../rules/limits.ts';
import { STACK } from '../diag/catalogue/stack.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { formatTnum } from '../state/format.ts';
import { FRAMENO, VALUE_HI, VALUE_LO, s64ToNumber, smaxOf, sminOf, varOffConst } from '../state/row.ts';
import { type FuncState, regRow } from '../state/state.ts';
import type { Access } from './access.ts';

/** func(): the frame that a stack pointer points into. */
export const frameOf = (env: VerifierEnv, rows: Int32Array, r: number): FuncState =>
  env.state.frames[rows[r + FRAMENO]];

/** The access must lie in the frame; the frame grows to it. */
export function checkWithinBounds(env: VerifierEnv, { regno, off, size, write }: Access): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const frame = frameOf(env, rows, r);
  const isConst = varOffConst(rows, r);
  const dir = write ? 'write to' : 'read from';
  let min: number;
  let max: number;
  if (isConst) {
    min = s64ToNumber(rows[r + VALUE_LO], rows[r + VALUE_HI]) + off;
    max = min + size;
  } else {
    if (smaxOf(rows, r) >= BPF_MAX_VAR_OFF || sminOf(rows, r) <= -BPF_MAX_VAR_OFF)
      reject(env, STACK.UNBOUNDED, dir, regno);
    min = sminOf(rows, r) + off;
    max = smaxOf(rows, r) + off + size;
  }
  const lowest = write || env.allowUninitStack ? -MAX_BPF_STACK : -frame.allocatedStack;
  if (min < lowest || min > -1) {
    if (isConst) reject(env, STACK.OUT_OF_BOUNDS, dir, regno, String(min), size);
    reject(env, STACK.VAR_OUT_OF_BOUNDS, dir, regno, formatTnum(rows, r), off, size);
  }
  if (max > 0) {
    if (isConst) reject(env, STACK.ABOVE_FRAME, dir, regno, String(min), size);
    reject(env, STACK.VAR_ABOVE_FRAME, dir, regno, formatTnum(rows, r), off, size);
  }
  growStack(env, frame, -min);
}

/** grow_stack_state: rows beyond the allocated ones are empty already. */
function growStack(env: VerifierEnv, frame: FuncState, size: number): void {
  const rounded = (size + 7) & ~7;
  if (rounded > frame.allocatedStack) frame.allocatedStack = rounded;
  const subprog = env.subprogs[frame.subprogno];
  if (rounded > subprog.stackDepth) subprog.stackDepth = rounded;
}
