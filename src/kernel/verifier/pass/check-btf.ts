/** func_info and line_info against the program (check_btf_info_early, check_btf_info). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, BTF_LINKAGE } from '../../../btf/types.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

/** Before functions are known: order and types of func_info. */
export function checkBtfInfoEarly(env: VerifierEnv): void {
  const { btf, funcInfo } = env.input;
  if (btf === undefined || funcInfo === undefined) return;
  env.btfs[1] = btf;
  let prev = 0;
  for (const [i, info] of funcInfo.entries()) {
    if (i === 0 && info.insnOff !== 0) reject(env, STRUCTURE.FUNC_INFO_FIRST, info.insnOff);
    if (i > 0 && info.insnOff <= prev) reject(env, STRUCTURE.FUNC_INFO_ORDER, info.insnOff, prev);
    const func = btf.type(info.typeId);
    if (func?.kind !== BTF_KIND.FUNC) reject(env, STRUCTURE.FUNC_INFO_TYPE, info.typeId);
    if (btf.kind(func.type) !== BTF_KIND.FUNC_PROTO) reject(env, STRUCTURE.FUNC_INFO_PROTO);
    prev = info.insnOff;
  }
}

/** Once functions are known: both kinds of records against them; names and linkage go to env.subprogs. */
export function checkBtfInfo(env: VerifierEnv): void {
  checkFuncInfo(env);
  checkLineInfo(env);
}

/** Functions other than the main one that may end early must be known to return a number (check_abnormal_return). */
function checkAbnormalReturn(env: VerifierEnv): void {
  for (const s of env.subprogs.slice(1)) {
    if (s.hasLdAbs) reject(env, STRUCTURE.LD_ABS_NO_BTF);
    if (s.hasTailCall) reject(env, STRUCTURE.TAIL_CALL_NO_BTF);
  }
}

/** A type that fits in a register as a number: integers up to 8 bytes and enums. */
function returnsScalar(btf: Btf, typeId: number): boolean {
  const t = btf.type(btf.skipModifiers(typeId));
  if (t === undefined) return false;
  return t.kind === BTF_KIND.INT ? t.size <= 8 : t.kind === BTF_KIND.ENUM || t.kind === BTF_KIND.ENUM64;
}

function checkFuncInfo(env: VerifierEnv): void {
  const { btf, funcInfo } = env.input;
  if (btf === undefined || funcInfo === undefined || funcInfo.length === 0) {
    checkAbnormalReturn(env);
    return;
  }
  if (funcInfo.length !== env.subprogs.length) reject(env, STRUCTURE.FUNC_INFO_COUNT);
  for (const [i, info] of funcInfo.entries()) {
    const subprog = env.subprogs[i];
    if (subprog.start !== info.insnOff) reject(env, STRUCTURE.FUNC_INFO_LAYOUT);
    const func = btf.type(info.typeId);
    const proto = func && btf.type(func.type);
    if (func === undefined || proto === undefined) reject(env, STRUCTURE.FUNC_INFO_TYPE, info.typeId);
    subprog.typeId = info.typeId;
    subprog.name = func.name;
    subprog.isGlobal = func.linkage === BTF_LINKAGE.GLOBAL;
    if (i === 0 || returnsScalar(btf, proto.type)) continue;
    if (subprog.hasLdAbs) reject(env, STRUCTURE.LD_ABS_RETURN);
    if (subprog.hasTailCall) reject(env, STRUCTURE.TAIL_CALL_RETURN);
  }
}

function checkLineInfo(env: VerifierEnv): void {
  const { btf, lineInfo } = env.input;
  if (btf === undefined || lineInfo === undefined || lineInfo.length === 0) return;
  const { insns, subprogs } = env;
  let prev = 0;
  let s = 0;
  for (const [i, info] of lineInfo.entries()) {
    if ((i > 0 && info.insnOff <= prev) || info.insnOff >= insns.length)
      reject(env, STRUCTURE.LINE_INFO_OFF, i, info.insnOff, prev, insns.length);
    if (insns.code[info.insnOff] === 0) reject(env, STRUCTURE.LINE_INFO_CODE, i);
    if (info.lineOff >= btf.strEndOff || info.fileNameOff >= btf.strEndOff) reject(env, STRUCTURE.LINE_INFO_STR, i);
    if (s < subprogs.length) {
      if (info.insnOff === subprogs[s].start) s++;
      else if (subprogs[s].start < info.insnOff) reject(env, STRUCTURE.LINE_INFO_MISSING_FUNC, s);
    }
    prev = info.insnOff;
  }
  if (s !== subprogs.length) reject(env, STRUCTURE.LINE_INFO_MISSING_FUNCS, subprogs.length - s, s);
}
