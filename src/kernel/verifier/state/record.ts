/** Special fields of what a pointer leads to (reg_btf_record, btf_record_find). */
import type { Btf } from '../../../btf/btf.ts';
import {
  BPF_KPTR_PERCPU,
  BPF_KPTR_REF,
  BPF_KPTR_UNREF,
  BPF_LIST_HEAD,
  BPF_LIST_NODE,
  BPF_RB_NODE,
  BPF_RB_ROOT,
  BPF_REFCOUNT,
  BPF_RES_SPIN_LOCK,
  BPF_SPIN_LOCK,
  BPF_TASK_WORK,
  BPF_TIMER,
  BPF_UPTR,
  BPF_WORKQUEUE,
  type BtfField,
  type BtfRecord,
} from '../../../btf/record.ts';
import { structMetas } from '../../../btf/struct-metas.ts';
import { MEM_ALLOC, PTR_TO_BTF_ID, PTR_TO_MAP_VALUE, baseType } from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { A, B, TYPE } from './row.ts';

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
const cache = new WeakMap<Btf, ReadonlyMap<number, BtfRecord>>();

/** btf_find_struct_meta: special fields of a struct of the program's BTF. */
export function structRecord(env: VerifierEnv, btfIndex: number, typeId: number): BtfRecord | undefined {
  const btf = env.btfs[btfIndex];
  if (btfIndex === 0 || btf === undefined) return undefined;
  let records = cache.get(btf);
  if (records === undefined) cache.set(btf, (records = structMetas(btf, () => kernelBtf(env)).records));
  return records.get(typeId);
}

/** btf_record_find: the field at exactly that offset, when its type is in `mask`. */
export function findField(record: BtfRecord | undefined, off: number, mask: number): BtfField | undefined {
  const field = record?.fields.find((f) => f.offset === off);
  return field !== undefined && (field.type & mask) !== 0 ? field : undefined;
}

const FIELD_NAMES: ReadonlyMap<number, string> = new Map([
  [BPF_SPIN_LOCK, 'bpf_spin_lock'],
  [BPF_RES_SPIN_LOCK, 'bpf_res_spin_lock'],
  [BPF_TIMER, 'bpf_timer'],
  [BPF_WORKQUEUE, 'bpf_wq'],
  [BPF_TASK_WORK, 'bpf_task_work'],
  [BPF_KPTR_UNREF, 'kptr'],
  [BPF_KPTR_REF, 'kptr'],
  [BPF_KPTR_PERCPU, 'percpu_kptr'],
  [BPF_UPTR, 'uptr'],
  [BPF_LIST_HEAD, 'bpf_list_head'],
  [BPF_LIST_NODE, 'bpf_list_node'],
  [BPF_RB_ROOT, 'bpf_rb_root'],
  [BPF_RB_NODE, 'bpf_rb_node'],
  [BPF_REFCOUNT, 'bpf_refcount'],
]);

/** btf_field_type_name(). */
export const fieldTypeName = (type: number): string => FIELD_NAMES.get(type) ?? 'unknown';

export const hasField = (record: BtfRecord | undefined, mask: number): boolean =>
  record !== undefined && (record.mask & mask) !== 0;
