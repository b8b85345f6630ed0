/** Kptr exchange: the destination must be a referenced kptr member (process_kptr_func). */
import { BPF_KPTR_PERCPU, BPF_KPTR_REF, BPF_KPTR_UNREF } from '../../../../btf/record.ts';
import { RESOURCE } from '../../diag/catalogue/resource.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { findField, hasField, isPtrAllocObj, regBtfRecord } from '../../state/record.ts';
import { A, OFF, TYPE, VALUE_LO, varOffConst } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { CallMeta } from '../../state/call-meta.ts';

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
