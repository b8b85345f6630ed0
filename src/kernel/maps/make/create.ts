/** MAP_CREATE: checks the attribute, makes the storage and registers the map. */
import type { MapCreateAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_MAP_TYPE as T, bpfMapTypeName } from '../../../uapi/map-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { ArrayMap } from '../array.ts';
import { CgroupArrayMap } from '../cgroup-array.ts';
import { BloomMap } from '../bloom.ts';
import { type MapContext, describeMap, roundLru } from './describe.ts';
import { HashMap } from '../hash.ts';
import { LpmTrieMap } from '../lpm-trie.ts';
import { ArrayOfMaps, HashOfMaps } from '../map-in-map.ts';
import type { FdResolver, MapEnv, MapRules } from '../env.ts';
import type { BpfMap } from '../../object/map.ts';
import { PerfEventArrayMap } from '../perf-event-array.ts';
import { ProgArrayMap } from '../prog-array.ts';
import { QueueMap } from '../queue.ts';
import { RingbufMap } from '../ringbuf.ts';
import { StackTraceMap } from '../stack-trace.ts';
import { OutOfMemory } from '../scratch.ts';
import { TargetArrayMap } from '../target-array.ts';
import { TargetHashMap } from '../target-hash.ts';

type Maker = (env: MapEnv, desc: MapDesc, fds: FdResolver) => BpfMap;

const hash: Maker = (env, desc) => new HashMap(env, desc);
const array: Maker = (env, desc) => new ArrayMap(env, desc);
const targets: Maker = (env, desc, fds) => new TargetArrayMap(env, desc, fds);
const queue: Maker = (env, desc) => new QueueMap(env, desc);

/** Makers of maps by type; rows without one can be described and verified against, but not created. */
const MAKERS: Readonly<Record<number, Maker | undefined>> = {
  [T.BPF_MAP_TYPE_HASH]: hash,
  [T.BPF_MAP_TYPE_ARRAY]: array,
  [T.BPF_MAP_TYPE_PROG_ARRAY]: (env, desc, fds) => new ProgArrayMap(env, desc, fds),
  [T.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: (env, desc) => new PerfEventArrayMap(env, desc),
  [T.BPF_MAP_TYPE_PERCPU_HASH]: hash,
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: array,
  [T.BPF_MAP_TYPE_STACK_TRACE]: (env, desc) => new StackTraceMap(env, desc),
  [T.BPF_MAP_TYPE_CGROUP_ARRAY]: (env, desc, fds) => new CgroupArrayMap(env, desc, fds),
  [T.BPF_MAP_TYPE_LRU_HASH]: hash,
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: hash,
  [T.BPF_MAP_TYPE_LPM_TRIE]: (env, desc) => new LpmTrieMap(env, desc),
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: (env, desc, fds) => new ArrayOfMaps(env, desc, fds),
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: (env, desc, fds) => new HashOfMaps(env, desc, fds),
  [T.BPF_MAP_TYPE_DEVMAP]: targets,
  [T.BPF_MAP_TYPE_CPUMAP]: targets,
  [T.BPF_MAP_TYPE_XSKMAP]: targets,
  [T.BPF_MAP_TYPE_QUEUE]: queue,
  [T.BPF_MAP_TYPE_STACK]: queue,
  [T.BPF_MAP_TYPE_DEVMAP_HASH]: (env, desc, fds) => new TargetHashMap(env, desc, fds),
  [T.BPF_MAP_TYPE_RINGBUF]: (env, desc) => new RingbufMap(env, desc),
  [T.BPF_MAP_TYPE_BLOOM_FILTER]: (env, desc) => new BloomMap(env, desc),
};

/** Types that a runtime can create. */
export const mapTypes = (): readonly number[] => Object.keys(MAKERS).map(Number);

/** Why a type cannot be created here although the kernel has it; undefined when it can, or when the kernel has it not. */
export function unsupportedMapType(rules: MapRules, type: number): string | undefined {
  if (rules.map(type) === undefined || MAKERS[type] !== undefined) return undefined;
  return `${bpfMapTypeName(type)} is not implemented: see docs/SCOPE.md`;
}

/**
 * A new map, or -errno. Types that can only be described give -EOPNOTSUPP, see {@link unsupportedMapType}.
 * `context.inner` is taken from inner_map_fd when it is left out.
 */
export function createMap(
  env: MapEnv,
  attr: MapCreateAttr,
  fds: FdResolver,
  context: Omit<MapContext, 'id'> = {},
): BpfMap | number {
  const checked = describeMap(env.rules, attr, { ...context, id: 0, inner: context.inner ?? templateOf(attr, fds) });
  if (typeof checked === 'number') return checked;
  const make = MAKERS[checked.type];
  if (make === undefined) return -ERRNO.EOPNOTSUPP;
  try {
    const map = make(env, { ...roundLru(checked, env.nrCpus), id: env.nextMapId() }, fds);
    env.maps.set(map.addr, map);
    return map;
  } catch (error) {
    if (error instanceof OutOfMemory) return -ERRNO.ENOMEM;
    throw error;
  }
}

/** The template of a map-in-map, or -errno. */
function templateOf(attr: MapCreateAttr, fds: FdResolver): MapDesc | number {
  const found = fds.map((attr.inner_map_fd ?? 0) | 0);
  if (found === undefined) return -ERRNO.EBADF;
  return typeof found === 'number' ? found : found.desc;
}
