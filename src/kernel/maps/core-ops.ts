/** Exports of the wasm core that serve maps known at compile time: each map says in its constructor which are its own. */
import type { CoreMapOps } from '../rules/map-desc.ts';

export type { CoreMapOps } from '../rules/map-desc.ts';

/** Serves every map: dispatches on the type in the map's header. */
export const GENERIC_OPS = {
  lookup: 'map_lookup_elem',
  update: 'map_update_elem',
  delete: 'map_delete_elem',
  lookupPercpu: 'map_lookup_percpu_elem',
} as const satisfies CoreMapOps;

/** Ops whose lookup has forms for keys of some sizes. @param sized the name of a form, `#` for the size of its keys */
export function withSizedLookup(ops: CoreMapOps, sized: string, sizes: readonly number[], keySize: number): CoreMapOps {
  return sizes.includes(keySize) ? { ...ops, lookup: sized.replace('#', String(keySize)) } : ops;
}
