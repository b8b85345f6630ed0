/** Map types: what the verifier must know of each (check_map_func_compatibility, check_map_prog_compatibility, map_check_btf). */
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
import type { Configured } from '../build.ts';

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

export const MAP_TYPES: Readonly<Record<number, MapTypeRow>> = {
  [T.BPF_MAP_TYPE_HASH]: {
    since: '3.19',
    short: 'hash',
    sleepable: true,
    forEach: true,
    fields: LOCKS | ASYNC | KPTRS | GRAPH,
  },
  [T.BPF_MAP_TYPE_ARRAY]: {
    since: '3.19',
    short: 'array',
    sleepable: true,
    forEach: true,
    directValue: 'one-element',
    fields: LOCKS | ASYNC | KPTRS | GRAPH,
  },
  [T.BPF_MAP_TYPE_PROG_ARRAY]: { since: '4.2', short: 'prog_array', helpers: ['tail_call'] },
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: { since: '4.3', short: 'perf_event_array', helpers: PERF },
  [T.BPF_MAP_TYPE_PERCPU_HASH]: {
    since: '4.6',
    short: 'percpu_hash',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
  },
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: {
    since: '4.6',
    short: 'percpu_array',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
  },
  [T.BPF_MAP_TYPE_STACK_TRACE]: { since: '4.6', short: 'stack_trace', helpers: ['get_stackid'] },
  [T.BPF_MAP_TYPE_CGROUP_ARRAY]: {
    since: '4.8',
    short: 'cgroup_array',
    helpers: ['skb_under_cgroup', 'current_task_under_cgroup'],
  },
  [T.BPF_MAP_TYPE_LRU_HASH]: {
    since: '4.10',
    short: 'lru_hash',
    sleepable: true,
    forEach: true,
    fields: ASYNC | KPTRS | GRAPH,
  },
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {
    since: '4.10',
    short: 'lru_percpu_hash',
    alone: ['map_lookup_percpu_elem'],
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
  },
  [T.BPF_MAP_TYPE_LPM_TRIE]: { since: '4.11', short: 'lpm_trie' },
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: {
    since: '4.12',
    short: 'array_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
  },
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: {
    since: '4.12',
    short: 'hash_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
  },
  [T.BPF_MAP_TYPE_DEVMAP]: { since: '4.14', short: 'devmap', helpers: ['redirect_map', 'map_lookup_elem'] },
  [T.BPF_MAP_TYPE_SOCKMAP]: {
    since: '4.14',
    short: 'sockmap',
    helpers: ['sk_redirect_map', 'sock_map_update', 'msg_redirect_map', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
  },
  [T.BPF_MAP_TYPE_CPUMAP]: { since: '4.15', short: 'cpumap', helpers: REDIRECT },
  [T.BPF_MAP_TYPE_XSKMAP]: {
    since: '4.18',
    short: 'xskmap',
    helpers: ['redirect_map', 'map_lookup_elem'],
    lookup: 'xdp-sock',
  },
  [T.BPF_MAP_TYPE_SOCKHASH]: {
    since: '4.18',
    short: 'sockhash',
    helpers: ['sk_redirect_hash', 'sock_hash_update', 'msg_redirect_hash', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
  },
  [T.BPF_MAP_TYPE_CGROUP_STORAGE]: {
    since: '4.19',
    short: 'cgroup_storage',
    helpers: ['get_local_storage'],
    fields: LOCKS,
  },
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: {
    since: '4.19',
    short: 'reuseport_sockarray',
    helpers: ['sk_select_reuseport'],
  },
  [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: {
    since: '4.20',
    short: 'percpu_cgroup_storage',
    helpers: ['get_local_storage'],
    perCpu: true,
  },
  [T.BPF_MAP_TYPE_QUEUE]: {
    since: '4.20',
    short: 'queue',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
  },
  [T.BPF_MAP_TYPE_STACK]: {
    since: '4.20',
    short: 'stack',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
  },
  [T.BPF_MAP_TYPE_SK_STORAGE]: {
    since: '5.2',
    short: 'sk_storage',
    helpers: storage('sk'),
    sleepable: true,
    fields: LOCKS | KPTRS,
  },
  [T.BPF_MAP_TYPE_DEVMAP_HASH]: { since: '5.4', short: 'devmap_hash', helpers: ['redirect_map', 'map_lookup_elem'] },
  [T.BPF_MAP_TYPE_STRUCT_OPS]: { since: '5.6', short: 'struct_ops', structOps: true },
  [T.BPF_MAP_TYPE_RINGBUF]: { since: '5.8', short: 'ringbuf', helpers: RINGBUF, sleepable: true },
  [T.BPF_MAP_TYPE_INODE_STORAGE]: {
    since: '5.10',
    short: 'inode_storage',
    helpers: storage('inode'),
    sleepable: true,
    fields: LOCKS | KPTRS,
  },
  [T.BPF_MAP_TYPE_TASK_STORAGE]: {
    since: '5.11',
    short: 'task_storage',
    helpers: storage('task'),
    sleepable: true,
    fields: LOCKS | KPTRS | BPF_UPTR,
  },
  [T.BPF_MAP_TYPE_BLOOM_FILTER]: { since: '5.16', short: 'bloom_filter', helpers: ['map_peek_elem', 'map_push_elem'] },
  [T.BPF_MAP_TYPE_USER_RINGBUF]: {
    since: '6.1',
    short: 'user_ringbuf',
    helpers: ['user_ringbuf_drain'],
    sleepable: true,
  },
  [T.BPF_MAP_TYPE_CGRP_STORAGE]: {
    since: '6.2',
    short: 'cgrp_storage',
    helpers: storage('cgrp'),
    sleepable: true,
    fields: LOCKS | KPTRS,
  },
  [T.BPF_MAP_TYPE_ARENA]: { since: '6.9', short: 'arena', sleepable: true, directValue: 'arena' },
};
