/** A map as a kernel object: the live map, its users, and the BTF it keeps alive (struct bpf_map). */
import type { MapCreateAttr } from '../../uapi/attr.ts';
import type { BpfMap } from '../maps/map.ts';
import type { BtfObject } from './btf.ts';
import type { KernelObject, ObjectTable } from './kernel-object.ts';

export interface MapObject extends KernelObject {
  readonly kind: 'map';
  readonly map: BpfMap;
  readonly btf: BtfObject | undefined;
  /** The attributes of MAP_CREATE as they were given. */
  readonly created: MapCreateAttr;
  /** Open descriptors. */
  users: number;
}

/** Makes the object of a new map; takes over the caller's reference on `btf`. */
export function newMapObject(
  objects: ObjectTable,
  map: BpfMap,
  created: MapCreateAttr,
  btf: BtfObject | undefined,
): MapObject {
  return {
    kind: 'map',
    id: map.desc.id,
    refs: 1,
    map,
    btf,
    created,
    users: 0,
    release() {
      map.free();
      if (btf !== undefined) objects.put(btf);
    },
    fdOpened() {
      this.users++;
    },
    fdClosed() {
      if (--this.users === 0) map.releaseUser();
    },
  };
}
