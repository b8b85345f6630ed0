/** Common ground of all kinds of map definitions: defaults and kernel names. */
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import { type Note, note } from '../notes.ts';
import type { MapOrigin, MapSpec } from '../spec.ts';

/** Longest object name that the kernel stores (BPF_OBJ_NAME_LEN without the NUL). */
export const MAX_OBJ_NAME = 15;

/** A name as MAP_CREATE and PROG_LOAD take it: alphanumeric, `_` and `.` only, 15 bytes. */
export const kernelName = (name: string): string => name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, MAX_OBJ_NAME);

/** A definition with every column at its default. */
export function newMapSpec(name: string, origin: MapOrigin): MapSpec {
  return {
    name,
    kernelName: kernelName(name),
    origin,
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    numaNode: 0,
    mapExtra: 0n,
    keyTypeId: 0,
    valueTypeId: 0,
    pinning: 0,
    values: [],
    freeze: false,
    variables: [],
    autocreate: true,
  };
}

export const isMapInMap = (type: number): boolean =>
  type === M.BPF_MAP_TYPE_ARRAY_OF_MAPS || type === M.BPF_MAP_TYPE_HASH_OF_MAPS;

const isRing = (type: number): boolean => type === M.BPF_MAP_TYPE_RINGBUF || type === M.BPF_MAP_TYPE_USER_RINGBUF;

/** Sizes that a definition may leave to its loader, and what they are then. */
export interface MendedSizes {
  readonly keySize: number;
  readonly valueSize: number;
}

/**
 * Key and value sizes as MAP_CREATE wants them: perf event arrays and maps of maps may leave out what must be 4,
 * and ring buffers may name a record's type that is no value.
 */
export function mendedSizes(map: Pick<MapSpec, 'type' | 'keySize' | 'valueSize'>): MendedSizes {
  const { type, keySize, valueSize } = map;
  if (isRing(type)) return { keySize: 0, valueSize: 0 };
  if (type === M.BPF_MAP_TYPE_PERF_EVENT_ARRAY) return { keySize: keySize || 4, valueSize: valueSize || 4 };
  if (isMapInMap(type)) return { keySize, valueSize: valueSize || 4 };
  return { keySize, valueSize };
}

/** Notes on a definition's sizes and on a missing inner definition. */
export function noteSizes(spec: MapSpec, notes: Note[]): void {
  const { keySize, valueSize } = mendedSizes(spec);
  if (keySize !== spec.keySize || valueSize !== spec.valueSize) {
    const text = `map '${spec.name}': made with key_size ${keySize} and value_size ${valueSize} instead of ${spec.keySize} and ${spec.valueSize}, which bpf(2) refuses`;
    notes.push(note('map-sizes-mended', 'map', spec.name, text));
  }
  if (isMapInMap(spec.type) && spec.inner === undefined)
    notes.push(
      note(
        'map-inner-missing',
        'map',
        spec.name,
        `map '${spec.name}': a map of maps without a definition of its inner maps`,
      ),
    );
}
