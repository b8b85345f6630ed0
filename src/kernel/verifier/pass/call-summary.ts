/** The effect of a call on registers and paths, as far as its prototype tells (get_call_summary and the questions of check_cfg). */
import type { Callback } from '../../rules/effects.ts';
import { RET_VOID, baseType } from '../../rules/reg-types.ts';
import type { FuncProto } from '../../rules/proto.ts';
import type { VerifierEnv } from '../env.ts';
import { KF_FASTCALL, KF_ITER_NEXT } from '../../rules/rows/kfuncs/row.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { calledKfunc, kfuncRow } from './kfuncs.ts';
import { isHelperCall } from './subprogs.ts';

export interface CallSummary {
  readonly numParams: number;
  readonly isVoid: boolean;
  /** Only r0 and the parameters' registers change. */
  readonly fastcall: boolean;
}

/** The helper's prototype when this program may call it. */
export function helperProto(env: VerifierEnv, i: number): FuncProto | undefined {
  return isHelperCall(env.insns, i) ? env.ops.funcProto(env.insns.imm[i], env.query) : undefined;
}

/** The callback of a helper or kernel function. */
function callback(env: VerifierEnv, i: number): Callback | undefined {
  return isHelperCall(env.insns, i) ? helperProto(env, i)?.callback : kfuncRow(env, i)?.callback;
}

/** The call runs its callback any number of times before it returns. */
export const callsSyncCallback = (env: VerifierEnv, i: number): boolean => callback(env, i)?.sync !== undefined;

/** The call hands its callback to a timer or a work queue. */
export const callsAsyncCallback = (env: VerifierEnv, i: number): boolean => callback(env, i)?.async !== undefined;

/** A kernel function that advances an open-coded iterator. */
export const isIterNextCall = (env: VerifierEnv, i: number): boolean =>
  ((kfuncRow(env, i)?.flags ?? 0) & KF_ITER_NEXT) !== 0;

export const isThrowCall = (env: VerifierEnv, i: number): boolean => kfuncRow(env, i)?.effect?.ends === 'throw';

/** get_call_summary: undefined for calls of the program's own functions, and of helpers and kernel functions that are not available. */
export function callSummary(env: VerifierEnv, i: number): CallSummary | undefined {
  const proto = helperProto(env, i);
  if (proto !== undefined) {
    return {
      numParams: proto.args.length,
      isVoid: baseType(proto.ret) === RET_VOID,
      fastcall: proto.allowFastcall === true && proto.inlined === true,
    };
  }
  const kfunc = calledKfunc(env, i);
  if (kfunc?.row === undefined || !kfunc.allowed) return undefined;
  const btf = kernelBtf(env);
  const fnProto = btf?.type(btf.ref(kfunc.id));
  if (fnProto === undefined) return undefined;
  return {
    numParams: fnProto.params.length,
    isVoid: fnProto.type === 0,
    fastcall: (kfunc.row.flags & KF_FASTCALL) !== 0,
  };
}
