/** Special fields of a map's value type, and which map types may hold them (map_check_btf). */
import type { Btf } from '../../btf/btf.ts';
import * as R from '../../btf/record.ts';
import { checkOwnership, structMetas } from '../../btf/struct-metas.ts';
import type { MapCreateAttr } from '../../uapi/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import { sizedType } from '../maps/describe.ts';
import type { SyscallEnv } from './env.ts';

const LOCAL_STORAGE: readonly number[] = [
  T.BPF_MAP_TYPE_SK_STORAGE,
  T.BPF_MAP_TYPE_INODE_STORAGE,
  T.BPF_MAP_TYPE_TASK_STORAGE,
  T.BPF_MAP_TYPE_CGRP_STORAGE,
];
const HASH_ARRAY_LRU: readonly number[] = [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_LRU_HASH, T.BPF_MAP_TYPE_ARRAY];
const PER_CPU: readonly number[] = [
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  T.BPF_MAP_TYPE_PERCPU_ARRAY,
];

/** Field types, and the map types that may hold them. */
const HOLDERS: readonly { readonly fields: number; readonly types: readonly number[] }[] = [
  {
    fields: R.BPF_SPIN_LOCK | R.BPF_RES_SPIN_LOCK,
    types: [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_CGROUP_STORAGE, ...LOCAL_STORAGE],
  },
  { fields: R.BPF_TIMER | R.BPF_WORKQUEUE | R.BPF_TASK_WORK, types: HASH_ARRAY_LRU },
  {
    fields: R.BPF_KPTR_UNREF | R.BPF_KPTR_REF | R.BPF_KPTR_PERCPU | R.BPF_REFCOUNT,
    types: [...HASH_ARRAY_LRU, ...PER_CPU, ...LOCAL_STORAGE],
  },
  { fields: R.BPF_UPTR, types: [T.BPF_MAP_TYPE_TASK_STORAGE] },
  { fields: R.BPF_LIST_HEAD | R.BPF_RB_ROOT, types: HASH_ARRAY_LRU },
];
const MASK = HOLDERS.reduce((mask, holder) => mask | holder.fields, 0);

/** The record of the value type, undefined when it has no special fields, or -errno. */
export function valueRecord(env: SyscallEnv, btf: Btf, attr: MapCreateAttr): R.BtfRecord | undefined | number {
  const typeId = attr.btf_value_type_id ?? 0;
  if (typeId === 0) return undefined;
  const kernelBtf = (): Btf | undefined => env.vmlinux();
  const record = R.parseRecord(btf, sizedType(btf, typeId), {
    mask: MASK,
    valueSize: attr.value_size,
    kernelBtf,
  });
  if (record === undefined) return undefined;
  if (!env.caps.bpf && !env.caps.sysAdmin) return -ERRNO.EPERM;
  if ((attr.map_flags ?? 0) & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) return -ERRNO.EACCES;
  for (const { fields, types } of HOLDERS)
    if (record.mask & fields && !types.includes(attr.map_type)) return -ERRNO.EOPNOTSUPP;
  const errno =
    record.mask & (R.BPF_LIST_HEAD | R.BPF_RB_ROOT) ? checkOwnership(record, structMetas(btf, kernelBtf).records) : 0;
  return errno === 0 ? record : -errno;
}
