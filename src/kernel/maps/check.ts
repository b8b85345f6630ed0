/** Rules of MAP_CREATE in the order of 6.18's alloc checks, as predicates that table rows combine. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapCreateAttr } from '../../uapi/attr.ts';
import * as F from '../../uapi/flags.ts';

/** KMALLOC_MAX_SIZE: the largest single allocation. */
const KMALLOC_MAX = 1 << 22;
/** Largest per-CPU allocation (PCPU_MIN_UNIT_SIZE). */
const PERCPU_MAX = 32768;
/** struct htab_elem of 6.18, which counts against the limit of key plus value. */
const HTAB_ELEM = 48;
const PAGE = 4096;
/** BPF_LOCAL_STORAGE_MAX_VALUE_SIZE: a 16-bit size with struct bpf_local_storage_elem, 128 bytes, in front. */
const LOCAL_STORAGE_MAX = 0xffff - 128;

export interface CheckRow {
  /** map_flags that the type knows. */
  readonly flags: number;
  /** map_flags that must be set. */
  readonly needs?: number;
  readonly key: (size: number) => boolean;
  readonly value: (size: number, flags: number) => boolean;
  readonly entries: (n: number) => boolean;
  /** Checks behind the plain ones: 0 or -errno. */
  readonly more?: (attr: MapCreateAttr) => number;
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
export const bloomExtra = (a: MapCreateAttr): number =>
  (a.map_extra ?? 0n) & ~0xfn ? -ERRNO.EINVAL : tooBig(a.value_size > KMALLOC_MAX);
export const hashSize = (a: MapCreateAttr): number =>
  tooBig(a.key_size + a.value_size >= KMALLOC_MAX - HTAB_ELEM || a.max_entries >= 0x8000_0000);
export const percpuHashSize = (a: MapCreateAttr): number => hashSize(a) || tooBig(roundUp8(a.value_size) > PERCPU_MAX);
/** Per-CPU memory has no NUMA node of its own. */
export const percpuLruSize = (a: MapCreateAttr): number =>
  (a.map_flags ?? 0) & F.BPF_F_NUMA_NODE ? -ERRNO.EINVAL : percpuHashSize(a);
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

/** bpf_map_flags_access_ok and bpf_get_file_flag: contradicting access flags. */
function accessOk(flags: number): boolean {
  const prog = F.BPF_F_RDONLY_PROG | F.BPF_F_WRONLY_PROG;
  const user = F.BPF_F_RDONLY | F.BPF_F_WRONLY;
  return (flags & prog) !== prog && (flags & user) !== user;
}

/** An object name as the kernel takes it (bpf_obj_name_cpy): up to 15 letters, digits, `_` and `.`. */
export const validObjName = (name: string): boolean => /^[A-Za-z0-9_.]{0,15}$/.test(name);

/** What MAP_CREATE says to the plain numbers: 0 or -errno. */
export function checkAttr(row: CheckRow, attr: MapCreateAttr): number {
  const flags = attr.map_flags ?? 0;
  const { EINVAL } = ERRNO;
  if (!row.extra && (attr.map_extra ?? 0n) !== 0n) return -EINVAL;
  if (!accessOk(flags) || flags & ~row.flags) return -EINVAL;
  if (flags & F.BPF_F_NUMA_NODE && (attr.numa_node ?? 0) !== 0) return -EINVAL;
  const lruRefusal = row.more && flags & F.BPF_F_NO_PREALLOC ? row.more(attr) : 0;
  if (lruRefusal === -ERRNO.ENOTSUPP) return lruRefusal;
  if ((row.needs ?? 0) & ~flags) return -EINVAL;
  if (!row.entries(attr.max_entries) || !row.key(attr.key_size) || !row.value(attr.value_size, flags)) return -EINVAL;
  const more = row.more?.(attr) ?? 0;
  if (more !== 0) return more;
  if (!validObjName(attr.map_name ?? '')) return -EINVAL;
  return 0;
}
