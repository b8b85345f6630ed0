/** BPF_MAP_TYPE_CGROUP_ARRAY: an entry is the guest address of a control group's record (cgroup-record.ts), 0 when there is none. */
import { BPF_ANY } from '../../uapi/flags.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { keyIndex, nextIndex } from './array.ts';
import type { FdResolver, MapEnv } from './env.ts';
import { headerWord } from './header.ts';
import { StoredMap } from './stored-map.ts';

/** As large as the kernel's pointers. */
const ENTRY_SIZE = 8;

/** The record at an index of the array at an address: -E2BIG behind its end, -EAGAIN where there is none. Reads nothing but the memory. */
export function cgroupAt({ u32 }: Pick<KernelMemory, 'u32'>, map: number, index: number): number {
  if (index >= headerWord(u32, map, 'maxEntries')) return -ERRNO.E2BIG;
  return u32[(headerWord(u32, map, 'base') + index * ENTRY_SIZE) >>> 2] || -ERRNO.EAGAIN;
}

/** Values are descriptors of directories of control groups; nothing reads them back. */
export class CgroupArrayMap extends StoredMap {
  readonly #fds: FdResolver;
  readonly #base: number;

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    this.#fds = fds;
    this.#base = this.block(desc.maxEntries * ENTRY_SIZE);
    this.set('stride', ENTRY_SIZE);
    this.set('base', this.#base);
  }

  protected doLookup(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== BPF_ANY) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const group = this.#fds.cgroup(keyIndex(value) | 0);
    if (typeof group === 'number') return group;
    this.env.mem.u32[this.#word(index)] = group.record;
    return 0;
  }

  #word(index: number): number {
    return (this.#base + index * ENTRY_SIZE) >>> 2;
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const { u32 } = this.env.mem;
    if (u32[this.#word(index)] === 0) return -ERRNO.ENOENT;
    u32[this.#word(index)] = 0;
    return 0;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }
}
