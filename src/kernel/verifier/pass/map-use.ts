/** Whether this kind of program may use this map at all (check_map_prog_compatibility). */
import {
  BPF_LIST_HEAD,
  BPF_RB_ROOT,
  BPF_RES_SPIN_LOCK,
  BPF_SPIN_LOCK,
  BPF_TIMER,
  BPF_WORKQUEUE,
} from '../../../btf/record.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { MAP_USE } from '../diag/catalogue/map-use.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

const T = BPF_MAP_TYPE;

/** Program types that may interrupt any code, also a lock's holder (is_tracing_prog_type). */
const TRACING: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE.BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE.BPF_PROG_TYPE_TRACEPOINT,
  BPF_PROG_TYPE.BPF_PROG_TYPE_PERF_EVENT,
  BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
]);

/** Map types that sleepable programs may use. */
const SLEEPABLE: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_HASH,
  T.BPF_MAP_TYPE_LRU_HASH,
  T.BPF_MAP_TYPE_ARRAY,
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_PERCPU_ARRAY,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  T.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  T.BPF_MAP_TYPE_HASH_OF_MAPS,
  T.BPF_MAP_TYPE_RINGBUF,
  T.BPF_MAP_TYPE_USER_RINGBUF,
  T.BPF_MAP_TYPE_INODE_STORAGE,
  T.BPF_MAP_TYPE_SK_STORAGE,
  T.BPF_MAP_TYPE_TASK_STORAGE,
  T.BPF_MAP_TYPE_CGRP_STORAGE,
  T.BPF_MAP_TYPE_QUEUE,
  T.BPF_MAP_TYPE_STACK,
  T.BPF_MAP_TYPE_ARENA,
]);

/**
 * Refuses a map that the program must not use; called once for each map, before it is added to env.maps.
 * @param digest SHA-256 of the program's instructions
 */
export function checkMapProgCompatibility(env: VerifierEnv, map: MapDesc, digest: () => Uint8Array): void {
  const { progType } = env.input;
  const wanted = map.exclProgHash;
  if (wanted !== undefined) {
    const own = digest();
    if (wanted.some((byte, i) => byte !== own[i])) reject(env, MAP_USE.EXCLUSIVE_MAP);
  }
  const fields = map.record?.mask ?? 0;
  if ((fields & (BPF_LIST_HEAD | BPF_RB_ROOT)) !== 0 && TRACING.has(progType)) reject(env, MAP_USE.GRAPH_IN_TRACING);
  if ((fields & (BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK)) !== 0) {
    if (progType === BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER) reject(env, MAP_USE.LOCK_IN_SOCKET_FILTER);
    if (TRACING.has(progType)) reject(env, MAP_USE.LOCK_IN_TRACING);
  }
  if ((fields & BPF_TIMER) !== 0 && TRACING.has(progType)) reject(env, MAP_USE.TIMER_IN_TRACING);
  if ((fields & BPF_WORKQUEUE) !== 0 && TRACING.has(progType)) reject(env, MAP_USE.WQ_IN_TRACING);
  if (map.type === T.BPF_MAP_TYPE_STRUCT_OPS) reject(env, MAP_USE.STRUCT_OPS_MAP);
  if (env.query.sleepable && !SLEEPABLE.has(map.type)) reject(env, MAP_USE.SLEEPABLE_MAP);
  const storage = map.type === T.BPF_MAP_TYPE_CGROUP_STORAGE || map.type === T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
  if (storage && env.maps.some((m) => m.type === map.type)) reject(env, MAP_USE.ONE_CGROUP_STORAGE);
  if (map.type !== T.BPF_MAP_TYPE_ARENA) return;
  if (env.hasArena) reject(env, MAP_USE.ONE_ARENA);
  if (!env.allowPtrLeaks || !env.bpfCapable) reject(env, MAP_USE.ARENA_CAPS);
  env.hasArena = true;
}
