/** Makes a map's descriptor without any storage: what a verifier needs of a map that is never used. */
import type { Btf } from '../../btf/btf.ts';
import type { BtfRecord } from '../../btf/record.ts';
import type { MapCreateAttr } from '../../uapi/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import type { MapDesc } from '../spec/map-desc.ts';
import { checkAttr } from './check.ts';
import { BPF_F_RDONLY_PROG } from '../../uapi/flags.ts';
import { MAP_TYPES } from './table.ts';

/** What a descriptor needs beside the attribute's numbers. */
export interface MapContext {
  readonly id: number;
  /** The object behind btf_fd. */
  readonly btf?: Btf;
  /** Special fields of the value type, found by BTF. */
  readonly record?: BtfRecord;
  /** Template behind inner_map_fd. */
  readonly inner?: MapDesc;
}

/** The descriptor that MAP_CREATE with this attribute makes, or -errno. */
export function describeMap(attr: MapCreateAttr, context: MapContext): MapDesc | number {
  const row = MAP_TYPES[attr.map_type];
  if (row === undefined) return -ERRNO.EINVAL;
  const bad = checkAttr(row, attr) || checkBtf(attr, context, row.btf === true) || checkInner(attr, context);
  if (bad !== 0) return bad;
  const devmap = attr.map_type === T.BPF_MAP_TYPE_DEVMAP || attr.map_type === T.BPF_MAP_TYPE_DEVMAP_HASH;
  return {
    id: context.id,
    name: attr.map_name ?? '',
    type: attr.map_type,
    keySize: attr.key_size,
    valueSize: attr.value_size,
    maxEntries: attr.max_entries,
    // A devmap lookup points into kernel data that programs must not write.
    flags: (attr.map_flags ?? 0) | (devmap ? BPF_F_RDONLY_PROG : 0),
    mapExtra: Number(attr.map_extra ?? 0n),
    ...(context.btf ? { btf: context.btf } : {}),
    btfKeyTypeId: attr.btf_key_type_id ?? 0,
    btfValueTypeId: attr.btf_value_type_id ?? 0,
    ...(context.record && context.record.fields.length > 0 ? { record: context.record } : {}),
    ...(context.inner ? { inner: context.inner } : {}),
    frozen: false,
    addr: 0,
    valuesAddr: 0,
    elemSize: Math.ceil(attr.value_size / 8) * 8,
  };
}

/** map_check_btf: ids must name types of the right size. */
function checkBtf(attr: MapCreateAttr, context: MapContext, required: boolean): number {
  const key = attr.btf_key_type_id ?? 0;
  const value = attr.btf_value_type_id ?? 0;
  if (required && attr.map_type !== T.BPF_MAP_TYPE_STRUCT_OPS && (!key || !value)) return -ERRNO.EINVAL;
  const btf = context.btf;
  if (!btf) return 0;
  if (!value) return key ? -ERRNO.EINVAL : 0;
  if (key && btf.sizeOf(key) !== attr.key_size) return -ERRNO.EINVAL;
  if (btf.sizeOf(value) !== attr.value_size) return -ERRNO.EINVAL;
  return 0;
}

/** bpf_map_meta_alloc: what a template may be. */
function checkInner(attr: MapCreateAttr, context: MapContext): number {
  if (attr.map_type !== T.BPF_MAP_TYPE_ARRAY_OF_MAPS && attr.map_type !== T.BPF_MAP_TYPE_HASH_OF_MAPS) return 0;
  const inner = context.inner;
  if (!inner) return -ERRNO.EBADF;
  if (inner.inner) return -ERRNO.EINVAL;
  const unsupported: readonly number[] = [
    T.BPF_MAP_TYPE_CGROUP_STORAGE,
    T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
    T.BPF_MAP_TYPE_STRUCT_OPS,
  ];
  return unsupported.includes(inner.type) ? -ERRNO.ENOTSUPP : 0;
}
