/** MAP_CREATE's rules in the order of 6.18's alloc checks: predicates that the rows of map types combine, and the check of a row. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapCreateAttr } from '../../uapi/attr/attr.ts';
import * as F from '../../uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';

/** KMALLOC_MAX_SIZE: the largest single allocation. */
const KMALLOC_MAX = 1 << 22;
/** Largest per-CPU allocation (PCPU_MIN_UNIT_SIZE). */
const PERCPU_MAX = 32768;
/** struct htab_elem of 6.18, which counts against the limit of key plus value. */
const HTAB_ELEM = 48;
const PAGE = 4096;
/** MAX_BPF_STACK */
const MAX_BPF_STACK = 512;
/** BPF_LOCAL_STORAGE_MAX_VALUE_SIZE: a 16-bit size with struct bpf_local_storage_elem, 128 bytes, in front. */
const LOCAL_STORAGE_MAX = 0xffff - 128;

/** What MAP_CREATE asks of an attribute with a map type: a row of rows/maps.ts has one. */
export interface CreateRules {
  /** map_flags that the type knows. */
  readonly flags: number;
  /** map_flags that must be set. */
  readonly needs?: number;
  readonly key: (size: number) => boolean;
  readonly value: (size: number, flags: number) => boolean;
  readonly entries: (n: number) => boolean;
  /** Checks before the plain ones: 0 or -errno. */
  readonly first?: (attr: MapCreateAttr) => number;
  /** Checks behind the plain ones: 0 or -errno. */
  readonly more?: (attr: MapCreateAttr) => number;
  /** Nothing of the type is asked before its memory is allocated: devices and tokens come first. */
  readonly late?: boolean;
  /** CAP_NET_ADMIN is needed beside CAP_BPF. */
  readonly netAdmin?: boolean;
  /** The type uses map_extra. */
  readonly extra?: boolean;
  /**
   * What the type makes of BTF (map_check_btf): `int-key` ids, the key's a 32-bit integer; `refused` at all; `keyless` value only; `index` a 32-bit key,
   * or a single data section; `struct-key`; `cgroup-key`. Without a rule any key and value of the right sizes will do.
   */
  readonly btf?: 'int-key' | 'refused' | 'keyless' | 'index' | 'struct-key' | 'cgroup-key';
}

export const nonZero = (n: number): boolean => n !== 0;
export const isZero = (n: number): boolean => n === 0;
export const is4 = (n: number): boolean => n === 4;
export const is4or8 = (n: number): boolean => n === 4 || n === 8;
export const powerOfTwoPages = (n: number): boolean => n !== 0 && (n & (n - 1)) === 0 && n % PAGE === 0;

const tooBig = (bad: boolean): number => (bad ? -ERRNO.E2BIG : 0);

export const arraySize = (a: MapCreateAttr): number => tooBig(a.value_size > 0x7fff_ffff);
export const percpuArraySize = (a: MapCreateAttr): number => tooBig(roundUp8(a.value_size) > PERCPU_MAX);
export const localStorageSize = (a: MapCreateAttr): number => tooBig(a.value_size > LOCAL_STORAGE_MAX);
export const queueSize = (a: MapCreateAttr): number => tooBig(a.value_size > KMALLOC_MAX);
export const bloomExtra = (a: MapCreateAttr): number => ((a.map_extra ?? 0n) & ~0xfn ? -ERRNO.EINVAL : 0);
/** Arenas lie below 4 GiB of one upper half, at a page. */
export const arenaPlace = (a: MapCreateAttr): number => {
  const start = a.map_extra ?? 0n;
  if (start & BigInt(PAGE - 1)) return -ERRNO.EINVAL;
  const size = BigInt(a.max_entries) * BigInt(PAGE);
  if (size > 1n << 32n) return -ERRNO.E2BIG;
  return start >> 32n === (start + size - 1n) >> 32n ? 0 : -ERRNO.ERANGE;
};
/** Key, then value; flags come later. */
export const cgroupStorageSize =
  (size: (a: MapCreateAttr) => number) =>
  (a: MapCreateAttr): number =>
    (a.key_size !== 8 && a.key_size !== 16) || a.value_size === 0 ? -ERRNO.EINVAL : size(a);
export const hashSize = (a: MapCreateAttr): number =>
  tooBig(a.key_size + a.value_size >= KMALLOC_MAX - HTAB_ELEM || a.max_entries >= 0x8000_0000);
export const percpuHashSize = (a: MapCreateAttr): number => hashSize(a) || tooBig(roundUp8(a.value_size) > PERCPU_MAX);
/** Per-CPU memory has no NUMA node of its own. */
export const percpuLruSize = (a: MapCreateAttr): number =>
  (a.map_flags ?? 0) & F.BPF_F_NUMA_NODE ? -ERRNO.EINVAL : percpuHashSize(a);
export const sockHashSize = (a: MapCreateAttr): number => tooBig(a.key_size > MAX_BPF_STACK);
export const devmapHashSize = (a: MapCreateAttr): number => (a.max_entries > 0x8000_0000 ? -ERRNO.EINVAL : 0);
export const structOps = (a: MapCreateAttr): number => (a.btf_vmlinux_value_type_id ? 0 : -ERRNO.EINVAL);
export const lru =
  (size: (a: MapCreateAttr) => number) =>
  (a: MapCreateAttr): number =>
    (a.map_flags ?? 0) & F.BPF_F_NO_PREALLOC ? -ERRNO.ENOTSUPP : size(a);
export const cpuCount =
  (limit: number) =>
  (a: MapCreateAttr): number =>
    tooBig(a.max_entries > limit);

function roundUp8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

const PROG_ACCESS = F.BPF_F_RDONLY_PROG | F.BPF_F_WRONLY_PROG;
const USER_ACCESS = F.BPF_F_RDONLY | F.BPF_F_WRONLY;

/** NUMA_NO_NODE: no node is wished for. */
const NO_NODE = 0xffff_ffff;

/** Checks before the type's own rules: 0 or -errno. */
export function checkCommon(attr: MapCreateAttr, takesExtra: boolean): number {
  const flags = attr.map_flags ?? 0;
  const key = attr.btf_key_type_id ?? 0;
  const value = attr.btf_value_type_id ?? 0;
  if (attr.btf_vmlinux_value_type_id) {
    if (attr.map_type !== BPF_MAP_TYPE.BPF_MAP_TYPE_STRUCT_OPS || key || value) return -ERRNO.EINVAL;
  } else if (key && !value) return -ERRNO.EINVAL;
  if (!takesExtra && (attr.map_extra ?? 0n) !== 0n) return -ERRNO.EINVAL;
  if ((flags & USER_ACCESS) === USER_ACCESS) return -ERRNO.EINVAL;
  const node = (attr.numa_node ?? 0) >>> 0;
  // One node is all that there is.
  return flags & F.BPF_F_NUMA_NODE && node !== 0 && node !== NO_NODE ? -ERRNO.EINVAL : 0;
}

/** The type's check of flags and sizes (map_alloc_check): 0 or -errno. */
export function checkAttr(row: CreateRules, attr: MapCreateAttr): number {
  const flags = attr.map_flags ?? 0;
  const { EINVAL } = ERRNO;
  const early = row.first?.(attr) ?? 0;
  if (early !== 0) return early;
  if ((flags & PROG_ACCESS) === PROG_ACCESS || flags & ~row.flags) return -EINVAL;
  const lruRefusal = row.more && flags & F.BPF_F_NO_PREALLOC ? row.more(attr) : 0;
  if (lruRefusal === -ERRNO.ENOTSUPP) return lruRefusal;
  if ((row.needs ?? 0) & ~flags) return -EINVAL;
  if (!row.entries(attr.max_entries) || !row.key(attr.key_size) || !row.value(attr.value_size, flags)) return -EINVAL;
  return row.more?.(attr) ?? 0;
}
