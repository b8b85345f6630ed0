/** Dynptrs: two stack slots that describe memory of a size known at run time (process_dynptr_func and its parts). */
import { InternalError, invariant } from '../../../util/errors.ts';
import {
  ARG_PTR_TO_DYNPTR,
  CONST_PTR_TO_DYNPTR,
  DYNPTR_TYPE_FILE,
  DYNPTR_TYPE_MASK,
  DYNPTR_TYPE_RINGBUF,
  MEM_RDONLY,
  MEM_UNINIT,
  PTR_TO_MEM,
  PTR_TO_STACK,
  baseType,
} from '../../rules/reg-types.ts';
import { checkCalleeWrite } from '../access/mem.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, B, C, FRAMENO, ID, REF_OBJ_ID, SLOT_TYPES, STACK_DYNPTR, TYPE, allSlots, slotType } from '../state/row.ts';
import { forEachReg } from '../state/each.ts';
import { markRegInvalid, markRegPointer } from '../state/regs.ts';
import { type FuncState, regRow, slotRow } from '../state/state.ts';
import { acquireReference, releaseReference } from './refs.ts';
import { destroyIfDynptrSlot, invalidateDynptr, isRefcountedDynptr } from '../state/dynptr-slot.ts';
import { SPI_BEYOND, scratchSlot, stackObjSpi } from '../state/stack-obj.ts';

/** dynptr_get_spi: the first slot (the higher index), SPI_BEYOND or a negative errno. */
export const dynptrGetSpi = (env: VerifierEnv, rows: Int32Array, r: number): number =>
  stackObjSpi(env, rows, r, 'dynptr', 2);

/** What a new dynptr is made of. */
export interface DynptrSource {
  /** The reference of the dynptr that is cloned. */
  readonly refObjId: number;
  /** The reference on the packet that it describes. */
  readonly packetRef: number;
}

const NO_SOURCE: DynptrSource = { refObjId: 0, packetRef: 0 };

/** process_dynptr_func: a dynptr argument: made here (MEM_UNINIT), read (MEM_RDONLY) or changed. */
export function processDynptrArg(env: VerifierEnv, regno: number, argType: number, of: DynptrSource = NO_SOURCE): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  if (type !== PTR_TO_STACK && type !== CONST_PTR_TO_DYNPTR) reject(env, RESOURCE.DYNPTR_NOT_STACK, regno - 1);
  invariant(
    (argType & (MEM_UNINIT | MEM_RDONLY)) !== (MEM_UNINIT | MEM_RDONLY),
    'misconfigured dynptr helper type flags',
  );
  if (argType & MEM_UNINIT) {
    if (!isValidUninit(env, rows, r)) reject(env, RESOURCE.DYNPTR_NOT_UNINIT);
    for (let i = 0; i < 16; i += 8) checkCalleeWrite(env, env.insnIdx, regno, i, 8);
    markStackSlotsDynptr(env, rows, r, argType & DYNPTR_TYPE_MASK, of);
    return;
  }
  invariant(type !== CONST_PTR_TO_DYNPTR || (argType & MEM_RDONLY) !== 0, 'a function that changes a given dynptr');
  if (!isValidInit(env, rows, r)) reject(env, RESOURCE.DYNPTR_NOT_INIT, regno - 1);
  const wanted = argType & DYNPTR_TYPE_MASK;
  const anyType = (argType & ~MEM_RDONLY) === ARG_PTR_TO_DYNPTR;
  // Only ringbuf dynptrs hold a reference, and only what releases one asks for a type.
  invariant(anyType || dynptrTypeOf(env, rows, r) === wanted, 'a dynptr of another type with a reference');
  if (type === PTR_TO_STACK) markDynptrRead(env, rows, r);
}

/** mark_dynptr_read: the slots are looked at here. */
function markDynptrRead(env: VerifierEnv, rows: Int32Array, r: number): void {
  const spi = dynptrGetSpi(env, rows, r);
  for (const slot of [spi, spi - 1]) {
    env.stackLiveness?.markRead(rows[r + FRAMENO], env.insnIdx, slot);
    scratchSlot(env, slot);
  }
}

function isValidUninit(env: VerifierEnv, rows: Int32Array, r: number): boolean {
  if (rows[r + TYPE] === CONST_PTR_TO_DYNPTR) return false;
  const spi = dynptrGetSpi(env, rows, r);
  return spi >= 0 || spi === SPI_BEYOND;
}

function isValidInit(env: VerifierEnv, rows: Int32Array, r: number): boolean {
  if (rows[r + TYPE] === CONST_PTR_TO_DYNPTR) return true;
  const spi = dynptrGetSpi(env, rows, r);
  if (spi < 0) return false;
  const stack = env.state.frames[rows[r + FRAMENO]].rows;
  const all = allSlots(STACK_DYNPTR);
  return (
    stack[slotRow(spi) + SLOT_TYPES] === all &&
    stack[slotRow(spi - 1) + SLOT_TYPES] === all &&
    stack[slotRow(spi) + B] === 1
  );
}

/** The row that describes a dynptr argument: its first stack slot, or the register itself. */
function dynptrRow(env: VerifierEnv, rows: Int32Array, r: number): { rows: Int32Array; r: number } {
  if (rows[r + TYPE] === CONST_PTR_TO_DYNPTR) return { rows, r };
  const spi = dynptrGetSpi(env, rows, r);
  if (spi < 0) throw new InternalError('dynptr without stack slot');
  return { rows: env.state.frames[rows[r + FRAMENO]].rows, r: slotRow(spi) };
}

/** dynptr_get_type: DYNPTR_TYPE_*. */
export function dynptrTypeOf(env: VerifierEnv, rows: Int32Array, r: number): number {
  const at = dynptrRow(env, rows, r);
  return at.rows[at.r + A];
}

/** dynptr_id. */
export function dynptrIdOf(env: VerifierEnv, rows: Int32Array, r: number): number {
  const at = dynptrRow(env, rows, r);
  return at.rows[at.r + ID];
}

/** dynptr_ref_obj_id. */
export function dynptrRefObjIdOf(env: VerifierEnv, rows: Int32Array, r: number): number {
  const at = dynptrRow(env, rows, r);
  return at.rows[at.r + REF_OBJ_ID];
}

/** The reference on the packet that a dynptr argument describes, 0 without. */
export function dynptrPacketRefOf(env: VerifierEnv, rows: Int32Array, r: number): number {
  const at = dynptrRow(env, rows, r);
  return at.rows[at.r + C];
}

/** __mark_dynptr_reg. */
export function markDynptrReg(rows: Int32Array, r: number, type: number, first: boolean, id: number): void {
  markRegPointer(rows, r, CONST_PTR_TO_DYNPTR);
  rows[r + ID] = id;
  rows[r + A] = type;
  rows[r + B] = first ? 1 : 0;
}

/** mark_stack_slots_dynptr: the two slots become a dynptr of that type. */
function markStackSlotsDynptr(env: VerifierEnv, rows: Int32Array, r: number, type: number, of: DynptrSource): void {
  const frame = env.state.frames[rows[r + FRAMENO]];
  const spi = dynptrGetSpi(env, rows, r);
  invariant(spi >= 0 && type !== 0, 'a dynptr outside the stack, or without a type');
  // The two slots may be halves of two other dynptrs.
  destroyIfDynptrSlot(env, frame, spi);
  destroyIfDynptrSlot(env, frame, spi - 1);
  const id = env.newId();
  if (of.packetRef !== 0) env.packetRefs.add(of.packetRef);
  const ref = isRefcountedDynptr(type) ? of.refObjId || acquireReference(env, env.insnIdx) : 0;
  for (const [slot, first] of [
    [spi, true],
    [spi - 1, false],
  ] as const) {
    const s = slotRow(slot);
    markDynptrReg(frame.rows, s, type, first, id);
    frame.rows[s + SLOT_TYPES] = allSlots(STACK_DYNPTR);
    frame.rows[s + REF_OBJ_ID] = ref;
    frame.rows[s + C] = of.packetRef;
    env.stackLiveness?.markWrite(frame.frameno, slot);
  }
}

/** unmark_stack_slots_dynptr: the dynptr is released, with its clones and slices. */
export function unmarkStackSlotsDynptr(env: VerifierEnv, regno: number): boolean {
  const regs = env.state.frame.rows;
  const r = regRow(regno);
  const frame = env.state.frames[regs[r + FRAMENO]];
  const spi = dynptrGetSpi(env, regs, r);
  if (spi < 0) return false;
  const { rows } = frame;
  if (!isRefcountedDynptr(rows[slotRow(spi) + A])) {
    invalidateDynptr(env, frame, spi);
    return true;
  }
  const ref = rows[slotRow(spi) + REF_OBJ_ID];
  releaseReference(env, ref);
  const ended = new Set<number>();
  for (const at of env.state.frames) endClones(env, at, ref, { own: at === frame, ended });
  endSlices(env, ended);
  return true;
}

/** Ends the dynptrs of a released record in one stack: where the released one lies, and with the fixed rules in all others. */
function endClones(env: VerifierEnv, frame: FuncState, ref: number, to: { own: boolean; ended: Set<number> }): void {
  const { rows } = frame;
  for (let i = 1; i < frame.allocatedStack >> 3; i++) {
    const s = slotRow(i);
    if (rows[s + REF_OBJ_ID] !== ref) continue;
    invariant(slotType(rows, s, 0) === STACK_DYNPTR, 'misconfigured ref_obj_id');
    if (rows[s + B] !== 1) continue;
    to.ended.add(rows[s + ID]);
    if (to.own || env.fixed('DYNPTR_CLONE_IN_OTHER_FRAME')) invalidateDynptr(env, frame, i);
  }
}

/** Ends slices of the released record; those that bpf_dynptr_data made have carried its reference. */
function endSlices(env: VerifierEnv, ended: ReadonlySet<number>): void {
  let alive: ReadonlySet<number> | undefined;
  forEachReg(env.state, (regs, r) => {
    const type = regs[r + TYPE];
    if (baseType(type) !== PTR_TO_MEM || !(type & (DYNPTR_TYPE_RINGBUF | DYNPTR_TYPE_FILE))) return;
    const id = regs[r + B];
    alive ??= dynptrIds(env);
    // One whose dynptr went with its function's stack may be of any record.
    if (!ended.has(id) && alive.has(id)) return;
    if (env.fixed(ended.has(id) ? 'DYNPTR_SLICE_AFTER_RELEASE' : 'DYNPTR_SLICE_LEFT_BEHIND')) {
      markRegInvalid(env, regs, r);
    }
  });
}

/** The ids of all dynptrs in all stacks. */
function dynptrIds({ state }: VerifierEnv): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const { rows, allocatedStack } of state.frames) {
    for (let i = 1; i < allocatedStack >> 3; i++) {
      const s = slotRow(i);
      if (slotType(rows, s, 0) === STACK_DYNPTR && rows[s + B] === 1) ids.add(rows[s + ID]);
    }
  }
  return ids;
}
