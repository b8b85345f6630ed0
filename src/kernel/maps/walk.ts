/** The elements of a map as bpf_for_each_map_elem visits them, by its address: nothing but the memory is read. */
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import { headerWord } from './header.ts';

/** Guest addresses of an element's key and of its value on the running CPU. */
export interface Element {
  readonly key: number;
  readonly value: number;
}

/** Elements of the hash at an address. A callback may delete the one that it is given. */
export function* hashElements(u32: Uint32Array, map: number, cpu: number): Iterable<Element> {
  const base = headerWord(u32, map, 'base') >>> 2;
  const mask = headerWord(u32, map, 'mask');
  const valueOff = headerWord(u32, map, 'valueOff') + cpu * headerWord(u32, map, 'cpuStride');
  for (let i = 0; i <= mask; i++) {
    let elem = u32[base + i];
    while (elem) {
      yield { key: elem + 8, value: elem + valueOff };
      // Read after the callback, as RCU readers do: a deleted element still points on.
      elem = u32[elem >>> 2];
    }
  }
}

/** Elements of the array at an address. @param key guest address of a word for their index */
export function* arrayElements(u32: Uint32Array, map: number, cpu: number, key: number): Iterable<Element> {
  const entries = headerWord(u32, map, 'maxEntries');
  const stride = headerWord(u32, map, 'stride');
  const base = headerWord(u32, map, 'base') + cpu * headerWord(u32, map, 'cpuStride');
  for (let i = 0; i < entries; i++) {
    u32[key >>> 2] = i;
    yield { key, value: base + i * stride };
  }
}

const ARRAYS: ReadonlySet<number> = new Set([T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_PERCPU_ARRAY]);
const HASHES: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_HASH,
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_LRU_HASH,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
]);

/** Elements of the map at an address; undefined when its type has no such walk. @param key a word for indexes of arrays */
export function mapElements(u32: Uint32Array, map: number, cpu: number, key: number): Iterable<Element> | undefined {
  const type = headerWord(u32, map, 'type');
  if (ARRAYS.has(type)) return arrayElements(u32, map, cpu, key);
  return HASHES.has(type) ? hashElements(u32, map, cpu) : undefined;
}
