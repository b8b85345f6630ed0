/** The program's context: only what its type allows, through an unmodified pointer (check_ctx_access, check_ptr_off_reg). */
import { BTF_KIND } from '../../../btf/types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { PTR_TO_BTF_ID, SCALAR_VALUE, baseType, typeMayBeNull } from '../../rules/reg-types.ts';
import type { CtxAccess } from '../../rules/prog-type.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { Rejected, reject } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import { lowerSmax, raiseSmin, regBoundsSync } from '../domain/sync.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { formatTnum } from '../state/format.ts';
import { isPointerValue } from '../state/pointer.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { printLineInfo } from '../state/print-insn.ts';
import { A, B, ID, OFF, REF_OBJ_ID, SUBREG_DEF, TYPE, loadScalar, storeScalar, varOffZero } from '../state/row.ts';
import { markRegPointer, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import type { Access } from './access.ts';
import { type CtxArgument, btfCtxAccess } from './ctx-btf.ts';

/** __check_ptr_off_reg: the pointer is as the kernel gave it, or moved by a positive constant when that is fine. */
export function checkPtrOffReg(env: VerifierEnv, regno: number, fixedOffOk = false): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const name = regTypeStr(rows[r + TYPE]);
  if (rows[r + OFF] < 0) reject(env, ACCESS.PTR_NEGATIVE, name, regno, rows[r + OFF]);
  if (!fixedOffOk && rows[r + OFF] !== 0) reject(env, ACCESS.PTR_MODIFIED, name, regno, rows[r + OFF]);
  if (!varOffZero(rows, r)) reject(env, ACCESS.PTR_VARIABLE, name, formatTnum(rows, r));
}

/** A load or store through PTR_TO_CTX. */
export function accessCtx(env: VerifierEnv, access: Access): void {
  const { regno, off, size, insnIdx, write, valueRegno } = access;
  if (write && valueRegno >= 0 && isPointerValue(env, valueRegno)) reject(env, ACCESS.LEAK_CTX, valueRegno);
  checkPtrOffReg(env, regno);
  const field: CtxAccess = { regType: SCALAR_VALUE, ctxFieldSize: 0 };
  const valid = env.ops.isValidAccess(access, env.query, field) || readsBeforeRecord(env, off, size, write);
  const argument = valid && env.ops.btfCtx ? btfCtxAccess(env, off, size) : undefined;
  if (!valid || (env.ops.btfCtx && argument === undefined)) {
    env.log.line(ACCESS.CTX.text(off, size));
    printLineInfo(env, insnIdx);
    throw new Rejected(ACCESS.CTX, ACCESS.CTX.errno);
  }
  env.maxCtxOffset = Math.max(env.maxCtxOffset, off + size);
  if (argument !== undefined) {
    if (!write && valueRegno >= 0) setArgument(env, valueRegno, argument);
    return;
  }
  const isBtf = baseType(field.regType) === PTR_TO_BTF_ID;
  if (!isBtf) env.aux.ctxFieldSize[insnIdx] = field.ctxFieldSize;
  if (write || valueRegno < 0) return;
  const btfId = isBtf ? (kernelBtf(env)?.find(field.btfName ?? '', BTF_KIND.STRUCT) ?? 0) : 0;
  setLoaded(env, valueRegno, field.regType, btfId);
}

/**
 * 6.18 compares the offset into a tracepoint's record without its sign, so that it takes negative ones for large enough
 * (tp_prog_is_valid_access()) and lets programs read what lies before.
 */
function readsBeforeRecord(env: VerifierEnv, off: number, size: number, write: boolean): boolean {
  if (env.query.progType !== BPF_PROG_TYPE.BPF_PROG_TYPE_TRACEPOINT || off >= 0 || off % size !== 0 || write)
    return false;
  return !env.fixed('TRACEPOINT_NEGATIVE_OFFSET');
}

function setLoaded(env: VerifierEnv, regno: number, regType: number, btfId: number): void {
  const { rows } = env.state.frame;
  const d = regRow(regno);
  if (regType === SCALAR_VALUE) return markRegUnknown(env, rows, d);
  markRegPointer(rows, d, regType);
  rows[d + SUBREG_DEF] = 0;
  if (typeMayBeNull(regType)) rows[d + ID] = env.newId();
  if (baseType(regType) !== PTR_TO_BTF_ID) return;
  rows[d + A] = 0;
  rows[d + B] = btfId;
}

const retval = new Scalar();

/** A typed argument; what an LSM hook returned lies in the range that the hook has. */
function setArgument(env: VerifierEnv, regno: number, { regType, btfId, isRetval, refObjId }: CtxArgument): void {
  setLoaded(env, regno, regType, btfId);
  if (refObjId !== undefined) env.state.frame.rows[regRow(regno) + REF_OBJ_ID] = refObjId;
  const range = isRetval ? env.ops.retRange(env.query) : undefined;
  if (range === undefined) return;
  const { rows } = env.state.frame;
  const d = regRow(regno);
  loadScalar(retval, rows, d);
  retval.s32min = Math.max(retval.s32min, range.min);
  retval.s32max = Math.min(retval.s32max, range.max);
  raiseSmin(retval, range.min, range.min >> 31);
  lowerSmax(retval, range.max, range.max >> 31);
  regBoundsSync(retval);
  storeScalar(retval, rows, d);
}
