/** What all kinds of map definitions share: defaults and kernel names. */
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
