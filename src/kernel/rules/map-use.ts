/** Which helpers and programs may use which map types, compiled from the rows. */
import { BPF_TIMER, BPF_WORKQUEUE } from '../../btf/record.ts';
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { BPF_FUNC as F } from '../../uapi/helper-ids.ts';
import { BPF_PROG_TYPE as P } from '../../uapi/prog-types.ts';
import { lazy } from '../../util/lazy.ts';
import type { ProgQuery } from './prog-type.ts';
import { GRAPH, LOCKS, MAP_TYPES } from './rows/maps.ts';

const idOf = (name: string): number => (F as Readonly<Record<string, number>>)[`BPF_FUNC_${name}`];

/** Helpers that take one of the types that name them, and any type that names no helper at all. */
const GENERIC: ReadonlySet<number> = new Set([F.BPF_FUNC_map_lookup_elem, F.BPF_FUNC_kptr_xchg]);

/** By map type: the only helpers that take it. */
const helpersOf = lazy(
  (): ReadonlyMap<number, ReadonlySet<number>> =>
    new Map(
      Object.entries(MAP_TYPES).flatMap(([type, row]) =>
        row.helpers === undefined ? [] : [[Number(type), new Set(row.helpers.map(idOf))] as const],
      ),
    ),
);

/** By helper: the only map types that it takes. */
const typesOf = lazy((): ReadonlyMap<number, ReadonlySet<number>> => {
  const types = new Map<number, Set<number>>();
  for (const [type, row] of Object.entries(MAP_TYPES)) {
    for (const id of [...(row.helpers ?? []), ...(row.alone ?? [])].map(idOf)) {
      if (GENERIC.has(id)) continue;
      if (!types.has(id)) types.set(id, new Set());
      types.get(id)?.add(Number(type));
    }
  }
  return types;
});

/** Programs that run where no socket lock can be held, so that they may update and delete in a sockmap. */
const SOCKMAP_WRITERS: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_SK_REUSEPORT,
  P.BPF_PROG_TYPE_FLOW_DISSECTOR,
  P.BPF_PROG_TYPE_SK_LOOKUP,
]);

/** May this program call this helper on this map type (check_map_func_compatibility)? */
export function mapHelperAllowed(mapType: number, helper: number, q: ProgQuery): 'ok' | 'no' | 'no-sockmap-update' {
  const helpers = helpersOf().get(mapType);
  if (helpers !== undefined && !helpers.has(helper)) {
    const writes = helper === F.BPF_FUNC_map_update_elem || helper === F.BPF_FUNC_map_delete_elem;
    if (MAP_TYPES[mapType].sockmap !== true || !writes) return 'no';
    if (!mayUpdateSockmap(helper, q)) return 'no-sockmap-update';
  }
  const types = typesOf().get(helper);
  return types === undefined || types.has(mapType) ? 'ok' : 'no';
}

/** may_update_sockmap */
function mayUpdateSockmap(helper: number, q: ProgQuery): boolean {
  if (SOCKMAP_WRITERS.has(q.progType)) return true;
  if (q.progType === P.BPF_PROG_TYPE_TRACING) return q.expectedAttachType === BPF_ATTACH_TYPE.BPF_TRACE_ITER;
  // Programs of sock_ops update through sock_map_update and sock_hash_update only.
  return q.progType === P.BPF_PROG_TYPE_SOCK_OPS && helper === F.BPF_FUNC_map_delete_elem;
}

/** Programs that may interrupt any code, also a lock's holder (is_tracing_prog_type). */
const TRACING: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_TRACEPOINT,
  P.BPF_PROG_TYPE_PERF_EVENT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
]);

export type MapRefusal =
  | 'graph-in-tracing'
  | 'lock-in-socket-filter'
  | 'lock-in-tracing'
  | 'timer-in-tracing'
  | 'wq-in-tracing'
  | 'struct-ops-map'
  | 'sleepable-map';

/** Special fields that some program types must not meet, in the order in which the kernel asks. */
const FIELD_RULES: readonly { fields: number; progs: ReadonlySet<number>; refusal: MapRefusal }[] = [
  { fields: GRAPH, progs: TRACING, refusal: 'graph-in-tracing' },
  { fields: LOCKS, progs: new Set([P.BPF_PROG_TYPE_SOCKET_FILTER]), refusal: 'lock-in-socket-filter' },
  { fields: LOCKS, progs: TRACING, refusal: 'lock-in-tracing' },
  { fields: BPF_TIMER, progs: TRACING, refusal: 'timer-in-tracing' },
  { fields: BPF_WORKQUEUE, progs: TRACING, refusal: 'wq-in-tracing' },
];

/** Why the program may not name a map of this type with these special fields, if it may not (check_map_prog_compatibility). */
export function mapProgRefusal(mapType: number, fieldMask: number, q: ProgQuery): MapRefusal | undefined {
  for (const rule of FIELD_RULES)
    if ((fieldMask & rule.fields) !== 0 && rule.progs.has(q.progType)) return rule.refusal;
  if (MAP_TYPES[mapType]?.structOps === true) return 'struct-ops-map';
  return q.sleepable && MAP_TYPES[mapType]?.sleepable !== true ? 'sleepable-map' : undefined;
}
