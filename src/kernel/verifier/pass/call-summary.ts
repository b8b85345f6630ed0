/** What a call does to registers and paths, as far as its prototype tells (get_call_summary and the questions of check_cfg). */
import { BTF_KIND } from '../../../btf/types.ts';
import { kfuncFor } from '../../rules/compile.ts';
import { RET_VOID, baseType } from '../../rules/reg-types.ts';
import type { FuncProto } from '../../rules/proto.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { isHelperCall, isKfuncCall } from './subprogs.ts';

/** Helpers that run a callback before they return: for_each_map_elem, find_vma, loop, user_ringbuf_drain. */
const SYNC_CALLBACK_HELPERS: ReadonlySet<number> = new Set([164, 180, 181, 209]);
/** bpf_timer_set_callback. */
const ASYNC_CALLBACK_HELPERS: ReadonlySet<number> = new Set([170]);
const SYNC_CALLBACK_KFUNCS: ReadonlySet<string> = new Set(['bpf_rbtree_add_impl']);
const ASYNC_CALLBACK_KFUNCS: ReadonlySet<string> = new Set([
  'bpf_wq_set_callback_impl',
  'bpf_task_work_schedule_resume',
  'bpf_task_work_schedule_signal',
  'bpf_task_work_schedule_resume_impl',
  'bpf_task_work_schedule_signal_impl',
]);
/** Kernel functions under the fastcall contract (KF_FASTCALL). */
const FASTCALL_KFUNCS: ReadonlySet<string> = new Set(['bpf_cast_to_kern_ctx', 'bpf_rdonly_cast']);
/** Helpers that the x86_64 kernel inlines without touching r1 to r5: get_smp_processor_id. */
const INLINED_HELPERS: ReadonlySet<number> = new Set([8]);

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

const kfuncName = (env: VerifierEnv, i: number): string => env.aux.extra.get(i)?.kfunc ?? '';

/** The call runs its callback any number of times before it returns. */
export function callsSyncCallback(env: VerifierEnv, i: number): boolean {
  if (isHelperCall(env.insns, i)) return SYNC_CALLBACK_HELPERS.has(env.insns.imm[i]);
  return isKfuncCall(env.insns, i) && SYNC_CALLBACK_KFUNCS.has(kfuncName(env, i));
}

/** The call hands its callback to a timer or a work queue. */
export function callsAsyncCallback(env: VerifierEnv, i: number): boolean {
  if (isHelperCall(env.insns, i)) return ASYNC_CALLBACK_HELPERS.has(env.insns.imm[i]);
  return isKfuncCall(env.insns, i) && ASYNC_CALLBACK_KFUNCS.has(kfuncName(env, i));
}

/** A kernel function that advances an open-coded iterator. */
export const isIterNextCall = (env: VerifierEnv, i: number): boolean =>
  isKfuncCall(env.insns, i) && /^bpf_iter_\w+_next$/.test(kfuncName(env, i));

export const isThrowCall = (env: VerifierEnv, i: number): boolean =>
  isKfuncCall(env.insns, i) && kfuncName(env, i) === 'bpf_throw';

/** get_call_summary: undefined for calls of the program's own functions, and of helpers and kernel functions that are not available. */
export function callSummary(env: VerifierEnv, i: number): CallSummary | undefined {
  const proto = helperProto(env, i);
  if (proto !== undefined) {
    const inlined = INLINED_HELPERS.has(proto.id);
    return {
      numParams: proto.args.length,
      isVoid: baseType(proto.ret) === RET_VOID,
      fastcall: proto.allowFastcall === true && inlined,
    };
  }
  const extra = isKfuncCall(env.insns, i) ? env.aux.extra.get(i) : undefined;
  const btf = extra?.kfunc === undefined ? undefined : kernelBtf(env);
  const func = btf?.type(extra?.btfId ?? 0);
  const fnProto = func?.kind === BTF_KIND.FUNC ? btf?.type(func.type) : undefined;
  if (fnProto === undefined || kfuncFor(env.input.rules, func?.name ?? '', env.query) === undefined) return undefined;
  return {
    numParams: fnProto.params.length,
    isVoid: fnProto.type === 0,
    fastcall: FASTCALL_KFUNCS.has(extra?.kfunc ?? ''),
  };
}
