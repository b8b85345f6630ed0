/** Whether this kind of program may use this map at all (check_map_prog_compatibility). */
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { type MapRefusal, mapProgRefusal } from '../../rules/map-use.ts';
import { MAP_USE } from '../diag/catalogue/map-use.ts';
import { type Rejection, reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

const REFUSALS: Readonly<Record<MapRefusal, Rejection<[]>>> = {
  'graph-in-tracing': MAP_USE.GRAPH_IN_TRACING,
  'lock-in-socket-filter': MAP_USE.LOCK_IN_SOCKET_FILTER,
  'lock-in-tracing': MAP_USE.LOCK_IN_TRACING,
  'timer-in-tracing': MAP_USE.TIMER_IN_TRACING,
  'wq-in-tracing': MAP_USE.WQ_IN_TRACING,
  'struct-ops-map': MAP_USE.STRUCT_OPS_MAP,
  'sleepable-map': MAP_USE.SLEEPABLE_MAP,
};

/**
 * Refuses a map that the program must not use; called once for each map, before it is added to env.maps.
 * @param digest SHA-256 of the program's instructions
 */
export function checkMapProgCompatibility(env: VerifierEnv, map: MapDesc, digest: () => Uint8Array): void {
  const wanted = map.exclProgHash;
  if (wanted !== undefined) {
    const own = digest();
    if (wanted.some((byte, i) => byte !== own[i])) reject(env, MAP_USE.EXCLUSIVE_MAP);
  }
  const refusal = mapProgRefusal(map.type, map.record?.mask ?? 0, env.query);
  if (refusal !== undefined) reject(env, REFUSALS[refusal]);
  const storage = map.type === T.BPF_MAP_TYPE_CGROUP_STORAGE || map.type === T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
  if (storage && env.maps.some((m) => m.type === map.type)) reject(env, MAP_USE.ONE_CGROUP_STORAGE);
  if (map.type !== T.BPF_MAP_TYPE_ARENA) return;
  if (env.hasArena) reject(env, MAP_USE.ONE_ARENA);
  if (!env.allowPtrLeaks || !env.bpfCapable) reject(env, MAP_USE.ARENA_CAPS);
  env.hasArena = true;
}
