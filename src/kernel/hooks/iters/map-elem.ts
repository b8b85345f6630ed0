/** Elements of a map, as iterators get them: keys are copies, values lie in the map; those of all CPUs are copied one behind the other. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../uapi/map-types.ts';
import type { Restore } from '../../mem/saved.ts';
import type { MapObject } from '../../object/map.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { AttachEnv } from '../env.ts';
import type { Iterated, IterItem, Pass } from './pass.ts';
import { mapStruct } from './map-struct.ts';

const PLAIN: readonly number[] = [M.BPF_MAP_TYPE_HASH, M.BPF_MAP_TYPE_LRU_HASH, M.BPF_MAP_TYPE_ARRAY];
const PERCPU: readonly number[] = [
  M.BPF_MAP_TYPE_PERCPU_HASH,
  M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  M.BPF_MAP_TYPE_PERCPU_ARRAY,
];

/** -EINVAL for maps that have no such elements, -EACCES for a program that reaches beyond a key or a value. */
export function iteratedElements(env: AttachEnv, prog: LoadedProg, map: MapObject | number): Iterated | number {
  if (typeof map === 'number') return map;
  const { desc, userValueSize } = map.map;
  const percpu = PERCPU.includes(desc.type);
  if (!percpu && !PLAIN.includes(desc.type)) return -ERRNO.EINVAL;
  const { rdonly, rdwr } = prog.verified.bufferAccess;
  if (rdonly > desc.keySize || rdwr > userValueSize) return -ERRNO.EACCES;
  return {
    args: ['map', 'key', 'value'],
    told: { map_id: desc.id },
    pass: () => new ElementPass(env, map, percpu),
    get: () => void env.objects.get(map),
    put: () => env.objects.put(map),
  };
}

class ElementPass implements Pass {
  readonly #env: AttachEnv;
  readonly #map: MapObject;
  readonly #percpu: boolean;
  readonly #keys: readonly Uint8Array[];
  #index = 0;
  /** Where key and, of values of all CPUs, value are copied to. */
  readonly #key: number;
  readonly #value: number;

  constructor(env: AttachEnv, map: MapObject, percpu: boolean) {
    this.#env = env;
    this.#map = map;
    this.#percpu = percpu;
    // Elements that go away meanwhile are left out.
    this.#keys = Array.from(map.map.entries(), ([key]) => key);
    this.#key = env.heap.alloc(map.map.desc.keySize + 8);
    this.#value = percpu ? env.heap.alloc(map.map.userValueSize) : 0;
  }

  item(): IterItem | undefined {
    const { u8 } = this.#env.mem;
    if (this.#key === 0 || (this.#percpu && this.#value === 0)) return undefined;
    for (; this.#index < this.#keys.length; this.#index++) {
      const key = this.#keys[this.#index];
      u8.set(key, this.#key);
      const value = this.#percpu ? this.#copied(key) : this.#env.lookup(this.#map.map.addr, this.#key);
      if (value !== 0) return { map: mapStruct(this.#env, this.#map), key: this.#key, value };
    }
    return undefined;
  }

  step(): void {
    this.#index++;
  }

  #copied(key: Uint8Array): number {
    const value = this.#map.map.lookup(key);
    if (typeof value === 'number') return 0;
    this.#env.mem.u8.set(value, this.#value);
    return this.#value;
  }

  save(): Restore {
    const index = this.#index;
    return () => {
      this.#index = index;
    };
  }

  [Symbol.dispose](): void {
    const { heap } = this.#env;
    if (this.#key !== 0) heap.free(this.#key);
    if (this.#value !== 0) heap.free(this.#value);
  }
}
