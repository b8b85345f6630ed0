/** Structs of a program that it may allocate, with the special fields in them (btf_parse_struct_metas). */
import { ERRNO } from '../uapi/errno.ts';
import type { Btf } from './btf.ts';
import * as R from './record.ts';
import { BTF_KIND } from './types.ts';

const LOCAL_FIELDS =
  R.BPF_SPIN_LOCK |
  R.BPF_RES_SPIN_LOCK |
  R.BPF_LIST_HEAD |
  R.BPF_LIST_NODE |
  R.BPF_RB_ROOT |
  R.BPF_RB_NODE |
  R.BPF_REFCOUNT |
  R.BPF_KPTR_UNREF |
  R.BPF_KPTR_REF |
  R.BPF_KPTR_PERCPU;
const NODES = R.BPF_LIST_NODE | R.BPF_RB_NODE;
const ROOTS = R.BPF_LIST_HEAD | R.BPF_RB_ROOT;
/** The first struct of each name is looked for; a bpf_res_spin_lock by itself does not count. */
const LOCAL_STRUCTS = ['bpf_spin_lock', 'bpf_list_head', 'bpf_list_node', 'bpf_rb_root', 'bpf_rb_node', 'bpf_refcount'];

/** The records by id of their struct; a positive errno when the kernel refuses the BTF for them. */
export interface StructMetas {
  readonly records: ReadonlyMap<number, R.BtfRecord>;
  readonly errno: number;
}

/** Finds every struct that has one of the types as the very type of a member: not behind typedefs, modifiers or arrays. */
export function structMetas(btf: Btf, kernelBtf: () => Btf | undefined): StructMetas {
  const records = new Map<number, R.BtfRecord>();
  const special = specialTypes(btf);
  if (special.size === 0) return { records, errno: 0 };
  const memo: R.RecordMemo = new Map();
  for (let id = 1; id < btf.nrTypes; id++) {
    if (btf.kind(id) !== BTF_KIND.STRUCT) continue;
    if (!btf.type(id)?.members.some((m) => special.has(m.type))) continue;
    const { record, errno } = R.parseRecordResult(btf, id, { mask: LOCAL_FIELDS, kernelBtf, memo });
    // Something that only looks like a field would be taken for plain memory.
    if (record === undefined) return { records, errno: errno || ERRNO.EFAULT };
    records.set(id, record);
  }
  for (const record of records.values()) {
    const errno = checkOwnership(record, records);
    if (errno !== 0) return { records, errno };
  }
  return { records, errno: 0 };
}

/** Ids of the special structs and of pointers to kptrs. */
function specialTypes(btf: Btf): ReadonlySet<number> {
  const special = new Set(LOCAL_STRUCTS.map((name) => btf.find(name, BTF_KIND.STRUCT)).filter((id) => id > 0));
  for (let id = 1; id < btf.nrTypes; id++) {
    const kind = btf.kind(id);
    if ((kind === BTF_KIND.PTR || kind === BTF_KIND.VOLATILE) && R.isKptr(btf, id)) special.add(id);
  }
  return special;
}

/**
 * What graph roots own has a record, and who is owned himself owns nobody who owns others (btf_check_and_fixup_fields).
 * A positive errno, or 0.
 */
export function checkOwnership(record: R.BtfRecord, records: ReadonlyMap<number, R.BtfRecord>): number {
  for (const field of record.fields) {
    if ((field.type & ROOTS) === 0) continue;
    const owned = records.get(field.typeId ?? 0);
    if (owned === undefined) return ERRNO.EFAULT;
    if (record.mask & NODES && owned.mask & ROOTS) return ERRNO.ELOOP;
  }
  return 0;
}
