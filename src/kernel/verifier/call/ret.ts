/** The value that a program gives to the kernel when it ends (check_return_code). */
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { PTR_TO_BTF_ID, SCALAR_VALUE, baseType } from '../../rules/reg-types.ts';
import { checkPtrOffReg } from '../access/ctx.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { s64Text } from '../state/format.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { isPointerValue } from '../state/pointer.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import {
  A,
  B,
  REF_OBJ_ID,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  TYPE,
  smaxOf,
  sminOf,
} from '../state/row.ts';
import { checkRegRead } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { attachFuncProto, attachReturnsVoid } from '../attach-point.ts';

const { BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_STRUCT_OPS } = BPF_PROG_TYPE;

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A returned number and what the kernel takes at that place. */
interface Returned {
  readonly regno: number;
  /** The register in the message. */
  readonly name: string;
  readonly range: Range;
  /** The place in the message. */
  readonly where: string;
}

/** check_return_code: `regno` is R0 at an exit, R1 of bpf_throw; `regName` is how the message calls it. */
export function checkReturnCode(env: VerifierEnv, regno: number, regName: string): void {
  const main = env.state.frames[0];
  const isSubprog = main.subprogno !== 0;
  const { query } = env;
  if (!isSubprog || main.inExceptionCallbackFn) {
    const hookReturns =
      query.progType === BPF_PROG_TYPE_LSM ? !query.lsmCgroup : query.progType === BPF_PROG_TYPE_STRUCT_OPS;
    if (hookReturns && attachReturnsVoid(env)) return;
    if (query.progType === BPF_PROG_TYPE_STRUCT_OPS && !main.inExceptionCallbackFn && returnsObject(env, regno)) return;
  }
  checkRegRead(env, regno);
  if (isPointerValue(env, regno)) reject(env, CALL.RETURN_LEAKS, regno);
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (main.inAsyncCallbackFn) {
    const range = { min: main.callbackRetMin, max: main.callbackRetMax };
    return enforceRange(env, { regno, name: regName, range, where: 'At async callback return' }, false);
  }
  if (isSubprog && !main.inExceptionCallbackFn) {
    if (rows[r + TYPE] !== SCALAR_VALUE) reject(env, CALL.SUBPROG_RETURN, regno, regTypeStr(rows[r + TYPE]));
    return;
  }
  const range = returnsPointer(env) ? NULL_ONLY : env.ops.retRange(query);
  if (range === undefined) return;
  const is32 = query.progType === BPF_PROG_TYPE_LSM && !query.lsmCgroup;
  enforceRange(env, { regno, name: regName, range, where: 'At program exit' }, is32);
}

const NULL_ONLY: Range = { min: 0, max: 0 };

/** A struct_ops function whose result is a pointer to a struct: no number but 0 is one. */
function returnsPointer(env: VerifierEnv): boolean {
  if (env.query.progType !== BPF_PROG_TYPE_STRUCT_OPS) return false;
  const proto = attachFuncProto(env);
  const btf = kernelBtf(env);
  return btf !== undefined && proto !== undefined && btf.kind(btf.skipModifiers(proto.type)) === BTF_KIND.PTR;
}

/** A struct_ops function may return an unmodified object that it holds, when the operation's type is that. */
function returnsObject(env: VerifierEnv, regno: number): boolean {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const btf = kernelBtf(env);
  const proto = attachFuncProto(env);
  if (btf === undefined || proto === undefined || baseType(rows[r + TYPE]) !== PTR_TO_BTF_ID) return false;
  const ret = btf.type(btf.skipModifiers(proto.type));
  if (ret === undefined || rows[r + A] !== 0 || rows[r + REF_OBJ_ID] === 0) return false;
  if (btf.skipModifiers(ret.type) !== rows[r + B]) return false;
  checkPtrOffReg(env, regno, false);
  return true;
}

function enforceRange(env: VerifierEnv, returned: Returned, is32: boolean): void {
  const { regno, range, where } = returned;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (rows[r + TYPE] !== SCALAR_VALUE) reject(env, CALL.RETURN_NOT_KNOWN, where, regno, regTypeStr(rows[r + TYPE]));
  markChainPrecision(env, regno);
  const min = is32 ? rows[r + S32_MIN] : sminOf(rows, r);
  const max = is32 ? rows[r + S32_MAX] : smaxOf(rows, r);
  if (min >= range.min && max <= range.max) return;
  if (env.query.lsmCgroup && env.query.attachReturnsVoid) rejectVoidHook(env, returned);
  rejectRange(env, returned);
}

/** verbose_invalid_scalar. */
function rejectRange(env: VerifierEnv, { regno, name, range, where }: Returned): never {
  return reject(env, CALL.RETURN_RANGE, where, name, knownRange(env, regno), range.min, range.max);
}

function rejectVoidHook(env: VerifierEnv, { regno, name, range, where }: Returned): never {
  env.log.line(CALL.RETURN_RANGE.text(where, name, knownRange(env, regno), range.min, range.max));
  return reject(env, CALL.RETURN_VOID_HOOK);
}

/** Known bounds of the returned number. */
function knownRange(env: VerifierEnv, regno: number): string {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  let has = '';
  if (rows[r + SMIN_LO] !== 0 || rows[r + SMIN_HI] !== -0x80000000)
    has += ` smin=${s64Text(rows[r + SMIN_LO], rows[r + SMIN_HI])}`;
  if (rows[r + SMAX_LO] !== -1 || rows[r + SMAX_HI] !== 0x7fffffff)
    has += ` smax=${s64Text(rows[r + SMAX_LO], rows[r + SMAX_HI])}`;
  return has || ' unknown scalar value';
}
