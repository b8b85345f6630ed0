/** Calls of the program's own functions, and returns from them (check_func_call, prepare_func_exit). */
import {
  ARG_ANYTHING,
  ARG_PTR_TO_ARENA,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_MEM,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_STACK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { checkMemReg } from '../access/region.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { SUBPROG } from '../diag/catalogue/subprog.ts';
import { Rejected, type Said, reject, rejectAfter } from '../diag/reject.ts';
import type { SubprogArg, VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { findPrevEntry, widenImpreciseScalars } from '../paths/loops.ts';
import { clearAllPktPointers } from '../state/packet.ts';
import { inSleepableContext } from '../state/context.ts';
import { s64Text } from '../state/format.ts';
import { printVerifierState } from '../state/print.ts';
import { SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, TYPE, copyRow, smaxOf, sminOf } from '../state/row.ts';
import { clearCallerSaved, initFrame, markRegUnknown, regIsNull } from '../state/regs.ts';
import { type FuncState, type VerifierState, regRow } from '../state/state.ts';
import { findSubprogAt } from '../subprog.ts';
import { checkFuncArgRegOff, checkRegType } from './arg-type.ts';
import { prepareFuncArgs } from './func-args.ts';
import { processDynptrArg } from '../resource/dynptr.ts';
import { MAX_CALL_FRAMES } from '../../rules/limits.ts';
import { checkResourceLeak } from '../resource/refs.ts';

/** check_func_call. On return env.insnIdx stands before the next instruction to check. */
export function checkFuncCall(env: VerifierEnv): void {
  const idx = env.insnIdx;
  const target = idx + env.insns.imm[idx] + 1;
  const subprog = findSubprogAt(env, target);
  const sub = env.subprogs[subprog];
  const { state } = env;
  const caller = state.frame;
  const misfit = checkSubprogArgs(env, subprog);
  if (sub.isGlobal) {
    checkGlobalCall(env, subprog, misfit);
    return;
  }
  setupFuncEntry(env, state, subprog, idx, (callee) => {
    for (let i = 1; i <= 5; i++) copyRow(callee.rows, regRow(i), caller.rows, regRow(i));
  });
  clearCallerSaved(env, caller);
  env.insnIdx = sub.start - 1;
  if (env.log.enabled) {
    env.log.line('caller:');
    printVerifierState(env, state, caller.frameno, true);
    env.log.line('callee:');
    printVerifierState(env, state, state.curframe, true);
  }
}

function checkGlobalCall(env: VerifierEnv, subprog: number, misfit: Said | undefined): void {
  const sub = env.subprogs[subprog];
  const { state } = env;
  if (state.activeLocks > 0) reject(env, SUBPROG.GLOBAL_WHILE_LOCKED);
  if (sub.mightSleep && !inSleepableContext(env)) reject(env, SUBPROG.GLOBAL_SLEEPABLE);
  if (misfit !== undefined) rejectAfter(env, misfit, SUBPROG.GLOBAL_BAD_ARGS, subprog, sub.name);
  if (sub.mightThrow) checkThrowingGlobal(env);
  if (env.log.enabled) env.log.line(`Func#${subprog} ('${sub.name}') is global and assumed valid.`);
  if (sub.changesPktData) clearAllPktPointers(env);
  sub.called = true;
  clearCallerSaved(env, state.frame);
  markRegUnknown(env, state.frame.rows, regRow(0));
}

/** A resource held over a call of a function that may throw would never be given back. */
function checkThrowingGlobal(env: VerifierEnv): void {
  const { refs, activeIrqId, activeRcuLocks, activePreemptLocks } = env.state;
  const holds = refs.length > 0 || activeIrqId !== 0 || activeRcuLocks > 0 || activePreemptLocks > 0;
  if (holds && env.fixed('THROW_IN_GLOBAL')) checkResourceLeak(env, 'exception', 'bpf_throw');
}

/** The prototype says nothing, or has been refused before. */
const UNUSABLE: Said = { row: SUBPROG.GLOBAL_BAD_ARGS, errno: ERRNO.EINVAL };

/** btf_check_subprog_call: why the arguments do not fit the prototype, if they do not. Only global functions mind. */
export function checkSubprogArgs(env: VerifierEnv, subprog: number): Said | undefined {
  const sub = env.subprogs[subprog];
  if (sub.unreliable) return UNUSABLE;
  try {
    sub.unreliable = true;
    if (!prepareFuncArgs(env, sub)) return UNUSABLE;
    const args = sub.args ?? [];
    for (let i = 0; i < args.length; i++) checkArg(env, i, args[i]);
    sub.unreliable = false;
    return undefined;
  } catch (e) {
    if (!(e instanceof Rejected) || e.errno === ERRNO.EFAULT) throw e;
    env.notes.add(e.row);
    return e;
  }
}

function checkArg(env: VerifierEnv, i: number, arg: SubprogArg): void {
  const regno = i + 1;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const { argType } = arg;
  if (argType === ARG_ANYTHING) {
    if (type !== SCALAR_VALUE) reject(env, SUBPROG.ARG_NOT_SCALAR, regno);
    return;
  }
  // Untrusted memory is only read, and reads that fault give 0.
  if (argType & PTR_UNTRUSTED) return;
  switch (baseType(argType)) {
    case ARG_PTR_TO_CTX:
      checkFuncArgRegOff(env, regno, 0);
      if (type !== PTR_TO_CTX) reject(env, SUBPROG.ARG_NOT_CTX, i);
      return;
    case ARG_PTR_TO_MEM:
      checkFuncArgRegOff(env, regno, 0);
      try {
        checkMemReg(env, regno, arg.memSize);
      } catch (e) {
        if (!(e instanceof Rejected)) throw e;
        env.notes.add(e.row);
        throw new Rejected(SUBPROG.ARG_MEM, ERRNO.EINVAL);
      }
      if (argType & PTR_MAYBE_NULL) return;
      if (type & PTR_MAYBE_NULL) reject(env, SUBPROG.ARG_MAYBE_NULL, i);
      // The number 0 passes for a null pointer of any type.
      if (regIsNull(rows, r) && env.fixed('NULL_TO_NONNULL_ARG')) reject(env, SUBPROG.ARG_MAYBE_NULL, i);
      return;
    case ARG_PTR_TO_ARENA:
      if (type !== PTR_TO_ARENA && type !== SCALAR_VALUE) reject(env, SUBPROG.ARG_NOT_ARENA, regno);
      return;
    case ARG_PTR_TO_DYNPTR:
      checkFuncArgRegOff(env, regno, ARG_PTR_TO_DYNPTR);
      processDynptrArg(env, regno, argType);
      return;
    case ARG_PTR_TO_BTF_ID:
      if (regIsNull(rows, r) && argType & PTR_MAYBE_NULL) return;
      checkRegType(env, regno, argType, arg.btfId);
      checkFuncArgRegOff(env, regno, argType);
  }
}

/** setup_func_entry: a new frame on `state`, which may be the current state or a stored one. */
export function setupFuncEntry(
  env: VerifierEnv,
  state: VerifierState,
  subprog: number,
  callsite: number,
  setCallee: (callee: FuncState) => void,
): void {
  if (state.curframe + 1 >= MAX_CALL_FRAMES) reject(env, SUBPROG.STACK_TOO_DEEP, state.curframe + 2);
  const callee = state === env.state ? env.store.workingFrame() : env.store.storedFrame();
  initFrame(env, callee, callsite, state.curframe + 1, subprog);
  setCallee(callee);
  state.frames.push(callee);
  state.curframe++;
  state.frame = callee;
  if (state === env.state) env.stackLiveness?.enter(env);
}

/** retval_range_within() on 64 bits. */
export const inRange = (rows: Int32Array, r: number, min: number, max: number): boolean =>
  sminOf(rows, r) >= min && smaxOf(rows, r) <= max;

/** verbose_invalid_scalar()'s text for the register: ` smin=.. smax=..` or ` unknown scalar value`. */
export function scalarBoundsText(rows: Int32Array, r: number): string {
  let out = '';
  if (rows[r + SMIN_HI] !== -0x80000000 || rows[r + SMIN_LO] !== 0) {
    out += ` smin=${s64Text(rows[r + SMIN_LO], rows[r + SMIN_HI])}`;
  }
  if (rows[r + SMAX_HI] !== 0x7fffffff || rows[r + SMAX_LO] !== -1) {
    out += ` smax=${s64Text(rows[r + SMAX_LO], rows[r + SMAX_HI])}`;
  }
  return out === '' ? ' unknown scalar value' : out;
}

/** prepare_func_exit: back to the caller, or to the helper that runs the callback. Sets env.insnIdx to the next instruction. */
export function prepareFuncExit(env: VerifierEnv): void {
  const { state } = env;
  const callee = state.frame;
  const r0 = regRow(0);
  if (callee.rows[r0 + TYPE] === PTR_TO_STACK) reject(env, SUBPROG.RETURNS_STACK_POINTER);
  const caller = state.frames[state.curframe - 1];
  const { inCallbackFn, callsite } = callee;
  if (inCallbackFn) {
    if (callee.rows[r0 + TYPE] !== SCALAR_VALUE) reject(env, SUBPROG.CALLBACK_R0);
    markChainPrecision(env, 0);
    if (!inRange(callee.rows, r0, callee.callbackRetMin, callee.callbackRetMax)) {
      const has = scalarBoundsText(callee.rows, r0);
      reject(env, SUBPROG.CALLBACK_RANGE, has, callee.callbackRetMin, callee.callbackRetMax);
    }
  } else copyRow(caller.rows, r0, callee.rows, r0);
  env.insnIdx = inCallbackFn ? callsite : callsite + 1;
  if (env.log.enabled) {
    env.log.line('returning from callee:');
    printVerifierState(env, state, callee.frameno, true);
    env.log.line(`to caller at ${env.insnIdx}:`);
    printVerifierState(env, state, caller.frameno, true);
  }
  env.store.dropWorkingFrame(callee);
  state.frames.length = state.curframe;
  state.curframe--;
  state.frame = caller;
  env.stackLiveness?.enter(env);
  if (!inCallbackFn) return;
  const prev = findPrevEntry(env, state, env.insnIdx);
  if (prev !== undefined) widenImpreciseScalars(env, prev, state);
}
