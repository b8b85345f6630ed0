/** A scalar that is all zeros or all ones is split in two before a bitwise operation with a constant (maybe_fork_scalars). */
import { BPF_AND, BPF_OR } from '../../../isa/opcodes.ts';
import type { Scalar } from './scalar.ts';

/**
 * Width, 64 or 32, on which the walk splits `dst` before `dst op src`; 0 when it does not. One path then goes on with
 * {@link markKnownOn} of -1, and a pending one at the same instruction with 0. Compilers make such masks of conditions.
 */
export function forkWidth(op: number, dst: Scalar, src: Scalar): 0 | 32 | 64 {
  if ((op !== BPF_AND && op !== BPF_OR) || !src.isConst()) return 0;
  if ((dst.sminLo & dst.sminHi) === -1 && (dst.smaxLo | dst.smaxHi) === 0) return 64;
  return dst.s32min === -1 && dst.s32max === 0 ? 32 : 0;
}

/** __mark_reg_known, or __mark_reg32_known: the given width becomes `value` (0 or -1), the rest stays. */
export function markKnownOn(s: Scalar, width: 32 | 64, value: number): void {
  if (width === 64) {
    s.setConst(value, value >> 31);
    return;
  }
  s.valLo = s.u32min = s.u32max = s.s32min = s.s32max = value;
  s.maskLo = 0;
}
