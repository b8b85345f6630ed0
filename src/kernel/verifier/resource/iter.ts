/** Open-coded iterators on the stack (process_iter_arg, process_iter_next_call and their parts). */
import { InternalError, invariant } from '../../../util/errors.ts';
import { MEM_RCU, PTR_TO_STACK, PTR_UNTRUSTED } from '../../rules/reg-types.ts';
import { checkCalleeWrite } from '../access/mem.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { findPrevEntry, sameCallsites, widenImpreciseScalars } from '../paths/loops.ts';
import { pushStack } from '../paths/worklist.ts';
import { A, B, C, FRAMENO, REF_OBJ_ID, SLOT_TYPES, STACK_ITER, TYPE, allSlots, slotType } from '../state/row.ts';
import { markRegConstZero } from '../access/stack/read.ts';
import { markPtrNotNullReg, markRegNotInit, markRegPointer } from '../state/regs.ts';
import { regRow, slotAt, slotRow } from '../state/state.ts';
import { inRcuCs } from '../state/context.ts';
import { acquireReference, releaseReference } from './refs.ts';
import { SPI_BEYOND, scratchSlot, stackObjSpi } from '../state/stack-obj.ts';

/** States of an iterator, in the low two bits of word C; the depth stands above them. */
export const ITER_ACTIVE = 1;
export const ITER_DRAINED = 2;

/** Where an iterator argument lies, found by {@link processIterArg}. */
export interface IterArg {
  readonly frameno: number;
  readonly spi: number;
  readonly refObjId: number;
}

/** The iterator type of an argument: BTF index and struct id, name after `bpf_iter_`, size in slots. */
export interface IterType {
  readonly btf: number;
  readonly id: number;
  readonly name: string;
  readonly slots: number;
}

/** The called function's use of the iterator. */
export interface IterCall {
  readonly kind: 'new' | 'next' | 'destroy' | 'other';
  readonly func: string;
  /** The function may only be used under RCU. */
  readonly rcuProtected: boolean;
}

/** process_iter_arg: argument `regno` is an iterator of that type; undefined after a constructor. */
export function processIterArg(env: VerifierEnv, regno: number, type: IterType, call: IterCall): IterArg | undefined {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (call.kind === 'new') {
    if (!isValidUninit(env, rows, r, type.slots)) reject(env, RESOURCE.ITER_NOT_UNINIT, type.name, regno - 1);
    for (let i = 0; i < type.slots * 8; i += 8) checkCalleeWrite(env, env.insnIdx, regno, i, 8);
    markSlots(env, rows, r, type, call);
    return undefined;
  }
  const spi = iterSpi(env, rows, r, type.slots);
  const frame = env.state.frames[rows[r + FRAMENO]];
  for (let i = 0; i < type.slots; i++) {
    const fault = spi < 0 ? 'not init' : slotFault(frame.rows, slotRow(spi - i), type, i === 0);
    if (fault === 'rcu') reject(env, RESOURCE.ITER_RCU, call.func);
    if (fault === 'not init') reject(env, RESOURCE.ITER_NOT_INIT, type.name, regno - 1);
  }
  for (let i = 0; i < type.slots; i++) {
    env.stackLiveness?.markRead(frame.frameno, env.insnIdx, spi - i);
    scratchSlot(env, spi - i);
  }
  const refObjId = frame.rows[slotRow(spi) + REF_OBJ_ID];
  if (call.kind === 'destroy') unmarkSlots(env, rows, r, type.slots);
  return { frameno: frame.frameno, spi, refObjId };
}

const iterSpi = (env: VerifierEnv, rows: Int32Array, r: number, slots: number): number =>
  stackObjSpi(env, rows, r, 'iter', slots);

/** is_iter_reg_valid_uninit. */
function isValidUninit(env: VerifierEnv, rows: Int32Array, r: number, slots: number): boolean {
  const spi = iterSpi(env, rows, r, slots);
  if (spi < 0) return spi === SPI_BEYOND;
  const stack = env.state.frames[rows[r + FRAMENO]].rows;
  for (let i = 0; i < slots; i++) {
    for (let j = 0; j < 8; j++) if (slotType(stack, slotRow(spi - i), j) === STACK_ITER) return false;
  }
  return true;
}

/** is_iter_reg_valid_init, one slot of it. */
function slotFault(stack: Int32Array, s: number, type: IterType, first: boolean): '' | 'rcu' | 'not init' {
  if (stack[s + TYPE] & PTR_UNTRUSTED) return 'rcu';
  if (first !== (stack[s + REF_OBJ_ID] !== 0)) return 'not init';
  if (stack[s + A] !== type.btf || stack[s + B] !== type.id) return 'not init';
  return stack[s + SLOT_TYPES] === allSlots(STACK_ITER) ? '' : 'not init';
}

/** mark_stack_slots_iter. */
function markSlots(env: VerifierEnv, rows: Int32Array, r: number, type: IterType, call: IterCall): void {
  const spi = iterSpi(env, rows, r, type.slots);
  invariant(spi >= 0, 'an iterator outside the stack');
  const frame = env.state.frames[rows[r + FRAMENO]];
  const ref = acquireReference(env, env.insnIdx);
  const rcu = !call.rcuProtected ? 0 : inRcuCs(env) ? MEM_RCU : PTR_UNTRUSTED;
  for (let i = 0; i < type.slots; i++) {
    const s = slotRow(spi - i);
    markRegPointer(frame.rows, s, PTR_TO_STACK | rcu);
    frame.rows[s + REF_OBJ_ID] = i === 0 ? ref : 0;
    frame.rows[s + A] = type.btf;
    frame.rows[s + B] = type.id;
    frame.rows[s + C] = ITER_ACTIVE;
    frame.rows[s + SLOT_TYPES] = allSlots(STACK_ITER);
    env.stackLiveness?.markWrite(frame.frameno, spi - i);
    scratchSlot(env, spi - i);
  }
}

/** unmark_stack_slots_iter. */
function unmarkSlots(env: VerifierEnv, rows: Int32Array, r: number, slots: number): void {
  const spi = iterSpi(env, rows, r, slots);
  const frame = env.state.frames[rows[r + FRAMENO]];
  releaseReference(env, frame.rows[slotRow(spi) + REF_OBJ_ID]);
  for (let i = 0; i < slots; i++) {
    const s = slotRow(spi - i);
    markRegNotInit(env, frame.rows, s);
    frame.rows[s + SLOT_TYPES] = 0;
    env.stackLiveness?.markWrite(frame.frameno, spi - i);
    scratchSlot(env, spi - i);
  }
}

/** process_iter_next_call: one path gets the next element, the current one NULL. */
export function processIterNextCall(env: VerifierEnv, insnIdx: number, iter: IterArg): void {
  const { state } = env;
  const stack = state.frames[iter.frameno].rows;
  const s = slotRow(iter.spi);
  const iterState = stack[s + C] & 3;
  if (iterState !== ITER_ACTIVE && iterState !== ITER_DRAINED)
    throw new InternalError(`unexpected iterator state ${iterState}`);
  if (iterState === ITER_ACTIVE) {
    // A checkpoint is made at each of these calls.
    const { parent } = state;
    if (parent === undefined || parent.insnIdx !== insnIdx || !sameCallsites(parent, state)) {
      throw new InternalError('bad parent state for iter next call');
    }
    const prev = findPrevEntry(env, parent, insnIdx);
    const queued = pushStack(env, insnIdx + 1, insnIdx, false, ERRNO.ENOMEM);
    const active = queued.frames[iter.frameno].rows;
    const a = slotAt(active, iter.spi);
    active[a + C] = ITER_ACTIVE | (((active[a + C] >>> 2) + 1) << 2);
    if (prev !== undefined) widenImpreciseScalars(env, prev, queued);
    markPtrNotNullReg(env, queued.frame.rows, regRow(0));
  }
  stack[s + C] = ITER_DRAINED | (stack[s + C] & ~3);
  const { rows } = state.frame;
  markRegConstZero(env, rows, regRow(0));
}
