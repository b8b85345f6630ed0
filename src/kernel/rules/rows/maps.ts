/**
 * Map types: what MAP_CREATE, element commands and the verifier must know of each (map_alloc_check, check_map_func_compatibility,
 * check_map_prog_compatibility, map_check_btf).
 */
import {
  BPF_KPTR_PERCPU,
  BPF_KPTR_REF,
  BPF_KPTR_UNREF,
  BPF_LIST_HEAD,
  BPF_RB_ROOT,
  BPF_REFCOUNT,
  BPF_RES_SPIN_LOCK,
  BPF_SPIN_LOCK,
  BPF_TASK_WORK,
  BPF_TIMER,
  BPF_UPTR,
  BPF_WORKQUEUE,
} from '../../../btf/record.ts';
import type { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import * as F from '../../../uapi/flags.ts';
import type { Configured } from '../build.ts';
import * as C from '../map-create.ts';
import type { CreateRules } from '../map-create.ts';

/** A helper's name without `BPF_FUNC_`. */
type HelperName = keyof typeof BPF_FUNC extends `BPF_FUNC_${infer N}` ? N : never;

export interface MapTypeRow extends Configured {
  /** bpftool's and libbpf's word. */
  readonly short: string;
  /** The only helpers that take such a map; any when left out. */
  readonly helpers?: readonly HelperName[];
  /** Helpers that take no other type than those that name them. */
  readonly alone?: readonly HelperName[];
  /** map_update_elem and map_delete_elem only where no socket lock can be held (may_update_sockmap). */
  readonly sockmap?: boolean;
  /** Programs cannot name it. */
  readonly structOps?: boolean;
  /** Sleepable programs may use it. */
  readonly sleepable?: boolean;
  /** bpf_for_each_map_elem works on it. */
  readonly forEach?: boolean;
  readonly perCpu?: boolean;
  /** ld_imm64 of a value's address: arrays of one element, or an arena's first address. */
  readonly directValue?: 'one-element' | 'arena';
  /** The target of a successful lookup. Default: the value. */
  readonly lookup?: 'map' | 'socket' | 'xdp-sock';
  /** BPF_* field types that the value may hold (btf_record). */
  readonly fields?: number;
  /** Elements exist from the start and cannot be deleted. */
  readonly indexed?: boolean;
  /** MAP_LOOKUP_AND_DELETE_ELEM takes elements out. */
  readonly takesOut?: boolean;
  /** Programs must not write what a lookup gives: it is the kernel's. */
  readonly constValues?: boolean;
  /** Values are maps that are like a template. */
  readonly ofMaps?: boolean;
  /** No template of maps of maps. */
  readonly neverInner?: boolean;
  /** What MAP_CREATE asks of sizes, flags and BTF. */
  readonly create: CreateRules;
}

const KPTRS = BPF_KPTR_UNREF | BPF_KPTR_REF | BPF_KPTR_PERCPU | BPF_REFCOUNT;
export const LOCKS = BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK;
const ASYNC = BPF_TIMER | BPF_WORKQUEUE | BPF_TASK_WORK;
export const GRAPH = BPF_LIST_HEAD | BPF_RB_ROOT;
const REDIRECT = ['redirect_map'] as const;
const PERF = ['perf_event_read', 'perf_event_output', 'skb_output', 'perf_event_read_value', 'xdp_output'] as const;
const RINGBUF = [
  'ringbuf_output',
  'ringbuf_reserve',
  'ringbuf_query',
  'ringbuf_reserve_dynptr',
  'ringbuf_submit_dynptr',
  'ringbuf_discard_dynptr',
] as const;
const storage = <W extends 'sk' | 'inode' | 'task' | 'cgrp'>(what: W) =>
  [`${what}_storage_get`, `${what}_storage_delete`, 'kptr_xchg'] as const;

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
const localStorage = {
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
  [T.BPF_MAP_TYPE_HASH]: {
    since: '3.19',
    short: 'hash',
    sleepable: true,
    forEach: true,
    fields: LOCKS | ASYNC | KPTRS | GRAPH,
    takesOut: true,
    create: { ...sized, flags: HTAB | NUMA, more: C.hashSize },
  },
  [T.BPF_MAP_TYPE_ARRAY]: {
    since: '3.19',
    short: 'array',
    sleepable: true,
    forEach: true,
    directValue: 'one-element',
    fields: LOCKS | ASYNC | KPTRS | GRAPH,
    indexed: true,
    create: { btf: 'index', ...indexed, flags: ARRAY & ~F.BPF_F_PRESERVE_ELEMS, value: C.nonZero, more: C.arraySize },
  },
  [T.BPF_MAP_TYPE_PROG_ARRAY]: {
    since: '4.2',
    short: 'prog_array',
    helpers: ['tail_call'],
    create: { ...indexed, flags: NUMA | ACCESS, value: C.is4 },
  },
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: {
    since: '4.3',
    short: 'perf_event_array',
    helpers: PERF,
    create: { btf: 'refused', ...indexed, flags: NUMA | ACCESS | F.BPF_F_PRESERVE_ELEMS, value: C.is4 },
  },
  [T.BPF_MAP_TYPE_PERCPU_HASH]: {
    since: '4.6',
    short: 'percpu_hash',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
    takesOut: true,
    create: { ...sized, flags: HTAB, more: C.percpuHashSize },
  },
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: {
    since: '4.6',
    short: 'percpu_array',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
    indexed: true,
    create: { btf: 'index', ...indexed, flags: ACCESS | PROG, value: C.nonZero, more: C.percpuArraySize },
  },
  [T.BPF_MAP_TYPE_STACK_TRACE]: {
    since: '4.6',
    short: 'stack_trace',
    helpers: ['get_stackid'],
    takesOut: true,
    create: { btf: 'refused', ...indexed, flags: NUMA | ACCESS | F.BPF_F_STACK_BUILD_ID, value: isStack },
  },
  [T.BPF_MAP_TYPE_CGROUP_ARRAY]: {
    since: '4.8',
    short: 'cgroup_array',
    helpers: ['skb_under_cgroup', 'current_task_under_cgroup'],
    create: { btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4 },
  },
  [T.BPF_MAP_TYPE_LRU_HASH]: {
    since: '4.10',
    short: 'lru_hash',
    sleepable: true,
    forEach: true,
    fields: ASYNC | KPTRS | GRAPH,
    takesOut: true,
    create: { ...sized, flags: HTAB | NUMA | F.BPF_F_NO_COMMON_LRU, more: C.lru(C.hashSize) },
  },
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {
    since: '4.10',
    short: 'lru_percpu_hash',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
    takesOut: true,
    create: { ...sized, flags: HTAB | NUMA | F.BPF_F_NO_COMMON_LRU, more: C.lru(C.percpuLruSize) },
  },
  [T.BPF_MAP_TYPE_LPM_TRIE]: {
    since: '4.11',
    short: 'lpm_trie',
    create: {
      btf: 'struct-key',
      flags: F.BPF_F_NO_PREALLOC | NUMA | ACCESS | PROG,
      needs: F.BPF_F_NO_PREALLOC,
      key: isLpmKey,
      value: isLpmValue,
      entries: C.nonZero,
    },
  },
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: {
    since: '4.12',
    short: 'array_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
    indexed: true,
    ofMaps: true,
    create: { btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4 },
  },
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: {
    since: '4.12',
    short: 'hash_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
    ofMaps: true,
    create: { btf: 'refused', ...sized, flags: HTAB | NUMA, value: C.is4, more: C.hashSize },
  },
  [T.BPF_MAP_TYPE_DEVMAP]: {
    since: '4.14',
    short: 'devmap',
    helpers: ['redirect_map', 'map_lookup_elem'],
    constValues: true,
    create: { netAdmin: true, btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4or8 },
  },
  [T.BPF_MAP_TYPE_SOCKMAP]: {
    since: '4.14',
    short: 'sockmap',
    helpers: ['sk_redirect_map', 'sock_map_update', 'msg_redirect_map', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
    create: { netAdmin: true, btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4or8 },
  },
  [T.BPF_MAP_TYPE_CPUMAP]: {
    since: '4.15',
    short: 'cpumap',
    helpers: REDIRECT,
    create: { btf: 'refused', ...indexed, flags: NUMA, value: C.is4or8, more: C.cpuCount(CPUMAP_MAX) },
  },
  [T.BPF_MAP_TYPE_XSKMAP]: {
    since: '4.18',
    short: 'xskmap',
    helpers: ['redirect_map', 'map_lookup_elem'],
    lookup: 'xdp-sock',
    create: { netAdmin: true, btf: 'refused', ...indexed, flags: NUMA | ACCESS, value: C.is4 },
  },
  [T.BPF_MAP_TYPE_SOCKHASH]: {
    since: '4.18',
    short: 'sockhash',
    helpers: ['sk_redirect_hash', 'sock_hash_update', 'msg_redirect_hash', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
    create: {
      netAdmin: true,
      btf: 'refused',
      ...sized,
      flags: NUMA | ACCESS,
      value: C.is4or8,
      more: C.sockHashSize,
      late: true,
    },
  },
  [T.BPF_MAP_TYPE_CGROUP_STORAGE]: {
    since: '4.19',
    short: 'cgroup_storage',
    helpers: ['get_local_storage'],
    fields: LOCKS,
    neverInner: true,
    create: { ...cgroupStorage, flags: NUMA | ACCESS | PROG, first: C.cgroupStorageSize(C.localStorageSize) },
  },
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: {
    since: '4.19',
    short: 'reuseport_sockarray',
    helpers: ['sk_select_reuseport'],
    create: { ...indexed, flags: NUMA | ACCESS | PROG, value: C.is4or8 },
  },
  [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: {
    since: '4.20',
    short: 'percpu_cgroup_storage',
    helpers: ['get_local_storage'],
    perCpu: true,
    neverInner: true,
    create: { ...cgroupStorage, flags: NUMA | ACCESS | PROG, first: C.cgroupStorageSize(C.percpuArraySize) },
  },
  [T.BPF_MAP_TYPE_QUEUE]: {
    since: '4.20',
    short: 'queue',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
    takesOut: true,
    create: { ...keyless, flags: NUMA | ACCESS | PROG, value: C.nonZero, more: C.queueSize },
  },
  [T.BPF_MAP_TYPE_STACK]: {
    since: '4.20',
    short: 'stack',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
    takesOut: true,
    create: { ...keyless, flags: NUMA | ACCESS | PROG, value: C.nonZero, more: C.queueSize },
  },
  [T.BPF_MAP_TYPE_SK_STORAGE]: {
    since: '5.2',
    short: 'sk_storage',
    helpers: storage('sk'),
    sleepable: true,
    fields: LOCKS | KPTRS,
    create: { ...localStorage },
  },
  [T.BPF_MAP_TYPE_DEVMAP_HASH]: {
    since: '5.4',
    short: 'devmap_hash',
    helpers: ['redirect_map', 'map_lookup_elem'],
    constValues: true,
    create: {
      netAdmin: true,
      btf: 'refused',
      ...indexed,
      flags: NUMA | ACCESS,
      value: C.is4or8,
      more: C.devmapHashSize,
    },
  },
  [T.BPF_MAP_TYPE_STRUCT_OPS]: {
    since: '5.6',
    short: 'struct_ops',
    structOps: true,
    neverInner: true,
    create: {
      flags: F.BPF_F_LINK | F.BPF_F_VTYPE_BTF_OBJ_FD,
      key: C.is4,
      value: C.nonZero,
      entries: (n) => n === 1,
      more: C.structOps,
    },
  },
  [T.BPF_MAP_TYPE_RINGBUF]: {
    since: '5.8',
    short: 'ringbuf',
    helpers: RINGBUF,
    sleepable: true,
    create: { flags: NUMA, key: C.isZero, value: C.isZero, entries: C.powerOfTwoPages },
  },
  [T.BPF_MAP_TYPE_INODE_STORAGE]: {
    since: '5.10',
    short: 'inode_storage',
    helpers: storage('inode'),
    sleepable: true,
    fields: LOCKS | KPTRS,
    create: { ...localStorage },
  },
  [T.BPF_MAP_TYPE_TASK_STORAGE]: {
    since: '5.11',
    short: 'task_storage',
    helpers: storage('task'),
    sleepable: true,
    fields: LOCKS | KPTRS | BPF_UPTR,
    create: { ...localStorage },
  },
  [T.BPF_MAP_TYPE_BLOOM_FILTER]: {
    since: '5.16',
    short: 'bloom_filter',
    helpers: ['map_peek_elem', 'map_push_elem'],
    create: {
      btf: 'keyless',
      ...keyless,
      flags: NUMA | ACCESS | PROG | F.BPF_F_ZERO_SEED,
      value: C.nonZero,
      first: C.queueSize,
      more: C.bloomExtra,
      extra: true,
    },
  },
  [T.BPF_MAP_TYPE_USER_RINGBUF]: {
    since: '6.1',
    short: 'user_ringbuf',
    helpers: ['user_ringbuf_drain'],
    sleepable: true,
    create: { flags: NUMA, key: C.isZero, value: C.isZero, entries: C.powerOfTwoPages },
  },
  [T.BPF_MAP_TYPE_CGRP_STORAGE]: {
    since: '6.2',
    short: 'cgrp_storage',
    helpers: storage('cgrp'),
    sleepable: true,
    fields: LOCKS | KPTRS,
    create: { ...localStorage },
  },
  [T.BPF_MAP_TYPE_ARENA]: {
    since: '6.9',
    short: 'arena',
    sleepable: true,
    directValue: 'arena',
    create: {
      flags: F.BPF_F_SEGV_ON_FAULT | F.BPF_F_MMAPABLE | F.BPF_F_NO_USER_CONV,
      needs: F.BPF_F_MMAPABLE,
      key: C.isZero,
      value: C.isZero,
      entries: C.nonZero,
      more: C.arenaPlace,
      late: true,
      extra: true,
    },
  },
};
