/** The two stack slots of a dynptr when something else writes to them (destroy_if_dynptr_stack_slot, invalidate_dynptr). */
import { DYNPTR_TYPE_FILE, DYNPTR_TYPE_RINGBUF, PTR_MAYBE_NULL, PTR_TO_MEM, baseType } from '../../rules/reg-types.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { forEachReg } from './each.ts';
import { A, B, C, ID, SLOT_TYPES, STACK_DYNPTR, TYPE, slotType } from './row.ts';
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
  if (rows[slotRow(first) + C] !== 0) env.overwrittenDynptrs.add(id);
  forEachReg(env.state, (regs, r) => {
    const type = regs[r + TYPE];
    if ((type === PTR_TO_MEM || type === (PTR_TO_MEM | PTR_MAYBE_NULL)) && regs[r + B] === id) {
      markRegInvalid(env, regs, r);
    }
  });
  invalidateDynptr(env, frame, first);
}

/** The packet is given away: with the fixed rules its dynptrs end, and the slices of them. */
export function endPacketViews(env: VerifierEnv, packetRef: number): void {
  if (!env.packetRefs.has(packetRef)) return;
  const { state } = env;
  const ids = new Set(env.overwrittenDynptrs);
  for (const frame of state.frames) {
    const { rows } = frame;
    for (let i = 1; i < frame.allocatedStack >> 3; i++) {
      const s = slotRow(i);
      if (slotType(rows, s, 0) !== STACK_DYNPTR || rows[s + B] !== 1 || rows[s + C] !== packetRef) continue;
      ids.add(rows[s + ID]);
      if (env.fixed('DYNPTR_OF_RELEASED_PACKET')) invalidateDynptr(env, frame, i);
    }
  }
  forEachReg(state, (rows, r) => {
    if (baseType(rows[r + TYPE]) !== PTR_TO_MEM || rows[r + C] !== packetRef) return;
    // A slice whose dynptr went with its function's stack.
    const hole = ids.has(rows[r + B]) ? 'DYNPTR_OF_RELEASED_PACKET' : 'DYNPTR_SLICE_LEFT_BEHIND';
    if (env.fixed(hole)) markRegInvalid(env, rows, r);
  });
}
