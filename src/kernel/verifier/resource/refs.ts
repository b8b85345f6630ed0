/** Acquired references: taking, releasing, and what may not be forgotten at an exit (acquire_reference, release_reference, check_resource_leak). */
import { MEM_ALLOC, NON_OWN_REF, PTR_TO_BTF_ID, baseType } from '../../rules/reg-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { endPacketViews } from '../state/dynptr-slot.ts';
import { forEachReg } from '../state/each.ts';
import { REF_OBJ_ID, TYPE } from '../state/row.ts';
import { markRegInvalid } from '../state/regs.ts';
import { REF_TYPE_PTR, type VerifierState, regRow } from '../state/state.ts';

/** acquire_reference: a new reference that some call must release; its id. */
export function acquireReference(env: VerifierEnv, insnIdx: number): number {
  const id = env.newId();
  env.state.refs = [...env.state.refs, { type: REF_TYPE_PTR, id, insnIdx, ptr: 0 }];
  return id;
}

/** Takes the `index`-th reference or lock off the list; the others keep their order. */
export function removeRef(state: VerifierState, index: number): void {
  state.refs = state.refs.filter((_, i) => i !== index);
}

/** release_reference_nomark: forgets the reference; false when there is none of that id. */
export function releaseReferenceNomark(state: VerifierState, refObjId: number): boolean {
  const i = state.refs.findIndex((ref) => ref.type === REF_TYPE_PTR && ref.id === refObjId);
  if (i < 0) return false;
  removeRef(state, i);
  return true;
}

/** release_reference: forgets the reference and spoils every register that holds the object; false when there is none. */
export function releaseReference(env: VerifierEnv, refObjId: number): boolean {
  if (!releaseReferenceNomark(env.state, refObjId)) return false;
  forEachReg(env.state, (rows, r) => {
    if (rows[r + REF_OBJ_ID] === refObjId) markRegInvalid(env, rows, r);
  });
  endPacketViews(env, refObjId);
  return true;
}

/** type_is_non_owning_ref: an object that belongs to a list or tree. */
export const isNonOwningRef = (type: number): boolean =>
  baseType(type) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0 && (type & NON_OWN_REF) !== 0;

/** invalidate_non_owning_refs: with the lock released, objects of its lists and trees may vanish. */
export function invalidateNonOwningRefs(env: VerifierEnv): void {
  forEachReg(env.state, (rows, r) => {
    if (isNonOwningRef(rows[r + TYPE])) markRegInvalid(env, rows, r);
  });
}

/** check_reference_leak: whether anything that was acquired is still held; each is said in the log. */
function holdsReferences(env: VerifierEnv, exceptionExit: boolean): boolean {
  const { state } = env;
  if (!exceptionExit && state.frame.frameno !== 0) return false;
  const returned = state.frame.rows[regRow(exceptionExit ? 1 : 0) + REF_OBJ_ID];
  const mayReturn = env.query.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_STRUCT_OPS && !exceptionExit;
  let held = false;
  for (const ref of state.refs) {
    if (ref.type !== REF_TYPE_PTR) continue;
    // A struct_ops function may give a referenced object back to the kernel.
    if (mayReturn && returned === ref.id) continue;
    env.log.line(`Unreleased reference id=${ref.id} alloc_insn=${ref.insnIdx}`);
    held = true;
  }
  return held;
}

/** The way out: of the program, of all functions at once by bpf_throw, or of a function whose caller may hold what it took. */
export type Exit = 'program' | 'exception' | 'function';

/** check_resource_leak: nothing may be held here: no reference, and by programs no lock, interrupt flag, RCU or preemption section. */
export function checkResourceLeak(env: VerifierEnv, exit: Exit, prefix: string): void {
  const { state } = env;
  const checkLock = exit !== 'function';
  if (checkLock && state.activeLocks > 0) reject(env, RESOURCE.LOCK_HELD, prefix);
  if (holdsReferences(env, exit === 'exception')) reject(env, RESOURCE.REFERENCE_LEAK, prefix);
  if (!checkLock) return;
  if (state.activeIrqId !== 0) reject(env, RESOURCE.IRQ_SAVED, prefix);
  if (state.activeRcuLocks > 0) reject(env, RESOURCE.RCU_LOCKED, prefix);
  if (state.activePreemptLocks > 0) reject(env, RESOURCE.PREEMPT_DISABLED, prefix);
}
