/** Makes a map's descriptor without any storage: what a verifier needs of a map that is never used. */
import type { Btf } from '../../../btf/btf.ts';
import type { BtfRecord } from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import type { MapCreateAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { checkAttr, checkCommon, type CreateRules } from '../../rules/map-create.ts';
import type { MapRules } from '../env.ts';
import { BPF_F_NO_COMMON_LRU, BPF_F_RDONLY_PROG } from '../../../uapi/flags.ts';
import { claimedLength, faults, isNullBuffer } from '../../../uapi/attr/user-buffer.ts';

const SHA256_SIZE = 32;

/** An object name as the kernel takes it (bpf_obj_name_cpy): up to 15 letters, digits, `_` and `.`. */
export const validObjName = (name: string): boolean => /^[A-Za-z0-9_.]{0,15}$/.test(name);

/** Parts of a map description beside the attribute's numbers: each as it was found, or the errno that is due when its turn comes. */
export interface MapContext {
  readonly id: number;
  /** -errno of what is asked between the type's rules and its memory: devices and tokens. */
  readonly refused?: number;
  /** -errno of the allocation itself. */
  readonly unmade?: number;
  /** The object behind btf_fd. */
  readonly btf?: Btf | number;
  /** Special fields of the value type, found by BTF; -errno when the map must not have them. */
  readonly record?: BtfRecord | number;
  /** Template behind inner_map_fd. */
  readonly inner?: MapDesc | number;
}

/** The descriptor that MAP_CREATE with this attribute makes, or -errno. Checks are made in the order of 6.18. */
export function describeMap(kernel: MapRules, given: MapCreateAttr, context: MapContext): MapDesc | number {
  const attr = asU32(given);
  const row = kernel.map(attr.map_type);
  const rules = row?.create;
  const bad =
    checkCommon(attr, rules?.extra === true) ||
    checkType(rules, attr, context.refused ?? 0) ||
    (context.unmade ?? 0) ||
    checkInner(kernel, attr, context) ||
    (validObjName(attr.map_name ?? '') ? 0 : -ERRNO.EINVAL) ||
    checkBtf(attr, context, rules?.btf) ||
    checkExclusive(attr);
  if (bad !== 0) return bad;
  const { btf, record, inner } = context;
  return {
    id: context.id,
    name: attr.map_name ?? '',
    type: attr.map_type,
    keySize: attr.key_size,
    valueSize: attr.value_size,
    maxEntries: attr.max_entries,
    // A devmap lookup points into kernel data that programs must not write.
    flags: (attr.map_flags ?? 0) | (row?.constValues === true ? BPF_F_RDONLY_PROG : 0),
    mapExtra: Number(attr.map_extra ?? 0n),
    ...(typeof btf === 'object' ? { btf } : {}),
    btfKeyTypeId: attr.btf_key_type_id ?? 0,
    btfValueTypeId: attr.btf_value_type_id ?? 0,
    ...(typeof record === 'object' && record.fields.length > 0 ? { record } : {}),
    ...(typeof inner === 'object' ? { inner } : {}),
    ...(attr.excl_prog_hash ? { exclProgHash: attr.excl_prog_hash.slice() } : {}),
    frozen: false,
    addr: 0,
    valuesAddr: 0,
    elemSize: Math.ceil(attr.value_size / 8) * 8,
  };
}

function checkType(rules: CreateRules | undefined, attr: MapCreateAttr, refused: number): number {
  if (rules === undefined) return -ERRNO.EINVAL;
  return rules.late ? refused || checkAttr(rules, attr) : checkAttr(rules, attr) || refused;
}

/** The numbers as union bpf_attr holds them. */
function asU32(attr: MapCreateAttr): MapCreateAttr {
  return {
    ...attr,
    map_type: attr.map_type >>> 0,
    key_size: attr.key_size >>> 0,
    value_size: attr.value_size >>> 0,
    max_entries: attr.max_entries >>> 0,
    map_flags: (attr.map_flags ?? 0) >>> 0,
  };
}

/** As many entries as make full lists where each CPU has an LRU list of its own (htab_map_alloc). */
export function roundLru(desc: MapDesc, nrCpus: number): MapDesc {
  const lru = desc.type === T.BPF_MAP_TYPE_LRU_HASH || desc.type === T.BPF_MAP_TYPE_LRU_PERCPU_HASH;
  if (!lru || (desc.flags & BPF_F_NO_COMMON_LRU) === 0) return desc;
  return { ...desc, maxEntries: Math.ceil(desc.maxEntries / nrCpus) * nrCpus };
}

/** map_check_btf: ids must name types of the right size, and what the map type makes of them. */
function checkBtf(attr: MapCreateAttr, context: MapContext, rule: CreateRules['btf']): number {
  const key = attr.btf_key_type_id ?? 0;
  const value = attr.btf_value_type_id ?? 0;
  const { btf, record } = context;
  if (rule === 'int-key' && (!key || !value)) return -ERRNO.EINVAL;
  if (typeof btf === 'number') return btf;
  if (!btf || (!key && !value)) return 0;
  if (!value) return -ERRNO.EINVAL;
  if (key ? btf.sizeOf(key) !== attr.key_size : rule === undefined) return -ERRNO.EINVAL;
  if (btf.sizeOf(value) !== attr.value_size) return -ERRNO.EINVAL;
  if (typeof record === 'number') return record;
  switch (rule) {
    case 'refused':
      return -ERRNO.ENOTSUPP;
    case 'keyless':
      return key ? -ERRNO.EINVAL : 0;
    case 'struct-key':
      return btf.kind(sizedType(btf, key)) === BTF_KIND.STRUCT ? 0 : -ERRNO.EINVAL;
    case 'cgroup-key':
      return checkCgroupKey(btf, sizedType(btf, key)) ? 0 : -ERRNO.EINVAL;
    case 'int-key':
      return isPlainInt(btf, sizedType(btf, key), 4) ? 0 : -ERRNO.EINVAL;
    case 'index':
      return checkIndexKey(btf, attr, key, value) ? 0 : -ERRNO.EINVAL;
    default:
      return 0;
  }
}

/** array_map_check_btf: a 32-bit integer, or no key for the one element of a data section. */
function checkIndexKey(btf: Btf, attr: MapCreateAttr, key: number, value: number): boolean {
  if (key) return isPlainInt(btf, sizedType(btf, key), 4);
  return attr.map_type === T.BPF_MAP_TYPE_ARRAY && attr.max_entries === 1 && btf.kind(value) === BTF_KIND.DATASEC;
}

/** The type that gives a value its size: typedefs, modifiers and a variable's name aside (btf_type_id_size). */
export function sizedType(btf: Btf, id: number): number {
  const end = btf.skipModifiers(id);
  return btf.kind(end) === BTF_KIND.VAR ? btf.skipModifiers(btf.ref(end)) : end;
}

/** An integer that takes all of its bytes. */
function isPlainInt(btf: Btf, id: number, size: number): boolean {
  const t = btf.type(id);
  return t?.int !== undefined && t.size === size && t.int.bits === size * 8 && t.int.bitOffset === 0;
}

/** cgroup_storage_check_btf: a cgroup's id, or struct bpf_cgroup_storage_key by its shape. */
function checkCgroupKey(btf: Btf, key: number): boolean {
  const t = btf.type(key);
  if (t?.kind !== BTF_KIND.STRUCT) return isPlainInt(btf, key, 8);
  const places = [0, 64];
  const sizes = [8, 4];
  return (
    t.members.length === 2 &&
    t.members.every((m, i) => m.bitOffset === places[i] && isPlainInt(btf, sizedType(btf, m.type), sizes[i]))
  );
}

/** bpf_map_meta_alloc: what a template may be. */
function checkInner(kernel: MapRules, attr: MapCreateAttr, context: MapContext): number {
  if (kernel.map(attr.map_type)?.ofMaps !== true) return 0;
  const { inner } = context;
  if (typeof inner === 'number') return inner;
  // Without a template its descriptor is 0, which stands for something that is no map.
  if (!inner) return attr.inner_map_fd ? -ERRNO.EBADF : -ERRNO.EINVAL;
  if (inner.inner) return -ERRNO.EINVAL;
  if (inner.exclProgHash) return -ERRNO.ENOTSUPP;
  return kernel.map(inner.type)?.neverInner === true ? -ERRNO.ENOTSUPP : 0;
}

/** An exclusive map is for the one program whose instructions have this SHA-256. */
function checkExclusive({ excl_prog_hash: hash }: MapCreateAttr): number {
  if (hash === undefined) return 0;
  if (isNullBuffer(hash) || claimedLength(hash) !== SHA256_SIZE) return -ERRNO.EINVAL;
  return faults(hash) ? -ERRNO.EFAULT : 0;
}
