/** Helpers with rules of their own beyond their prototype: callbacks, tail calls, dynptrs, format strings. */
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { invariant } from '../../../util/errors.ts';
import { callbackKind } from '../../rules/effects.ts';
import type { FuncProto } from '../../rules/proto.ts';
import {
  ARG_PTR_TO_DYNPTR,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  MEM_RCU,
  PTR_TO_MAP_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { AUX_LOOP_INLINE } from '../insn-aux.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { dynptrIdOf, dynptrPacketRefOf, dynptrRefObjIdOf, dynptrTypeOf } from '../resource/dynptr.ts';
import { checkResourceLeak } from '../resource/refs.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { TYPE, umaxOf } from '../state/row.ts';
import { regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { attachReturnsVoid } from '../attach-point.ts';
import { pushCallbackCall } from './callback.ts';
import type { CallMeta } from '../state/call-meta.ts';
import { checkSnprintf } from './snprintf.ts';

/** Findings for the rest of the call. */
interface Special {
  /** Packet pointers go stale, though the prototype does not say so. */
  changesPktData: boolean;
  /** R1 is an allocated per-CPU object: the result is one of its copies. */
  percpuAlloc: boolean;
}
const PLAIN: Special = { changesPktData: false, percpuAlloc: false };

const F = BPF_FUNC;

/** The switch over func_id in check_helper_call. */
export function checkSpecialHelper(env: VerifierEnv, fn: FuncProto, meta: CallMeta, insnIdx: number): Special {
  const { rows } = env.state.frame;
  const { callback } = fn;
  if (callback?.sync === 'loop') checkLoop(env, meta.subprogno, insnIdx);
  else if (callback !== undefined) pushCallbackCall(env, insnIdx, meta.subprogno, callbackKind(callback));
  switch (fn.id) {
    case F.BPF_FUNC_tail_call:
      checkResourceLeak(env, 'program', 'tail_call');
      break;
    case F.BPF_FUNC_get_local_storage:
      if (!regIsNull(rows, regRow(2))) reject(env, CALL.LOCAL_STORAGE_FLAGS);
      break;
    case F.BPF_FUNC_snprintf:
      checkSnprintf(env);
      break;
    case F.BPF_FUNC_dynptr_from_mem:
      if (rows[regRow(1) + TYPE] !== PTR_TO_MAP_VALUE)
        reject(env, CALL.DYNPTR_FROM_MEM, regTypeStr(rows[regRow(1) + TYPE]));
      break;
    case F.BPF_FUNC_set_retval:
      if (env.query.lsmCgroup && attachReturnsVoid(env)) reject(env, CALL.LSM_VOID_RETVAL);
      break;
    case F.BPF_FUNC_dynptr_data:
      takeDynptr(env, fn, meta);
      break;
    case F.BPF_FUNC_dynptr_write: {
      const type = dynptrTypeOf(env, rows, dynptrArg(fn));
      return { ...PLAIN, changesPktData: type === DYNPTR_TYPE_SKB || type === DYNPTR_TYPE_SKB_META };
    }
    case F.BPF_FUNC_per_cpu_ptr:
    case F.BPF_FUNC_this_cpu_ptr:
      return { ...PLAIN, percpuAlloc: isPercpuAlloc(env) };
  }
  return PLAIN;
}

/** bpf_loop: the callback is explored until its turns reach the upper bound of R1. */
function checkLoop(env: VerifierEnv, subprogno: number, insnIdx: number): void {
  updateLoopInline(env, subprogno, insnIdx);
  const { rows } = env.state.frame;
  // The number of turns decides whether another one is explored.
  markChainPrecision(env, 1);
  const { frame } = env.state;
  if (frame.callbackDepth < umaxOf(rows, regRow(1))) {
    pushCallbackCall(env, insnIdx, subprogno, 'loop');
    return;
  }
  frame.callbackDepth = 0;
  if (env.log.verbose) env.log.line(`frame${env.state.curframe} bpf_loop iteration limit reached`);
}

/** update_loop_inline_state: one callback and flags that are 0 on all paths. */
function updateLoopInline(env: VerifierEnv, subprogno: number, insnIdx: number): void {
  const { aux } = env;
  const extra = aux.extraAt(insnIdx);
  const first = extra.loopCallback === undefined;
  if (!first && !(aux.flags[insnIdx] & AUX_LOOP_INLINE)) return;
  const zeroFlags = regIsNull(env.state.frame.rows, regRow(4));
  if (zeroFlags) markChainPrecision(env, 4);
  if (first) extra.loopCallback = subprogno;
  if (zeroFlags && extra.loopCallback === subprogno) aux.flags[insnIdx] |= AUX_LOOP_INLINE;
  else aux.flags[insnIdx] &= ~AUX_LOOP_INLINE;
}

/** get_dynptr_arg_reg: the row of the dynptr argument. */
const dynptrArg = (fn: FuncProto): number => {
  const arg = fn.args.findIndex((type) => baseType(type) === ARG_PTR_TO_DYNPTR);
  invariant(arg >= 0, `func ${fn.name} has no dynptr argument`);
  return regRow(arg + 1);
};

/** The memory that bpf_dynptr_data gives lives as long as the dynptr, and its reference. */
function takeDynptr(env: VerifierEnv, fn: FuncProto, meta: CallMeta): void {
  const { rows } = env.state.frame;
  const r = dynptrArg(fn);
  invariant(meta.dynptrId === 0 && meta.refObjId === 0, 'dynptr seen twice');
  meta.dynptrId = dynptrIdOf(env, rows, r);
  meta.refObjId = dynptrRefObjIdOf(env, rows, r);
  meta.dynptrPacketRef = dynptrPacketRefOf(env, rows, r);
}

function isPercpuAlloc(env: VerifierEnv): boolean {
  const { rows } = env.state.frame;
  const r = regRow(1);
  return (rows[r + TYPE] & MEM_RCU) !== 0;
}
