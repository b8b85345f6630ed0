/** Map types that this kernel has: MAP_CREATE's rules for each, and which family stores it. */
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import * as C from './check.ts';
import * as F from '../../../uapi/flags.ts';

/** The file of maps/ that stores a type. */
export type Family =
  | 'array'
  | 'hash'
  | 'lpm-trie'
  | 'prog-array'
  | 'perf-event-array'
  | 'array-of-maps'
  | 'hash-of-maps'
  | 'target-array'
  | 'target-hash'
  | 'queue'
  | 'bloom'
  | 'ringbuf'
  | 'stack-trace';

export interface MapTypeRow extends C.CheckRow {
  /** Without a family the type can be described and verified against, but not created. */
  readonly family?: Family;
}

const ACCESS = F.BPF_F_RDONLY | F.BPF_F_WRONLY;
const PROG = F.BPF_F_RDONLY_PROG | F.BPF_F_WRONLY_PROG;
const NUMA = F.BPF_F_NUMA_NODE;
const HTAB = F.BPF_F_NO_PREALLOC | F.BPF_F_ZERO_SEED | ACCESS | PROG;
const ARRAY = F.BPF_F_MMAPABLE | F.BPF_F_INNER_MAP | F.BPF_F_PRESERVE_ELEMS | NUMA | ACCESS | PROG;
/** NR_CPUS of the recorded kernel. */
const CPUMAP_MAX = 256;

const sized = { key: C.nonZero, value: C.nonZero, entries: C.nonZero } as const;
const indexed = { key: C.is4, entries: C.nonZero } as const;
const keyless = { key: C.isZero, entries: C.nonZero } as const;
const storage = {
  flags: F.BPF_F_NO_PREALLOC | F.BPF_F_CLONE,
  needs: F.BPF_F_NO_PREALLOC,
  key: C.is4,
  value: C.nonZero,
  entries: C.isZero,
  more: C.localStorageSize,
  btf: 'int-key',
} as const;
const cgroupStorage = {
  key: (n: number): boolean => n === 8 || n === 16,
  value: C.nonZero,
  entries: C.isZero,
  btf: 'cgroup-key',
  late: true,
} as const;
const isLpmKey = (n: number): boolean => n >= 5 && n <= 260;
const isLpmValue = (n: number): boolean => n > 0 && n <= (1 << 22) - 256 - 40;
const isStack = (n: number, flags: number): boolean =>
  flags & F.BPF_F_STACK_BUILD_ID ? n >= 32 && n % 32 === 0 && n / 32 <= 127 : n >= 8 && n % 8 === 0 && n / 8 <= 127;

export const MAP_TYPES: Readonly<Record<number, MapTypeRow>> = {
  [T.BPF_MAP_TYPE_HASH]: { ...sized, flags: HTAB | NUMA, more: C.hashSize, family: 'hash' },
  [T.BPF_MAP_TYPE_ARRAY]: {
    btf: 'index',
    ...indexed,
    flags: ARRAY & ~F.BPF_F_PRESERVE_ELEMS,
    value: C.nonZero,
    more: C.arraySize,
    family: 'array',
  },
  [T.BPF_MAP_TYPE_PROG_ARRAY]: { ...indexed, flags: NUMA | ACCESS, value: C.is4, family: 'prog-array' },
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS | F.BPF_F_PRESERVE_ELEMS,
    value: C.is4,
    family: 'perf-event-array',
  },
  [T.BPF_MAP_TYPE_PERCPU_HASH]: { ...sized, flags: HTAB, more: C.percpuHashSize, family: 'hash' },
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: {
    btf: 'index',
    ...indexed,
    flags: ACCESS | PROG,
    value: C.nonZero,
    more: C.percpuArraySize,
    family: 'array',
  },
  [T.BPF_MAP_TYPE_STACK_TRACE]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS | F.BPF_F_STACK_BUILD_ID,
    value: isStack,
    family: 'stack-trace',
  },
  [T.BPF_MAP_TYPE_CGROUP_ARRAY]: { btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4 },
  [T.BPF_MAP_TYPE_LRU_HASH]: {
    ...sized,
    flags: HTAB | NUMA | F.BPF_F_NO_COMMON_LRU,
    more: C.lru(C.hashSize),
    family: 'hash',
  },
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {
    ...sized,
    flags: HTAB | NUMA | F.BPF_F_NO_COMMON_LRU,
    more: C.lru(C.percpuLruSize),
    family: 'hash',
  },
  [T.BPF_MAP_TYPE_LPM_TRIE]: {
    btf: 'struct-key',
    flags: F.BPF_F_NO_PREALLOC | NUMA | ACCESS | PROG,
    needs: F.BPF_F_NO_PREALLOC,
    key: isLpmKey,
    value: isLpmValue,
    entries: C.nonZero,
    family: 'lpm-trie',
  },
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS,
    value: C.is4,
    family: 'array-of-maps',
  },
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: {
    btf: 'refused',
    ...sized,
    flags: HTAB | NUMA,
    value: C.is4,
    more: C.hashSize,
    family: 'hash-of-maps',
  },
  [T.BPF_MAP_TYPE_DEVMAP]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS,
    value: C.is4or8,
    family: 'target-array',
  },
  [T.BPF_MAP_TYPE_SOCKMAP]: { btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4or8 },
  [T.BPF_MAP_TYPE_CPUMAP]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA,
    value: C.is4or8,
    more: C.cpuCount(CPUMAP_MAX),
    family: 'target-array',
  },
  [T.BPF_MAP_TYPE_XSKMAP]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS,
    value: C.is4,
    family: 'target-array',
  },
  [T.BPF_MAP_TYPE_SOCKHASH]: {
    btf: 'refused',
    ...sized,
    flags: NUMA | ACCESS,
    value: C.is4or8,
    more: (a) => (a.key_size > 512 ? -7 : 0),
    late: true,
  },
  [T.BPF_MAP_TYPE_CGROUP_STORAGE]: {
    ...cgroupStorage,
    flags: NUMA | ACCESS | PROG,
    first: C.cgroupStorageSize(C.localStorageSize),
  },
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: { ...indexed, flags: NUMA | ACCESS | PROG, value: C.is4or8 },
  [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: {
    ...cgroupStorage,
    flags: NUMA | ACCESS | PROG,
    first: C.cgroupStorageSize(C.percpuArraySize),
  },
  [T.BPF_MAP_TYPE_QUEUE]: {
    ...keyless,
    flags: NUMA | ACCESS | PROG,
    value: C.nonZero,
    more: C.queueSize,
    family: 'queue',
  },
  [T.BPF_MAP_TYPE_STACK]: {
    ...keyless,
    flags: NUMA | ACCESS | PROG,
    value: C.nonZero,
    more: C.queueSize,
    family: 'queue',
  },
  [T.BPF_MAP_TYPE_SK_STORAGE]: { ...storage },
  [T.BPF_MAP_TYPE_DEVMAP_HASH]: {
    btf: 'refused',
    ...indexed,
    flags: NUMA | ACCESS,
    value: C.is4or8,
    more: (a) => (a.max_entries > 0x8000_0000 ? -22 : 0),
    family: 'target-hash',
  },
  [T.BPF_MAP_TYPE_STRUCT_OPS]: {
    flags: F.BPF_F_LINK | F.BPF_F_VTYPE_BTF_OBJ_FD,
    key: C.is4,
    value: C.nonZero,
    entries: (n) => n === 1,
    more: C.structOps,
  },
  [T.BPF_MAP_TYPE_RINGBUF]: {
    flags: NUMA,
    key: C.isZero,
    value: C.isZero,
    entries: C.powerOfTwoPages,
    family: 'ringbuf',
  },
  [T.BPF_MAP_TYPE_INODE_STORAGE]: { ...storage },
  [T.BPF_MAP_TYPE_TASK_STORAGE]: { ...storage },
  [T.BPF_MAP_TYPE_BLOOM_FILTER]: {
    btf: 'keyless',
    ...keyless,
    flags: NUMA | ACCESS | PROG | F.BPF_F_ZERO_SEED,
    value: C.nonZero,
    first: C.queueSize,
    more: C.bloomExtra,
    extra: true,
    family: 'bloom',
  },
  [T.BPF_MAP_TYPE_USER_RINGBUF]: { flags: NUMA, key: C.isZero, value: C.isZero, entries: C.powerOfTwoPages },
  [T.BPF_MAP_TYPE_CGRP_STORAGE]: { ...storage },
  [T.BPF_MAP_TYPE_ARENA]: {
    flags: F.BPF_F_SEGV_ON_FAULT | F.BPF_F_MMAPABLE | F.BPF_F_NO_USER_CONV,
    needs: F.BPF_F_MMAPABLE,
    key: C.isZero,
    value: C.isZero,
    entries: C.nonZero,
    more: C.arenaPlace,
    late: true,
    extra: true,
  },
};

/** Types whose values are per CPU. */
export function isPerCpu(type: number): boolean {
  return (
    type === T.BPF_MAP_TYPE_PERCPU_HASH ||
    type === T.BPF_MAP_TYPE_PERCPU_ARRAY ||
    type === T.BPF_MAP_TYPE_LRU_PERCPU_HASH
  );
}
/** Types whose user-side values are file descriptors. */
export function isFdMap(type: number): boolean {
  return (
    type === T.BPF_MAP_TYPE_PROG_ARRAY ||
    type === T.BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
    type === T.BPF_MAP_TYPE_CGROUP_ARRAY ||
    type === T.BPF_MAP_TYPE_ARRAY_OF_MAPS ||
    type === T.BPF_MAP_TYPE_HASH_OF_MAPS
  );
}
