/** Special fields of what a pointer leads to (reg_btf_record, btf_record_find). */
import type { Btf } from '../../../btf/btf.ts';
import { type BtfField, type BtfRecord, parseRecord } from '../../../btf/record.ts';
import { MEM_ALLOC, PTR_TO_BTF_ID, PTR_TO_MAP_VALUE, baseType } from '../../spec/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../pass/kfuncs.ts';
import { A, B, TYPE } from '../state/row.ts';

/** type_is_ptr_alloc_obj: memory that bpf_obj_new gave. */
export const isPtrAllocObj = (type: number): boolean => baseType(type) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0;

/** reg_btf_record: fields of the map value or allocated object that the register points to. */
export function regBtfRecord(env: VerifierEnv, rows: Int32Array, r: number): BtfRecord | undefined {
  const type = rows[r + TYPE];
  if (baseType(type) === PTR_TO_MAP_VALUE) return env.maps[rows[r + A]].record;
  if (isPtrAllocObj(type)) return structRecord(env, rows[r + A], rows[r + B]);
  return undefined;
}

/** Records by type id; BTF objects never change, so what was found stays true. */
const cache = new WeakMap<Btf, Map<number, BtfRecord | undefined>>();

/** btf_find_struct_meta: special fields of a struct of the program's BTF. */
export function structRecord(env: VerifierEnv, btfIndex: number, typeId: number): BtfRecord | undefined {
  const btf = env.btfs[btfIndex];
  if (btfIndex === 0 || btf === undefined) return undefined;
  let records = cache.get(btf);
  if (records === undefined) cache.set(btf, (records = new Map()));
  if (!records.has(typeId)) records.set(typeId, parseRecord(btf, typeId, { kernelBtf: kernelBtf(env) }));
  return records.get(typeId);
}

/** btf_record_find: the field at exactly that offset, when its type is in `mask`. */
export function findField(record: BtfRecord | undefined, off: number, mask: number): BtfField | undefined {
  const field = record?.fields.find((f) => f.offset === off);
  return field !== undefined && (field.type & mask) !== 0 ? field : undefined;
}

export const hasField = (record: BtfRecord | undefined, mask: number): boolean =>
  record !== undefined && (record.mask & mask) !== 0;
