/** The target of a kptr, and the objects that may be stored in it (map_kptr_match_type). */
import { BPF_KPTR_PERCPU, BPF_KPTR_UNREF, type BtfField } from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  baseType,
} from '../../rules/reg-types.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { A, B, TYPE } from '../state/row.ts';
import type { StructRef } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkPtrOffReg } from './ctx.ts';
import { btfTypeName, structAt, structIdsMatch } from './struct-match.ts';

/** The target of a kptr: a kernel struct when the kernel has one of that name, else one of the program's. */
export function kptrTarget(env: VerifierEnv, field: BtfField): StructRef {
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
    if (structIdsMatch(env, structAt(rows, r), target, exact)) return;
  }
  const untrusted = field.type === BPF_KPTR_UNREF ? ` or ${regTypeStr(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${want}` : '';
  reject(env, CALL.KPTR_TYPE, regno, `${regTypeStr(type)}${have}`, `${regTypeStr(PTR_TO_BTF_ID)}${want}${untrusted}`);
}
