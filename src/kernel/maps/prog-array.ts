/** BPF_MAP_TYPE_PROG_ARRAY: an entry is the program's code-table slot and its id, 32 bits each; both 0 when empty. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { indexKey, keyIndex, nextIndex } from './array.ts';
import { BPF_ANY } from '../../uapi/flags.ts';
import type { FdResolver, MapEnv, ProgRef } from './env.ts';
import { headerWord } from './header.ts';
import { type Restore, saveMap } from '../mem/saved.ts';
import { type Mutable, StoredMap } from './stored-map.ts';

const ENTRY_SIZE = 8;

/** Slot of the program at an index of the prog array at an address: 0 when there is none, or no prog array. Reads nothing but the memory. */
export function progArraySlot({ u32 }: Pick<KernelMemory, 'u32'>, map: number, index: number): number {
  if (headerWord(u32, map, 'type') !== BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY) return 0;
  if (index >= headerWord(u32, map, 'maxEntries')) return 0;
  return u32[(headerWord(u32, map, 'base') + index * ENTRY_SIZE) >>> 2];
}

/** `desc.valuesAddr` is the first entry and `desc.elemSize` 8, so that engines load the slot of a tail call themselves. */
export class ProgArrayMap extends StoredMap {
  readonly #fds: FdResolver;
  readonly #base: number;
  readonly #progs = new Map<number, ProgRef>();
  #owner: string | undefined;

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    this.#fds = fds;
    this.#base = this.block(desc.maxEntries * 8);
    this.set('stride', 8);
    this.set('base', this.#base);
    Object.assign(this.desc as Mutable<MapDesc>, { valuesAddr: this.#base, elemSize: 8 });
  }

  /** bpf_prog_map_compatible: the first program that uses or enters the array decides what others must be. */
  accepts(prog: Pick<ProgRef, 'ownerTag'>): boolean {
    this.#owner ??= prog.ownerTag;
    return this.#owner === prog.ownerTag;
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const prog = this.#progs.get(keyIndex(key));
    return prog ? indexKey(prog.id) : -ERRNO.ENOENT;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== BPF_ANY) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const prog = this.#fds.prog(keyIndex(value) | 0);
    if (prog === undefined) return -ERRNO.EBADF;
    if (typeof prog === 'number') return prog;
    if (!this.accepts(prog)) return -ERRNO.EINVAL;
    const refused = prog.enter();
    if (refused < 0) return refused;
    this.#swap(index, prog);
    return 0;
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    return this.#swap(index, undefined) ? 0 : -ERRNO.ENOENT;
  }

  #swap(index: number, prog: ProgRef | undefined): boolean {
    const old = this.#progs.get(index);
    const word = (this.#base + index * 8) >>> 2;
    this.env.mem.u32[word] = prog?.slot ?? 0;
    this.env.mem.u32[word + 1] = prog?.id ?? 0;
    if (prog) this.#progs.set(index, prog);
    else this.#progs.delete(index);
    old?.leave();
    return old !== undefined;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }

  override releaseUser(): void {
    for (const index of this.#progs.keys()) this.#swap(index, undefined);
  }

  protected override saveMore(): Restore {
    const progs = saveMap(this.#progs);
    const owner = this.#owner;
    return () => {
      progs();
      this.#owner = owner;
    };
  }

  override free(): void {
    this.releaseUser();
    super.free();
  }
}
