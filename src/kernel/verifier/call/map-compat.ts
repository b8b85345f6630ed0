/** Which helpers work on which map types (check_map_func_compatibility). */
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { helperName } from './name.ts';

const F = BPF_FUNC;
const M = BPF_MAP_TYPE;

const RINGBUF = [
  F.BPF_FUNC_ringbuf_output,
  F.BPF_FUNC_ringbuf_reserve,
  F.BPF_FUNC_ringbuf_query,
  F.BPF_FUNC_ringbuf_reserve_dynptr,
  F.BPF_FUNC_ringbuf_submit_dynptr,
  F.BPF_FUNC_ringbuf_discard_dynptr,
];
const PERF = [
  F.BPF_FUNC_perf_event_read,
  F.BPF_FUNC_perf_event_output,
  F.BPF_FUNC_skb_output,
  F.BPF_FUNC_perf_event_read_value,
  F.BPF_FUNC_xdp_output,
];
const UNDER_CGROUP = [F.BPF_FUNC_skb_under_cgroup, F.BPF_FUNC_current_task_under_cgroup];
const QUEUE = [F.BPF_FUNC_map_peek_elem, F.BPF_FUNC_map_pop_elem, F.BPF_FUNC_map_push_elem];
const SOCKMAP = [F.BPF_FUNC_sk_redirect_map, F.BPF_FUNC_sock_map_update, F.BPF_FUNC_msg_redirect_map];
const SOCKHASH = [F.BPF_FUNC_sk_redirect_hash, F.BPF_FUNC_sock_hash_update, F.BPF_FUNC_msg_redirect_hash];
const SK_STORAGE = [F.BPF_FUNC_sk_storage_get, F.BPF_FUNC_sk_storage_delete];
const INODE_STORAGE = [F.BPF_FUNC_inode_storage_get, F.BPF_FUNC_inode_storage_delete];
const TASK_STORAGE = [F.BPF_FUNC_task_storage_get, F.BPF_FUNC_task_storage_delete];
const CGRP_STORAGE = [F.BPF_FUNC_cgrp_storage_get, F.BPF_FUNC_cgrp_storage_delete];

/** Helpers that a map of the type may be passed to; types without a row take the generic ones. */
const BY_MAP: Readonly<Record<number, readonly number[]>> = {
  [M.BPF_MAP_TYPE_PROG_ARRAY]: [F.BPF_FUNC_tail_call],
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: PERF,
  [M.BPF_MAP_TYPE_RINGBUF]: RINGBUF,
  [M.BPF_MAP_TYPE_USER_RINGBUF]: [F.BPF_FUNC_user_ringbuf_drain],
  [M.BPF_MAP_TYPE_STACK_TRACE]: [F.BPF_FUNC_get_stackid],
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: UNDER_CGROUP,
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: [F.BPF_FUNC_get_local_storage],
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: [F.BPF_FUNC_get_local_storage],
  [M.BPF_MAP_TYPE_DEVMAP]: [F.BPF_FUNC_redirect_map, F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: [F.BPF_FUNC_redirect_map, F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_CPUMAP]: [F.BPF_FUNC_redirect_map],
  [M.BPF_MAP_TYPE_XSKMAP]: [F.BPF_FUNC_redirect_map, F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: [F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: [F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_SOCKMAP]: [...SOCKMAP, F.BPF_FUNC_sk_select_reuseport, F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_SOCKHASH]: [...SOCKHASH, F.BPF_FUNC_sk_select_reuseport, F.BPF_FUNC_map_lookup_elem],
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: [F.BPF_FUNC_sk_select_reuseport],
  [M.BPF_MAP_TYPE_QUEUE]: QUEUE,
  [M.BPF_MAP_TYPE_STACK]: QUEUE,
  [M.BPF_MAP_TYPE_SK_STORAGE]: [...SK_STORAGE, F.BPF_FUNC_kptr_xchg],
  [M.BPF_MAP_TYPE_INODE_STORAGE]: [...INODE_STORAGE, F.BPF_FUNC_kptr_xchg],
  [M.BPF_MAP_TYPE_TASK_STORAGE]: [...TASK_STORAGE, F.BPF_FUNC_kptr_xchg],
  [M.BPF_MAP_TYPE_CGRP_STORAGE]: [...CGRP_STORAGE, F.BPF_FUNC_kptr_xchg],
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: [F.BPF_FUNC_map_peek_elem, F.BPF_FUNC_map_push_elem],
};

/** Map types that a helper takes; helpers without a row take all that {@link BY_MAP} leaves them. */
const BY_FUNC: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [F.BPF_FUNC_tail_call, [M.BPF_MAP_TYPE_PROG_ARRAY]],
  ...PERF.map((f) => [f, [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]] as const),
  ...RINGBUF.map((f) => [f, [M.BPF_MAP_TYPE_RINGBUF]] as const),
  [F.BPF_FUNC_user_ringbuf_drain, [M.BPF_MAP_TYPE_USER_RINGBUF]],
  [F.BPF_FUNC_get_stackid, [M.BPF_MAP_TYPE_STACK_TRACE]],
  ...UNDER_CGROUP.map((f) => [f, [M.BPF_MAP_TYPE_CGROUP_ARRAY]] as const),
  [
    F.BPF_FUNC_redirect_map,
    [M.BPF_MAP_TYPE_DEVMAP, M.BPF_MAP_TYPE_DEVMAP_HASH, M.BPF_MAP_TYPE_CPUMAP, M.BPF_MAP_TYPE_XSKMAP],
  ],
  ...SOCKMAP.map((f) => [f, [M.BPF_MAP_TYPE_SOCKMAP]] as const),
  ...SOCKHASH.map((f) => [f, [M.BPF_MAP_TYPE_SOCKHASH]] as const),
  [F.BPF_FUNC_get_local_storage, [M.BPF_MAP_TYPE_CGROUP_STORAGE, M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]],
  [
    F.BPF_FUNC_sk_select_reuseport,
    [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, M.BPF_MAP_TYPE_SOCKMAP, M.BPF_MAP_TYPE_SOCKHASH],
  ],
  [F.BPF_FUNC_map_pop_elem, [M.BPF_MAP_TYPE_QUEUE, M.BPF_MAP_TYPE_STACK]],
  [F.BPF_FUNC_map_peek_elem, [M.BPF_MAP_TYPE_QUEUE, M.BPF_MAP_TYPE_STACK, M.BPF_MAP_TYPE_BLOOM_FILTER]],
  [F.BPF_FUNC_map_push_elem, [M.BPF_MAP_TYPE_QUEUE, M.BPF_MAP_TYPE_STACK, M.BPF_MAP_TYPE_BLOOM_FILTER]],
  [
    F.BPF_FUNC_map_lookup_percpu_elem,
    [M.BPF_MAP_TYPE_PERCPU_ARRAY, M.BPF_MAP_TYPE_PERCPU_HASH, M.BPF_MAP_TYPE_LRU_PERCPU_HASH],
  ],
  ...SK_STORAGE.map((f) => [f, [M.BPF_MAP_TYPE_SK_STORAGE]] as const),
  ...INODE_STORAGE.map((f) => [f, [M.BPF_MAP_TYPE_INODE_STORAGE]] as const),
  ...TASK_STORAGE.map((f) => [f, [M.BPF_MAP_TYPE_TASK_STORAGE]] as const),
  ...CGRP_STORAGE.map((f) => [f, [M.BPF_MAP_TYPE_CGRP_STORAGE]] as const),
]);

const P = BPF_PROG_TYPE;
/** Programs that run where no socket lock can be held. */
const SOCKMAP_UPDATERS: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_SK_REUSEPORT,
  P.BPF_PROG_TYPE_FLOW_DISSECTOR,
  P.BPF_PROG_TYPE_SK_LOOKUP,
]);
const BPF_TRACE_ITER = 28;

type SockmapUpdate = 'allowed' | 'wrong context' | 'no update';

/** may_update_sockmap. */
function maySockmapUpdate(env: VerifierEnv, func: number): SockmapUpdate {
  const isDelete = func === F.BPF_FUNC_map_delete_elem;
  if (!isDelete && func !== F.BPF_FUNC_map_update_elem) return 'no update';
  const { progType, expectedAttachType } = env.query;
  if (progType === P.BPF_PROG_TYPE_TRACING && expectedAttachType === BPF_TRACE_ITER) return 'allowed';
  if (progType === P.BPF_PROG_TYPE_SOCK_OPS && isDelete) return 'allowed';
  return SOCKMAP_UPDATERS.has(progType) ? 'allowed' : 'wrong context';
}

/** check_map_func_compatibility. */
export function checkMapFuncCompatibility(env: VerifierEnv, map: MapDesc | undefined, func: number): void {
  if (map === undefined) return;
  const funcs = BY_MAP[map.type];
  if (funcs !== undefined && !funcs.includes(func)) {
    const sockets = map.type === M.BPF_MAP_TYPE_SOCKMAP || map.type === M.BPF_MAP_TYPE_SOCKHASH;
    const update = sockets ? maySockmapUpdate(env, func) : 'no update';
    if (update === 'wrong context') reject(env, CALL.SOCKMAP_CONTEXT, map.type, helperName(func), func);
    if (update === 'no update') reject(env, CALL.MAP_FUNC_MISMATCH, map.type, helperName(func), func);
  }
  const types = BY_FUNC.get(func);
  if (types !== undefined && !types.includes(map.type)) {
    reject(env, CALL.MAP_FUNC_MISMATCH, map.type, helperName(func), func);
  }
}
