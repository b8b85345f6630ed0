/** struct bpf_map of a map, as iterators get it. */
import type { MapObject } from '../../object/map.ts';
import type { AttachEnv } from '../env.ts';

/** Fills it, the name too, and gives its guest address. */
export function mapStruct({ trace }: AttachEnv, { map, created }: MapObject): number {
  const { desc, addr } = map;
  trace.structs.at('bpf_map', addr).set({
    map_type: desc.type,
    key_size: desc.keySize,
    value_size: desc.valueSize,
    max_entries: desc.maxEntries,
    map_flags: desc.flags,
    id: desc.id,
    name: created.map_name ?? '',
  });
  return addr;
}
