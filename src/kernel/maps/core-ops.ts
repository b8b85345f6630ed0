/** Which exports of the wasm core serve a map's lookup, update and delete, when the map is known at compile time. */
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';

/**
 * Names of core exports. lookup(map, key) gives a value address or 0; update(map, key, value, flags) and delete(map, key)
 * give 0 or -errno (sign-extended i32 results). All arguments are i32.
 */
export interface CoreMapOps {
  readonly lookup: string;
  readonly update: string;
  readonly delete: string;
  readonly lookupPercpu?: string;
}

/** Serves every map: dispatches on the type in the map's header. */
export const GENERIC_OPS = {
  lookup: 'map_lookup_elem',
  update: 'map_update_elem',
  delete: 'map_delete_elem',
  lookupPercpu: 'map_lookup_percpu_elem',
} as const satisfies CoreMapOps;

const HASH = { lookup: 'hash_lookup', update: 'hash_update', delete: 'hash_delete' } as const;
const LRU = { ...HASH, lookup: 'lru_lookup' } as const;

const ROWS: Readonly<Record<number, CoreMapOps>> = {
  [T.BPF_MAP_TYPE_HASH]: HASH,
  [T.BPF_MAP_TYPE_ARRAY]: { lookup: 'array_lookup', update: 'array_update', delete: 'array_delete' },
  [T.BPF_MAP_TYPE_PERCPU_HASH]: {
    lookup: 'percpu_hash_lookup',
    update: 'percpu_hash_update',
    delete: 'hash_delete',
    lookupPercpu: 'percpu_hash_lookup_cpu',
  },
  [T.BPF_MAP_TYPE_PERCPU_ARRAY]: {
    lookup: 'percpu_array_lookup',
    update: 'percpu_array_update',
    delete: 'array_delete',
    lookupPercpu: 'percpu_array_lookup_cpu',
  },
  [T.BPF_MAP_TYPE_LRU_HASH]: LRU,
  [T.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {
    lookup: 'lru_percpu_hash_lookup',
    update: 'percpu_hash_update',
    delete: 'hash_delete',
    lookupPercpu: 'percpu_hash_lookup_cpu',
  },
  [T.BPF_MAP_TYPE_LPM_TRIE]: { lookup: 'lpm_lookup', update: 'lpm_update', delete: 'lpm_delete' },
  [T.BPF_MAP_TYPE_ARRAY_OF_MAPS]: { ...GENERIC_OPS, lookup: 'array_of_maps_lookup' },
  [T.BPF_MAP_TYPE_HASH_OF_MAPS]: { ...GENERIC_OPS, lookup: 'hash_of_maps_lookup' },
};

const SIZED: Readonly<Record<number, string>> = { 4: '4', 8: '8', 16: '16' };

/** The fastest exports for a map of this type and key size. */
export function coreMapOps(type: number, keySize: number): CoreMapOps {
  const row = ROWS[type] ?? GENERIC_OPS;
  const suffix = SIZED[keySize];
  if (suffix === undefined) return row;
  if (type === T.BPF_MAP_TYPE_HASH) return { ...row, lookup: `hash${suffix}_lookup` };
  if (type === T.BPF_MAP_TYPE_LRU_HASH) return { ...row, lookup: `lru${suffix}_lookup` };
  if (type === T.BPF_MAP_TYPE_LPM_TRIE && keySize === 8) return { ...row, lookup: 'lpm8_lookup' };
  return row;
}
