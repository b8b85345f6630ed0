/** A map as a kernel object: the live map, its users, and the BTF it keeps alive (struct bpf_map). */
import type { MapCreateAttr } from '../../uapi/attr/attr.ts';
import type { UserBytes } from '../../uapi/attr/user-buffer.ts';
import type { Restore } from '../mem/saved.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { BtfObject } from './btf.ts';
import type { ObjectBase, ObjectTable } from './kernel-object.ts';

/**
 * Element operations of bpf(2). Every method that can fail gives `-errno`; none throws for a fault of the caller.
 * Keys and values are in user layout: a per-CPU value is round_up(value_size, 8) bytes for each possible CPU.
 */
export interface BpfMap {
  readonly desc: MapDesc;
  /** Guest address of struct bpf_map. */
  readonly addr: number;
  /** Bytes of a value in user layout. */
  readonly userValueSize: number;
  /** Bloom filters take the value to look for as `value`; queues and stacks ignore the key. */
  lookup(key: Uint8Array, flags?: number, value?: Uint8Array): Uint8Array | number;
  /** As {@link lookup}, but the value is copied to a caller's buffer: 0 or -errno. */
  lookupTo?(key: Uint8Array, flags: number, to: UserBytes): number;
  update(key: Uint8Array, value: Uint8Array, flags: number): number;
  delete(key: Uint8Array): number;
  /** The key after `key`; the first one for null. */
  nextKey(key: Uint8Array | null): Uint8Array | number;
  lookupAndDelete(key: Uint8Array, flags?: number): Uint8Array | number;
  /** All values as they lie in memory, of arrays. */
  content?(): Uint8Array;
  /** Whether the type has batch commands. */
  readonly batch: 'none' | 'by-key' | 'by-bucket';
  /** Elements of one hash bucket, undefined beyond the last; only with batch 'by-bucket'. */
  bucket?(index: number): [Uint8Array, Uint8Array][] | undefined;
  /** The elements, keys before values; empty for types without iteration. */
  entries(): Iterable<[Uint8Array, Uint8Array]>;
  /** The last user-side reference (fd, pin) is gone: prog arrays drop their programs (map_release_uref). */
  releaseUser(): void;
  /** For snapshots: what of it lies in JavaScript. */
  save?(): Restore;
  /** Its memory is no longer its own, and nothing is to be given back. Commands of a map that somebody still has give -EBADF. */
  vanish?(): void;
  /** Gives back all memory and references. Element commands of a map that somebody still has give -EBADF from then on. */
  free(): void;
}

export interface MapObject extends ObjectBase<'map'> {
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
    save() {
      const { users } = this;
      const { frozen } = map.desc;
      const restore = map.save?.();
      return () => {
        this.users = users;
        map.desc.frozen = frozen;
        restore?.();
      };
    },
    vanish() {
      this.users = 0;
      map.vanish?.();
    },
    fdOpened() {
      this.users++;
    },
    fdClosed() {
      if (--this.users === 0) map.releaseUser();
    },
  };
}
