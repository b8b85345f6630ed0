/** Kptr exchange: the destination must be a referenced kptr member, the source an object of its type (process_kptr_func, map_kptr_match_type). */
import { BPF_KPTR_PERCPU, BPF_KPTR_REF, BPF_KPTR_UNREF, type BtfField } from '../../../../btf/record.ts';
import { BTF_KIND } from '../../../../btf/types.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  baseType,
} from '../../../rules/reg-types.ts';
import { checkPtrOffReg } from '../../access/ctx.ts';
import { CALL } from '../../diag/catalogue/call.ts';
import { RESOURCE } from '../../diag/catalogue/resource.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { kernelBtf } from '../../pass/kfuncs.ts';
import { findField, hasField, isPtrAllocObj, regBtfRecord } from '../../state/record.ts';
import { regTypeStr } from '../../state/reg-type-str.ts';
import { A, B, OFF, TYPE, VALUE_LO, varOffConst } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { CallMeta } from '../../state/call-meta.ts';
import { btfTypeName, structIdsMatch } from './btf.ts';

const BPF_KPTR = BPF_KPTR_UNREF | BPF_KPTR_REF | BPF_KPTR_PERCPU;

/** process_kptr_func: register `regno` points at a kptr that may be exchanged. */
export function processKptrDest(env: VerifierEnv, regno: number, meta: CallMeta): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (!isPtrAllocObj(rows[r + TYPE])) {
    const map = env.maps[rows[r + A]];
    if (map.btf === undefined) reject(env, RESOURCE.FIELD_MAP_NO_BTF, map.name, 'bpf_kptr_xchg');
    meta.map = map;
    meta.mapIndex = rows[r + A];
  }
  const record = regBtfRecord(env, rows, r);
  if (!varOffConst(rows, r)) reject(env, RESOURCE.KPTR_OFFSET_NOT_CONST, regno);
  if (!hasField(record, BPF_KPTR)) reject(env, RESOURCE.KPTR_NONE, regno);
  const off = (rows[r + OFF] + rows[r + VALUE_LO]) | 0;
  const field = findField(record, off, BPF_KPTR);
  if (field === undefined) reject(env, RESOURCE.KPTR_OFFSET, off);
  if (field.type === BPF_KPTR_UNREF) reject(env, RESOURCE.KPTR_NOT_REF, off);
  meta.kptrField = field;
}

/** What a kptr leads to: a kernel struct when the kernel has one of that name, else one of the program's. */
export function kptrTarget(env: VerifierEnv, field: BtfField): { btf: number; id: number } {
  const kernelId = field.typeName === undefined ? 0 : (kernelBtf(env)?.find(field.typeName, BTF_KIND.STRUCT) ?? 0);
  return kernelId > 0 ? { btf: 0, id: kernelId } : { btf: env.btfIndex(field.btf), id: field.typeId ?? 0 };
}

/** map_kptr_match_type: the object in register `regno` may be stored in the kptr member. */
export function checkKptrMatch(env: VerifierEnv, regno: number, field: BtfField): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const target = kptrTarget(env, field);
  let allowed: number;
  if (target.btf === 0) {
    allowed = PTR_MAYBE_NULL | PTR_TRUSTED | MEM_RCU;
    if (field.type === BPF_KPTR_UNREF) allowed |= PTR_UNTRUSTED;
  } else {
    allowed = PTR_MAYBE_NULL | MEM_ALLOC;
    if (field.type === BPF_KPTR_PERCPU) allowed |= MEM_PERCPU;
  }
  const want = btfTypeName(env, target.btf, target.id);
  const have = baseType(type) === PTR_TO_BTF_ID ? btfTypeName(env, rows[r + A], rows[r + B]) : '';
  const flagsFit = (type & ~0xff & ~allowed) === 0;
  if (baseType(type) === PTR_TO_BTF_ID && flagsFit) {
    checkPtrOffReg(env, regno, true);
    const exact = field.type !== BPF_KPTR_UNREF;
    if (structIdsMatch(env, rows[r + A], rows[r + B], rows[r + OFF], target.btf, target.id, exact)) return;
  }
  const untrusted = field.type === BPF_KPTR_UNREF ? ` or ${regTypeStr(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${want}` : '';
  reject(env, CALL.KPTR_TYPE, regno, `${regTypeStr(type)}${have}`, `${regTypeStr(PTR_TO_BTF_ID)}${want}${untrusted}`);
}
