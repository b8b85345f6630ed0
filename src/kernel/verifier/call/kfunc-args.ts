/** Arguments of a kernel function against its prototype (check_kfunc_args). */
import { BTF_KIND } from '../../../btf/types.ts';
import { OBJ_RELEASE, PTR_MAYBE_NULL, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { AUX_ARG_PROG } from '../insn-aux.ts';
import { REF_OBJ_ID, TYPE, VALUE_HI, VALUE_LO, varOffConst } from '../state/row.ts';
import { regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkArgRegOff } from './args/offset.ts';
import { hasSuffix, kfuncArgKind } from './kfunc-arg-kind.ts';
import { checkKfuncPtrArg, checkTrust } from './kfunc-ptr-arg.ts';
import { type KfuncMeta } from './kfunc-meta.ts';
import { btfKindName, isScalarKind } from '../../../btf/kinds.ts';

/** check_kfunc_args. */
export function checkKfuncArgs(env: VerifierEnv, meta: KfuncMeta): void {
  const { params } = meta;
  if (params.length > 5) reject(env, KFUNC.TOO_MANY_ARGS, meta.name, params.length);
  for (let i = 0; i < params.length; i++) {
    if (checkArg(env, meta, i) === 'pair') i++;
  }
  if (meta.isRelease && meta.releaseRegno === 0) reject(env, KFUNC.RELEASE_NOTHING, meta.name);
}

/** One argument; `pair`: the next one was its size. */
function checkArg(env: VerifierEnv, meta: KfuncMeta, i: number): 'single' | 'pair' {
  const { btf } = meta;
  const param = meta.params[i];
  const regno = i + 1;
  const type = btf.skipModifiers(param.type);
  if (hasSuffix(param, '__ign')) return 'single';
  if (hasSuffix(param, '__prog')) {
    env.aux.flags[env.insnIdx] |= AUX_ARG_PROG;
    return 'single';
  }
  if (isScalarKind(btf.kind(type))) {
    checkScalar(env, meta, i);
    return 'single';
  }
  if (btf.kind(type) !== BTF_KIND.PTR) reject(env, KFUNC.ARG_KIND, i, btfKindName(btf, type));
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const mayBeNull = regIsNull(rows, r) || (rows[r + TYPE] & PTR_MAYBE_NULL) !== 0;
  if ((meta.isTrustedArgs || meta.isRcu) && mayBeNull && !hasSuffix(param, '__nullable')) {
    reject(env, KFUNC.POSSIBLY_NULL, i);
  }
  if (rows[r + REF_OBJ_ID] !== 0) {
    if (meta.isRelease && meta.refObjId !== 0)
      reject(env, KFUNC.TWO_REFERENCES, regno, rows[r + REF_OBJ_ID], meta.refObjId);
    meta.refObjId = rows[r + REF_OBJ_ID];
    if (meta.isRelease) meta.releaseRegno = regno;
  }
  const ref = btf.skipModifiers(btf.ref(type));
  const kind = kfuncArgKind(env, meta, i, type, ref);
  if (kind === 'null') return 'single';
  checkTrust(env, meta, regno, kind);
  checkArgRegOff(env, regno, meta.isRelease && rows[r + REF_OBJ_ID] !== 0 ? OBJ_RELEASE : 0);
  checkKfuncPtrArg(env, meta, i, kind, ref);
  return kind === 'mem_size' ? 'pair' : 'single';
}

/** A number: any, a constant, or the size of what is returned. */
function checkScalar(env: VerifierEnv, meta: KfuncMeta, i: number): void {
  const param = meta.params[i];
  const regno = i + 1;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (rows[r + TYPE] !== SCALAR_VALUE) reject(env, KFUNC.NOT_SCALAR, regno);
  if (hasSuffix(param, '__k')) {
    if (!varOffConst(rows, r)) reject(env, KFUNC.NOT_CONSTANT, regno);
    markChainPrecision(env, regno);
    meta.constFound = true;
    meta.constLo = rows[r + VALUE_LO];
    meta.constHi = rows[r + VALUE_HI];
  } else if (param.name === 'rdonly_buf_size' || param.name === 'rdwr_buf_size') {
    if (param.name === 'rdonly_buf_size') meta.r0Rdonly = true;
    if (!varOffConst(rows, r)) reject(env, KFUNC.NOT_CONST_SIZE, regno);
    meta.r0Size = rows[r + VALUE_LO];
    markChainPrecision(env, regno);
  }
}
