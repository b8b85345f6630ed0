/** MAP_CREATE: checks the attribute, makes the storage and registers the map. */
import type { MapCreateAttr } from '../../../uapi/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { bpfMapTypeName } from '../../../uapi/map-types.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { ArrayMap } from '../array.ts';
import { BloomMap } from '../bloom.ts';
import { type MapContext, describeMap, roundLru } from './describe.ts';
import { HashMap } from '../hash.ts';
import { LpmTrieMap } from '../lpm-trie.ts';
import { ArrayOfMaps, HashOfMaps } from '../map-in-map.ts';
import type { FdResolver, MapEnv } from '../env.ts';
import type { BpfMap } from '../../object/map.ts';
import { PerfEventArrayMap } from '../perf-event-array.ts';
import { ProgArrayMap } from '../prog-array.ts';
import { QueueMap } from '../queue.ts';
import { RingbufMap } from '../ringbuf.ts';
import { StackTraceMap } from '../stack-trace.ts';
import { OutOfMemory } from '../scratch.ts';
import { type Family, MAP_TYPES } from './table.ts';
import { TargetArrayMap } from '../target-array.ts';
import { TargetHashMap } from '../target-hash.ts';

type Maker = (env: MapEnv, desc: MapDesc, fds: FdResolver) => BpfMap;

const MAKERS: Readonly<Record<Family, Maker>> = {
  array: (env, desc) => new ArrayMap(env, desc),
  hash: (env, desc) => new HashMap(env, desc),
  'lpm-trie': (env, desc) => new LpmTrieMap(env, desc),
  'prog-array': (env, desc, fds) => new ProgArrayMap(env, desc, fds),
  'perf-event-array': (env, desc, fds) => new PerfEventArrayMap(env, desc, fds),
  'array-of-maps': (env, desc, fds) => new ArrayOfMaps(env, desc, fds),
  'hash-of-maps': (env, desc, fds) => new HashOfMaps(env, desc, fds),
  'target-array': (env, desc, fds) => new TargetArrayMap(env, desc, fds),
  'target-hash': (env, desc, fds) => new TargetHashMap(env, desc, fds),
  queue: (env, desc) => new QueueMap(env, desc),
  bloom: (env, desc) => new BloomMap(env, desc),
  ringbuf: (env, desc) => new RingbufMap(env, desc),
  'stack-trace': (env, desc) => new StackTraceMap(env, desc),
};

/** Why a type cannot be created here although the kernel has it; undefined when it can, or when nobody has it. */
export function unsupportedMapType(type: number): string | undefined {
  const row = MAP_TYPES[type];
  if (row === undefined || row.family !== undefined) return undefined;
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
  const checked = describeMap(attr, { ...context, id: 0, inner: context.inner ?? templateOf(attr, fds) });
  if (typeof checked === 'number') return checked;
  const family = MAP_TYPES[checked.type]?.family;
  const make = family && MAKERS[family];
  if (!make) return -ERRNO.EOPNOTSUPP;
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
