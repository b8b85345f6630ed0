/** Calls of kernel functions (check_kfunc_call). */
import { KF_DESTRUCTIVE } from '../../rules/rows/kfuncs/row.ts';
import { callbackKind } from '../../rules/effects.ts';
import { MEM_RCU, PTR_MAYBE_NULL, PTR_UNTRUSTED } from '../../rules/reg-types.ts';
import { AUX_IS_ITER_NEXT, AUX_NON_SLEEPABLE } from '../insn-aux.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { Rejected, reject, rejectAfter } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import { regBoundsSync } from '../domain/sync.ts';
import type { VerifierEnv } from '../env.ts';
import { pushStack } from '../paths/worklist.ts';
import { checkBounds } from '../state/sanity.ts';
import { inRcuCs, inSleepable, inSleepableContext } from '../state/context.ts';
import { unmarkStackSlotsDynptr } from '../resource/dynptr.ts';
import { convertOwningToNonOwning, inRbtreeLockRequiredCb } from '../resource/graph.ts';
import { processIterNextCall } from '../resource/iter.ts';
import { clearAllPktPointers } from '../state/packet.ts';
import { releaseReference } from '../resource/refs.ts';
import { forEachRegMask } from '../state/each.ts';
import { OFF, REF_OBJ_ID, STACK_ITER, STACK_SPILL, SUBREG_DEF, TYPE, storeScalar } from '../state/row.ts';
import { clearCallerSaved, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { pushCallbackCall } from './callback.ts';
import { checkKfuncArgs } from './kfunc-args.ts';
import { type KfuncMeta, fetchKfuncMeta } from './kfunc-meta.ts';
import { setKfuncResult } from './kfunc-ret.ts';
import { checkReturnCode } from './ret.ts';
import { MAX_ERRNO } from '../../rules/limits.ts';

/** check_kfunc_call: the call instruction at `insnIdx`, on the current state. */
export function checkKfuncCall(env: VerifierEnv, insnIdx: number): void {
  // A weak function that does not exist: refused later, if the call survives.
  if (env.insns.imm[insnIdx] === 0) return;
  const meta = fetchKfuncMeta(env, insnIdx);
  if (meta.isIterNext) env.aux.flags[insnIdx] |= AUX_IS_ITER_NEXT;
  const { effect } = meta.row;
  if (effect?.take === true) forkFailedLock(env);
  else if (effect?.ends === 'trap') reject(env, KFUNC.TRAP);
  if (meta.flags & KF_DESTRUCTIVE && !env.input.caps.sysAdmin) reject(env, KFUNC.DESTRUCTIVE);
  if (meta.isSleepable && !inSleepable(env)) reject(env, KFUNC.SLEEPABLE, meta.name);
  if (!inSleepableContext(env)) env.aux.flags[insnIdx] |= AUX_NON_SLEEPABLE;
  checkKfuncArgs(env, meta);
  callBack(env, meta, insnIdx);
  checkSections(env, meta);
  release(env, meta, insnIdx);
  if (effect?.ends === 'throw') throwException(env);
  clearCallerSaved(env, env.state.frame);
  for (let i = 0; i <= 5; i++) env.state.frame.rows[regRow(i) + SUBREG_DEF] = 0;
  env.scratchedRegs |= 0x3f;
  setKfuncResult(env, meta, insnIdx);
  if (meta.row.changesPacket === true) clearAllPktPointers(env);
  if (meta.isIterNext && meta.iter !== undefined) processIterNextCall(env, insnIdx, meta.iter);
}

/** A resilient lock may not be had: that path goes on with an error in r0. */
function forkFailedLock(env: VerifierEnv): void {
  const branch = pushStack(env, env.insnIdx + 1, env.insnIdx, false);
  const { frame } = branch;
  clearCallerSaved(env, frame);
  const r0 = regRow(0);
  markRegUnknown(env, frame.rows, r0);
  const s = new Scalar();
  s.setUnknown();
  s.s32min = s.sminLo = -MAX_ERRNO;
  s.sminHi = s.smaxHi = -1;
  s.s32max = s.smaxLo = -1;
  regBoundsSync(s);
  checkBounds(env, s, 's32_range');
  storeScalar(s, frame.rows, r0);
  frame.rows[r0 + SUBREG_DEF] = env.insnIdx + 1;
}

function callBack(env: VerifierEnv, meta: KfuncMeta, insnIdx: number): void {
  const { callback } = meta.row;
  if (callback === undefined) return;
  try {
    pushCallbackCall(env, insnIdx, meta.subprogno, callbackKind(callback));
  } catch (e) {
    if (!(e instanceof Rejected)) throw e;
    rejectAfter(env, e, KFUNC.CALLBACK_FAILED, meta.name, meta.id);
  }
}

/** Sections that the function enters or leaves, and those in which it must not be called. */
function checkSections(env: VerifierEnv, meta: KfuncMeta): void {
  const { state } = env;
  const { effect } = meta.row;
  const rcuLock = effect?.rcu === 'lock';
  const rcuUnlock = effect?.rcu === 'unlock';
  if (state.activeRcuLocks > 0) {
    if ((rcuLock || rcuUnlock) && inRbtreeLockRequiredCb(env)) reject(env, KFUNC.RCU_IN_TREE_CB);
    if (rcuLock) reject(env, KFUNC.RCU_NESTED, meta.name);
    if (rcuUnlock) {
      dropRcuPointers(env);
      state.activeRcuLocks = 0;
    } else if (meta.isSleepable) reject(env, KFUNC.SLEEPABLE_IN, meta.name, 'rcu_read_lock');
  } else if (rcuLock) state.activeRcuLocks = 1;
  else if (rcuUnlock) reject(env, KFUNC.RCU_UNMATCHED, meta.name);
  if (effect?.preempt === 'off') state.activePreemptLocks++;
  else if (effect?.preempt === 'on') {
    if (state.activePreemptLocks === 0) reject(env, KFUNC.PREEMPT_UNMATCHED, meta.name);
    state.activePreemptLocks--;
  } else if (meta.isSleepable && state.activePreemptLocks > 0) {
    reject(env, KFUNC.SLEEPABLE_IN, meta.name, 'non-preemptible');
  }
  if (state.activeIrqId !== 0 && meta.isSleepable) reject(env, KFUNC.SLEEPABLE_IN, meta.name, 'IRQ-disabled');
  if (meta.isRcuProtected && !inRcuCs(env)) reject(env, KFUNC.RCU_REQUIRED, meta.name);
}

/** After the last unlock what RCU protected may vanish at any time: it can still be read, with faults giving 0. */
function dropRcuPointers(env: VerifierEnv): void {
  forEachRegMask(env.state, (1 << STACK_SPILL) | (1 << STACK_ITER), (rows, r) => {
    if (rows[r + TYPE] & MEM_RCU) rows[r + TYPE] = (rows[r + TYPE] & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED;
  });
}

/** Takes over the function's object: a referenced one, or one that goes into a list or tree. */
function release(env: VerifierEnv, meta: KfuncMeta, insnIdx: number): void {
  const { rows } = env.state.frame;
  if (meta.releaseRegno !== 0) {
    const ref = rows[regRow(meta.releaseRegno) + REF_OBJ_ID];
    const released =
      meta.dynptrRefObjId !== 0 ? unmarkStackSlotsDynptr(env, meta.releaseRegno) : releaseReference(env, ref);
    if (!released) reject(env, KFUNC.NOT_ACQUIRED, meta.name, meta.id);
  }
  const { owns } = meta.row;
  if (owns === undefined) return;
  const node = regRow(owns);
  const ref = rows[node + REF_OBJ_ID];
  env.aux.extraAt(insnIdx).insertOff = rows[node + OFF];
  convertOwningToNonOwning(env, ref);
  if (!releaseReference(env, ref)) reject(env, KFUNC.NOT_ACQUIRED, meta.name, meta.id);
}

/** bpf_throw: without a callback of the program's own the cookie becomes the return value. */
function throwException(env: VerifierEnv): void {
  env.seenException = true;
  if (env.exceptionCallbackSubprog < 0) checkReturnCode(env, 1, 'R1');
}
