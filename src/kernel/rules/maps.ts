/** Map types as the verifier sees them: helpers, program types, special fields, direct access (check_map_func_compatibility and relatives). */
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
} from '../../btf/record.ts';
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../uapi/prog-types.ts';
import type { ProgQuery } from './prog-type.ts';

export interface MapTypeRow {
  /** bpftool's and libbpf's word. */
  readonly short: string;
  /** The only helpers that take such a map; any when left out. */
  readonly helpers?: readonly string[];
  /** map_update_elem and map_delete_elem only from the types of {@link SOCKMAP_WRITERS}. */
  readonly sockmap?: boolean;
  /** Sleepable programs may use it. */
  readonly sleepable?: boolean;
  /** bpf_for_each_map_elem works on it. */
  readonly forEach?: boolean;
  readonly perCpu?: boolean;
  /** ld_imm64 of a value's address: arrays of one element, or an arena's first address. */
  readonly directValue?: 'one-element' | 'arena';
  /** What a successful lookup points to; the value when left out. */
  readonly lookup?: 'map' | 'socket' | 'xdp-sock';
  /** BPF_* field types that the value may hold (btf_record). */
  readonly fields?: number;
}

const KPTRS = BPF_KPTR_UNREF | BPF_KPTR_REF | BPF_KPTR_PERCPU | BPF_REFCOUNT;
const LOCKS = BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK;
const ASYNC = BPF_TIMER | BPF_WORKQUEUE | BPF_TASK_WORK;
const GRAPH = BPF_LIST_HEAD | BPF_RB_ROOT;
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
const storage = (what: string) => [`${what}_storage_get`, `${what}_storage_delete`, 'kptr_xchg'];

export const MAP_TYPES: Readonly<Record<number, MapTypeRow>> = {
  [T.BPF_MAP_TYPE_HASH]: { short: 'hash', sleepable: true, forEach: true, fields: LOCKS | ASYNC | KPTRS | GRAPH },
  [T.BPF_MAP_TYPE_ARRAY]: {
    short: 'array',
    sleepable: true,
    forEach: true,
    directValue: 'one-element',
    fields: LOCKS | ASYNC | KPTRS | GRAPH,
  },
  [T.BPF_MAP_TYPE_PROG_ARRAY]: { short: 'prog_array', helpers: ['tail_call'] },
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: { short: 'perf_event_array', helpers: PERF },
  [T.BPF_MAP_TYPE_PERCPU_HASH]: { short: 'percpu_hash', sleepable: true, forEach: true, perCpu: true, fields: KPTRS },
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: { short: 'percpu_array', sleepable: true, forEach: true, perCpu: true, fields: KPTRS },
  [T.BPF_MAP_TYPE_STACK_TRACE]: { short: 'stack_trace', helpers: ['get_stackid'] },
  [T.BPF_MAP_TYPE_CGROUP_ARRAY]: { short: 'cgroup_array', helpers: ['skb_under_cgroup', 'current_task_under_cgroup'] },
  [T.BPF_MAP_TYPE_LRU_HASH]: { short: 'lru_hash', sleepable: true, forEach: true, fields: ASYNC | KPTRS | GRAPH },
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {
    short: 'lru_percpu_hash',
    sleepable: true,
    forEach: true,
    perCpu: true,
    fields: KPTRS,
  },
  [T.BPF_MAP_TYPE_LPM_TRIE]: { short: 'lpm_trie' },
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: {
    short: 'array_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
  },
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: {
    short: 'hash_of_maps',
    helpers: ['map_lookup_elem'],
    sleepable: true,
    lookup: 'map',
  },
  [T.BPF_MAP_TYPE_DEVMAP]: { short: 'devmap', helpers: ['redirect_map', 'map_lookup_elem'] },
  [T.BPF_MAP_TYPE_SOCKMAP]: {
    short: 'sockmap',
    helpers: ['sk_redirect_map', 'sock_map_update', 'msg_redirect_map', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
  },
  [T.BPF_MAP_TYPE_CPUMAP]: { short: 'cpumap', helpers: REDIRECT },
  [T.BPF_MAP_TYPE_XSKMAP]: { short: 'xskmap', helpers: ['redirect_map', 'map_lookup_elem'], lookup: 'xdp-sock' },
  [T.BPF_MAP_TYPE_SOCKHASH]: {
    short: 'sockhash',
    helpers: ['sk_redirect_hash', 'sock_hash_update', 'msg_redirect_hash', 'sk_select_reuseport', 'map_lookup_elem'],
    sockmap: true,
    lookup: 'socket',
  },
  [T.BPF_MAP_TYPE_CGROUP_STORAGE]: { short: 'cgroup_storage', helpers: ['get_local_storage'], fields: LOCKS },
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: { short: 'reuseport_sockarray', helpers: ['sk_select_reuseport'] },
  [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: {
    short: 'percpu_cgroup_storage',
    helpers: ['get_local_storage'],
    perCpu: true,
  },
  [T.BPF_MAP_TYPE_QUEUE]: {
    short: 'queue',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
  },
  [T.BPF_MAP_TYPE_STACK]: {
    short: 'stack',
    helpers: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
    sleepable: true,
  },
  [T.BPF_MAP_TYPE_SK_STORAGE]: { short: 'sk_storage', helpers: storage('sk'), sleepable: true, fields: LOCKS | KPTRS },
  [T.BPF_MAP_TYPE_DEVMAP_HASH]: { short: 'devmap_hash', helpers: ['redirect_map', 'map_lookup_elem'] },
  [T.BPF_MAP_TYPE_STRUCT_OPS]: { short: 'struct_ops' },
  [T.BPF_MAP_TYPE_RINGBUF]: { short: 'ringbuf', helpers: RINGBUF, sleepable: true },
  [T.BPF_MAP_TYPE_INODE_STORAGE]: {
    short: 'inode_storage',
    helpers: storage('inode'),
    sleepable: true,
    fields: LOCKS | KPTRS,
  },
  [T.BPF_MAP_TYPE_TASK_STORAGE]: {
    short: 'task_storage',
    helpers: storage('task'),
    sleepable: true,
    fields: LOCKS | KPTRS | BPF_UPTR,
  },
  [T.BPF_MAP_TYPE_BLOOM_FILTER]: { short: 'bloom_filter', helpers: ['map_peek_elem', 'map_push_elem'] },
  [T.BPF_MAP_TYPE_USER_RINGBUF]: { short: 'user_ringbuf', helpers: ['user_ringbuf_drain'], sleepable: true },
  [T.BPF_MAP_TYPE_CGRP_STORAGE]: {
    short: 'cgrp_storage',
    helpers: storage('cgrp'),
    sleepable: true,
    fields: LOCKS | KPTRS,
  },
  [T.BPF_MAP_TYPE_ARENA]: { short: 'arena', sleepable: true, directValue: 'arena' },
};

/** The other direction: map types that a helper takes; any when it has no row. */
export const HELPER_MAP_TYPES: Readonly<Record<string, readonly number[]>> = {
  tail_call: [T.BPF_MAP_TYPE_PROG_ARRAY],
  ...Object.fromEntries(PERF.map((h) => [h, [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]])),
  ...Object.fromEntries(RINGBUF.map((h) => [h, [T.BPF_MAP_TYPE_RINGBUF]])),
  user_ringbuf_drain: [T.BPF_MAP_TYPE_USER_RINGBUF],
  get_stackid: [T.BPF_MAP_TYPE_STACK_TRACE],
  current_task_under_cgroup: [T.BPF_MAP_TYPE_CGROUP_ARRAY],
  skb_under_cgroup: [T.BPF_MAP_TYPE_CGROUP_ARRAY],
  redirect_map: [T.BPF_MAP_TYPE_DEVMAP, T.BPF_MAP_TYPE_DEVMAP_HASH, T.BPF_MAP_TYPE_CPUMAP, T.BPF_MAP_TYPE_XSKMAP],
  sk_redirect_map: [T.BPF_MAP_TYPE_SOCKMAP],
  msg_redirect_map: [T.BPF_MAP_TYPE_SOCKMAP],
  sock_map_update: [T.BPF_MAP_TYPE_SOCKMAP],
  sk_redirect_hash: [T.BPF_MAP_TYPE_SOCKHASH],
  msg_redirect_hash: [T.BPF_MAP_TYPE_SOCKHASH],
  sock_hash_update: [T.BPF_MAP_TYPE_SOCKHASH],
  get_local_storage: [T.BPF_MAP_TYPE_CGROUP_STORAGE, T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE],
  sk_select_reuseport: [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, T.BPF_MAP_TYPE_SOCKMAP, T.BPF_MAP_TYPE_SOCKHASH],
  map_pop_elem: [T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK],
  map_peek_elem: [T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK, T.BPF_MAP_TYPE_BLOOM_FILTER],
  map_push_elem: [T.BPF_MAP_TYPE_QUEUE, T.BPF_MAP_TYPE_STACK, T.BPF_MAP_TYPE_BLOOM_FILTER],
  map_lookup_percpu_elem: [T.BPF_MAP_TYPE_PERCPU_ARRAY, T.BPF_MAP_TYPE_PERCPU_HASH, T.BPF_MAP_TYPE_LRU_PERCPU_HASH],
  sk_storage_get: [T.BPF_MAP_TYPE_SK_STORAGE],
  sk_storage_delete: [T.BPF_MAP_TYPE_SK_STORAGE],
  inode_storage_get: [T.BPF_MAP_TYPE_INODE_STORAGE],
  inode_storage_delete: [T.BPF_MAP_TYPE_INODE_STORAGE],
  task_storage_get: [T.BPF_MAP_TYPE_TASK_STORAGE],
  task_storage_delete: [T.BPF_MAP_TYPE_TASK_STORAGE],
  cgrp_storage_get: [T.BPF_MAP_TYPE_CGRP_STORAGE],
  cgrp_storage_delete: [T.BPF_MAP_TYPE_CGRP_STORAGE],
};

/** Program types that may update and delete in a sockmap (may_update_sockmap). */
const SOCKMAP_WRITERS: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_SK_REUSEPORT,
  P.BPF_PROG_TYPE_FLOW_DISSECTOR,
  P.BPF_PROG_TYPE_SK_LOOKUP,
]);
const BPF_TRACE_ITER = 28;

/** May this program use this helper (name without bpf_) on this map type? `cannot pass map_type %d into func %s#%d` otherwise. */
export function mapHelperAllowed(mapType: number, helper: string, q: ProgQuery): 'ok' | 'no' | 'no-sockmap-update' {
  const types = HELPER_MAP_TYPES[helper];
  const row = MAP_TYPES[mapType];
  if (row?.helpers !== undefined && !row.helpers.includes(helper)) {
    if (!row.sockmap) return 'no';
    if (!mayUpdateSockmap(helper, q)) {
      return helper === 'map_update_elem' || helper === 'map_delete_elem' ? 'no-sockmap-update' : 'no';
    }
  }
  return types !== undefined && !types.includes(mapType) ? 'no' : 'ok';
}

/** may_update_sockmap: `cannot update sockmap in this context` before the refusal. */
function mayUpdateSockmap(helper: string, q: ProgQuery): boolean {
  if (helper !== 'map_update_elem' && helper !== 'map_delete_elem') return false;
  if (SOCKMAP_WRITERS.has(q.progType)) return true;
  if (q.progType === P.BPF_PROG_TYPE_TRACING) return q.expectedAttachType === BPF_TRACE_ITER;
  // sock_ops updates through sock_map_update and sock_hash_update only.
  return q.progType === P.BPF_PROG_TYPE_SOCK_OPS && helper === 'map_delete_elem';
}

/** is_tracing_prog_type: may interrupt anything, locks included. */
export const TRACING_PROG_TYPES: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_TRACEPOINT,
  P.BPF_PROG_TYPE_PERF_EVENT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
]);

interface FieldRule {
  readonly fields: number;
  readonly progs: ReadonlySet<number>;
  readonly text: string;
}
/** Special fields that some program types must not meet, in the order in which the kernel asks. */
const FIELD_RULES: readonly FieldRule[] = [
  { fields: GRAPH, progs: TRACING_PROG_TYPES, text: 'tracing progs cannot use bpf_{list_head,rb_root} yet' },
  {
    fields: LOCKS,
    progs: new Set([P.BPF_PROG_TYPE_SOCKET_FILTER]),
    text: 'socket filter progs cannot use bpf_spin_lock yet',
  },
  { fields: LOCKS, progs: TRACING_PROG_TYPES, text: 'tracing progs cannot use bpf_spin_lock yet' },
  { fields: BPF_TIMER, progs: TRACING_PROG_TYPES, text: 'tracing progs cannot use bpf_timer yet' },
  { fields: BPF_WORKQUEUE, progs: TRACING_PROG_TYPES, text: 'tracing progs cannot use bpf_wq yet' },
];

/** check_map_prog_compatibility: the kernel's message (-EINVAL), or undefined when the program may name the map. */
export function mapProgRefusal(mapType: number, fieldMask: number, q: ProgQuery): string | undefined {
  for (const r of FIELD_RULES) if ((fieldMask & r.fields) !== 0 && r.progs.has(q.progType)) return r.text;
  if (mapType === T.BPF_MAP_TYPE_STRUCT_OPS) return 'bpf_struct_ops map cannot be used in prog';
  if (q.sleepable && MAP_TYPES[mapType]?.sleepable !== true) {
    return 'Sleepable programs can only use array, hash, ringbuf and local storage maps';
  }
  return undefined;
}
