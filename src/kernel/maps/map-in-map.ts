/** BPF_MAP_TYPE_ARRAY_OF_MAPS and HASH_OF_MAPS: user space stores file descriptors and reads ids, programs get the inner map. */
import type { Restore } from '../mem/saved.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { indexKey, keyIndex, nextIndex } from './array.ts';
import { BPF_ANY, BPF_F_INNER_MAP } from '../../uapi/flags.ts';
import { GENERIC_OPS } from './core-ops.ts';
import { HashMap } from './hash.ts';
import type { FdResolver, MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { type Mutable, StoredMap } from './stored-map.ts';
import { hashElements } from './walk.ts';

/** bpf_map_meta_equal: whether a map may be an element of an outer map with this template. */
export function metaEqual(template: MapDesc, map: MapDesc): boolean {
  const same =
    template.type === map.type &&
    template.keySize === map.keySize &&
    template.valueSize === map.valueSize &&
    template.flags === map.flags &&
    recordsEqual(template, map);
  if (!same) return false;
  const array = map.type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY;
  return !array || (template.flags & BPF_F_INNER_MAP) !== 0 || template.maxEntries === map.maxEntries;
}

function recordsEqual(a: MapDesc, b: MapDesc): boolean {
  const left = a.record?.fields ?? [];
  const right = b.record?.fields ?? [];
  return (
    left.length === right.length && left.every((f, i) => f.type === right[i]?.type && f.offset === right[i]?.offset)
  );
}

/** bpf_map_fd_get_ptr: the inner map behind the descriptor in `value`, or -errno. */
function innerMap(fds: FdResolver, desc: MapDesc, value: Uint8Array): BpfMap | number {
  const found = fds.map(keyIndex(value) | 0);
  if (found === undefined) return -ERRNO.EBADF;
  if (typeof found === 'number') return found;
  if (found.desc.exclProgHash) return -ERRNO.ENOTSUPP;
  if (!desc.inner || !metaEqual(desc.inner, found.desc)) return -ERRNO.EINVAL;
  return found;
}

const idOf = (env: MapEnv, addr: number): Uint8Array => indexKey(env.maps.get(addr)?.desc.id ?? 0);

/** `desc.valuesAddr` is the first entry and `desc.elemSize` 8, so that engines load an inner map's address themselves. */
export class ArrayOfMaps extends StoredMap {
  override readonly batch: BpfMap['batch'] = 'by-key';
  readonly #fds: FdResolver;
  readonly #base: number;
  /** Entries in use. */
  #filled = 0;

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    this.#fds = fds;
    this.#base = this.block(desc.maxEntries * 8);
    this.set('stride', 8);
    this.set('base', this.#base);
    Object.assign(this.desc as Mutable<MapDesc>, {
      ...{ valuesAddr: this.#base, elemSize: 8 },
      core: { ...GENERIC_OPS, lookup: 'array_of_maps_lookup' },
    });
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const index = keyIndex(key);
    const inner = index < this.desc.maxEntries ? this.#at(index) : 0;
    return inner === 0 ? -ERRNO.ENOENT : idOf(this.env, inner);
  }

  #at(index: number): number {
    return this.env.mem.u32[(this.#base + index * 8) >>> 2];
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== BPF_ANY) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const inner = innerMap(this.#fds, this.desc, value);
    if (typeof inner === 'number') return inner;
    this.#fds.hold(inner);
    this.#swap(index, inner.addr);
    return 0;
  }

  #swap(index: number, addr: number): boolean {
    const old = this.env.maps.get(this.#at(index));
    this.#filled += (addr ? 1 : 0) - (old ? 1 : 0);
    this.env.mem.u32[(this.#base + index * 8) >>> 2] = addr;
    if (old) this.#fds.drop(old);
    return old !== undefined;
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    return this.#swap(index, 0) ? 0 : -ERRNO.ENOENT;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }

  protected override saveMore(): Restore {
    const filled = this.#filled;
    return () => {
      this.#filled = filled;
    };
  }

  override free(): void {
    for (let i = 0; this.#filled > 0 && i < this.desc.maxEntries; i++) if (this.#at(i)) this.#swap(i, 0);
    super.free();
  }
}

export class HashOfMaps extends HashMap {
  readonly #fds: FdResolver;

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc, 8);
    this.#fds = fds;
    (this.desc as Mutable<MapDesc>).core = { ...GENERIC_OPS, lookup: 'hash_of_maps_lookup' };
  }

  protected override doFind(key: Uint8Array): Uint8Array | number {
    return this.doLookup(key);
  }

  protected override userValue(addr: number): Uint8Array {
    return idOf(this.env, this.#innerAt(addr));
  }

  #innerAt(valueAddr: number): number {
    return this.env.mem.u32[valueAddr >>> 2];
  }

  #current(key: Uint8Array): BpfMap | undefined {
    const addr = this.env.core.hash_peek(this.addr, this.env.scratch.key(key)) >>> 0;
    return addr === 0 ? undefined : this.env.maps.get(this.#innerAt(addr));
  }

  protected override doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    const inner = innerMap(this.#fds, this.desc, value);
    if (typeof inner === 'number') return inner;
    const old = this.#current(key);
    const result = super.doUpdate(key, indexKey(inner.addr), flags);
    if (result === 0) {
      this.#fds.hold(inner);
      if (old) this.#fds.drop(old);
    }
    return result;
  }

  protected override doDelete(key: Uint8Array): number {
    const old = this.#current(key);
    const result = super.doDelete(key);
    if (result === 0 && old) this.#fds.drop(old);
    return result;
  }

  override lookupAndDelete(): number {
    return -ERRNO.ENOTSUPP;
  }

  override free(): void {
    const elements = this.count > 0 ? hashElements(this.env.mem.u32, this.addr, 0) : [];
    for (const { value } of elements) {
      const inner = this.env.maps.get(this.#innerAt(value));
      if (inner) this.#fds.drop(inner);
    }
    super.free();
  }
}
