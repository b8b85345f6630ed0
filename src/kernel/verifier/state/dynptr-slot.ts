/** The two stack slots of a dynptr when something else writes to them (destroy_if_dynptr_stack_slot, invalidate_dynptr). */
import { DYNPTR_TYPE_FILE, DYNPTR_TYPE_RINGBUF, PTR_MAYBE_NULL, PTR_TO_MEM } from '../../rules/reg-types.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { forEachReg } from './each.ts';
import { A, B, ID, SLOT_TYPES, STACK_DYNPTR, TYPE, slotType } from './row.ts';
import { markRegNotInit } from './regs.ts';
import { type FuncState, slotRow } from './state.ts';
import { markRegInvalid } from './regs.ts';
import { scratchSlot } from './stack-obj.ts';

/** dynptr_type_refcounted(): the dynptr holds a reference that must be released. */
export const isRefcountedDynptr = (type: number): boolean => type === DYNPTR_TYPE_RINGBUF || type === DYNPTR_TYPE_FILE;

/** invalidate_dynptr: the two slots hold nothing any more. */
export function invalidateDynptr(env: VerifierEnv, frame: FuncState, spi: number): void {
  for (const slot of [spi, spi - 1]) {
    markRegNotInit(env, frame.rows, slotRow(slot));
    frame.rows[slotRow(slot) + SLOT_TYPES] = 0;
    env.stackLiveness?.markWrite(frame.frameno, slot);
  }
}

/** destroy_if_dynptr_stack_slot: a write to slot `spi` ends the dynptr that it is part of, and the slices of it. */
export function destroyIfDynptrSlot(env: VerifierEnv, frame: FuncState, spi: number): void {
  const { rows } = frame;
  if (slotType(rows, slotRow(spi), 0) !== STACK_DYNPTR) return;
  const first = rows[slotRow(spi) + B] === 1 ? spi : spi + 1;
  if (isRefcountedDynptr(rows[slotRow(first) + A])) reject(env, RESOURCE.OVERWRITE_REF_DYNPTR);
  scratchSlot(env, first);
  scratchSlot(env, first - 1);
  const id = rows[slotRow(first) + ID];
  forEachReg(env.state, (regs, r) => {
    const type = regs[r + TYPE];
    if ((type === PTR_TO_MEM || type === (PTR_TO_MEM | PTR_MAYBE_NULL)) && regs[r + B] === id) {
      markRegInvalid(env, regs, r);
    }
  });
  invalidateDynptr(env, frame, first);
}
