/** Map operations of a map that is only known at run time: by the type in its header. The JIT calls the families directly where it knows the map. */
import { array_delete, array_lookup, array_of_maps_lookup, array_update, percpu_array_lookup, percpu_array_lookup_cpu, percpu_array_update, target_lookup } from './array';
import { bloom_peek, bloom_push } from './bloom';
import { ARRAY, ARRAY_OF_MAPS, BLOOM_FILTER, DEVMAP, DEVMAP_HASH, EOPNOTSUPP, HASH, HASH_OF_MAPS, LPM_TRIE, LRU_HASH, LRU_PERCPU_HASH, PERCPU_ARRAY, PERCPU_HASH, QUEUE, STACK, XSKMAP } from './common';
import { hash_delete, hash_lookup, hash_of_maps_lookup, hash_update, lru_lookup, lru_percpu_hash_lookup, percpu_hash_lookup, percpu_hash_lookup_cpu, percpu_hash_update } from './hash';
import { mapType } from './header';
import { lpm_delete, lpm_lookup, lpm_update } from './lpm';
import { queue_peek, queue_pop, queue_push, stack_peek, stack_pop } from './queue';

export function map_lookup_elem(m: u32, key: u32): u32 {
  switch (mapType(m)) {
    case HASH: return hash_lookup(m, key);
    case ARRAY: return array_lookup(m, key);
    case PERCPU_HASH: return percpu_hash_lookup(m, key);
    case PERCPU_ARRAY: return percpu_array_lookup(m, key);
    case LRU_HASH: return lru_lookup(m, key);
    case LRU_PERCPU_HASH: return lru_percpu_hash_lookup(m, key);
    case LPM_TRIE: return lpm_lookup(m, key);
    case ARRAY_OF_MAPS: return array_of_maps_lookup(m, key);
    case HASH_OF_MAPS: return hash_of_maps_lookup(m, key);
    case DEVMAP: case XSKMAP: return target_lookup(m, key);
    case DEVMAP_HASH: return hash_lookup(m, key);
  }
  return 0;
}
export function map_update_elem(m: u32, key: u32, value: u32, flags: u32): i32 {
  switch (mapType(m)) {
    case HASH: case LRU_HASH: return hash_update(m, key, value, flags);
    case ARRAY: return array_update(m, key, value, flags);
    case PERCPU_HASH: case LRU_PERCPU_HASH: return percpu_hash_update(m, key, value, flags);
    case PERCPU_ARRAY: return percpu_array_update(m, key, value, flags);
    case LPM_TRIE: return lpm_update(m, key, value, flags);
  }
  return EOPNOTSUPP;
}
export function map_delete_elem(m: u32, key: u32): i32 {
  switch (mapType(m)) {
    case HASH: case PERCPU_HASH: case LRU_HASH: case LRU_PERCPU_HASH: return hash_delete(m, key);
    case ARRAY: case PERCPU_ARRAY: return array_delete(m, key);
    case LPM_TRIE: return lpm_delete(m, key);
  }
  return EOPNOTSUPP;
}
export function map_push_elem(m: u32, value: u32, flags: u32): i32 {
  const t = mapType(m);
  if (t == QUEUE || t == STACK) return queue_push(m, value, flags);
  if (t == BLOOM_FILTER) return bloom_push(m, value, flags);
  return EOPNOTSUPP;
}
export function map_pop_elem(m: u32, value: u32): i32 {
  const t = mapType(m);
  if (t == QUEUE) return queue_pop(m, value);
  if (t == STACK) return stack_pop(m, value);
  return EOPNOTSUPP;
}
export function map_peek_elem(m: u32, value: u32): i32 {
  const t = mapType(m);
  if (t == QUEUE) return queue_peek(m, value);
  if (t == STACK) return stack_peek(m, value);
  if (t == BLOOM_FILTER) return bloom_peek(m, value);
  return EOPNOTSUPP;
}
export function map_lookup_percpu_elem(m: u32, key: u32, n: u32): u32 {
  const t = mapType(m);
  if (t == PERCPU_ARRAY) return percpu_array_lookup_cpu(m, key, n);
  if (t == PERCPU_HASH || t == LRU_PERCPU_HASH) return percpu_hash_lookup_cpu(m, key, n);
  return 0;
}
