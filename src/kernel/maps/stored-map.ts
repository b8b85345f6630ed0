/** The common part of maps with storage: header, blocks of memory, and the checks of element commands that all types share. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { BPF_F_LOCK } from '../../uapi/flags.ts';
import { copyBytesToUser, copyToUser, type UserBytes } from '../../uapi/attr/user-buffer.ts';
import { H, HEADER_SIZE, type HeaderField, headerWord, STRUCT_SIZE } from './header.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Restore } from '../mem/saved.ts';
import type { MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { OutOfMemory } from './scratch.ts';
import { copyRanges } from './make/special-fields.ts';

export const roundUp8 = (n: number): number => Math.ceil(n / 8) * 8;

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export abstract class StoredMap implements BpfMap {
  readonly desc: MapDesc;
  readonly addr: number;
  readonly batch: BpfMap['batch'] = 'none';
  protected readonly env: MapEnv;
  readonly #blocks: number[] = [];
  #freed = false;

  constructor(env: MapEnv, desc: MapDesc) {
    this.env = env;
    this.addr = this.block(HEADER_SIZE + STRUCT_SIZE, 64) + HEADER_SIZE;
    this.desc = Object.assign(desc as Mutable<MapDesc>, { addr: this.addr });
    this.#fillHeader();
  }

  get userValueSize(): number {
    return this.desc.valueSize;
  }

  /** Whether its memory belongs to others by now: a host may still have the map in its hands. */
  protected get freed(): boolean {
    return this.#freed;
  }

  /** A zeroed block that lives as long as the map. */
  protected block(size: number, align = 8): number {
    const addr = this.env.allocator.alloc(size, align);
    if (addr === 0) {
      this.#release();
      throw new OutOfMemory();
    }
    this.#blocks.push(addr);
    return addr;
  }

  /** Fails before anything is taken or cleared when a map's blocks cannot all be had. */
  protected require(total: number): void {
    if (this.env.allocator.fits(total)) return;
    this.#release();
    throw new OutOfMemory();
  }

  protected get(field: HeaderField): number {
    return this.env.mem.u32[(this.addr + H[field]) >>> 2];
  }

  protected set(field: HeaderField, value: number): void {
    this.env.mem.u32[(this.addr + H[field]) >>> 2] = value;
  }

  #fillHeader(): void {
    const { desc, env } = this;
    this.set('type', desc.type);
    this.set('id', desc.id);
    this.set('keySize', desc.keySize);
    this.set('valueSize', desc.valueSize);
    this.set('maxEntries', desc.maxEntries);
    this.set('flags', desc.flags);
    this.set('nrCpus', env.nrCpus);
    this.set('lockOff', this.#lockOff());
    if (env.mapFields) this.fillStruct((member) => env.mapFields?.[member] ?? -1);
    const ranges = desc.record ? copyRanges(desc.record, desc.valueSize) : [];
    if (desc.record) {
      const at = this.block(4 + ranges.length * 8);
      env.mem.u32[at >>> 2] = ranges.length;
      ranges.forEach(([off, len], i) => {
        env.mem.u32[(at + 4 + i * 8) >>> 2] = off;
        env.mem.u32[(at + 8 + i * 8) >>> 2] = len;
      });
      this.set('ranges', at);
    }
  }

  /**
   * Fills struct bpf_map for programs that read it through BTF.
   * @param offset byte offset of a member in the target's struct bpf_map, or -1
   */
  fillStruct(offset: (member: string) => number): void {
    const { desc } = this;
    const members: Readonly<Record<string, number>> = {
      map_type: desc.type,
      key_size: desc.keySize,
      value_size: desc.valueSize,
      max_entries: desc.maxEntries,
      map_flags: desc.flags,
      id: desc.id,
    };
    for (const [member, value] of Object.entries(members)) {
      const off = offset(member);
      if (off >= 0 && off + 4 <= STRUCT_SIZE) this.env.mem.view.setUint32(this.addr + off, value, true);
    }
  }

  #lockOff(): number {
    const record = this.desc.record;
    if (!record) return -1;
    return record.spinLockOff >= 0 ? record.spinLockOff : record.resSpinLockOff;
  }

  /** Checks of flags that the syscall makes before it asks the map (bpf_map_lookup_elem, map_update_elem). */
  protected lockFlagOk(flags: number): boolean {
    return !(flags & BPF_F_LOCK) || (this.desc.record !== undefined && this.desc.record.spinLockOff >= 0);
  }

  /** One stored value as user space sees it: special fields read as zero. */
  protected readValue(addr: number): Uint8Array {
    const { record, valueSize } = this.desc;
    const bytes = this.env.mem.read(addr, valueSize);
    if (record !== undefined) for (const field of record.fields) bytes.fill(0, field.offset, field.offset + field.size);
    return bytes;
  }

  /** One CPU's value in user layout, with the padding that was written to it (copy_map_value_long). */
  protected readPadded(addr: number): Uint8Array {
    if (this.desc.record !== undefined) return this.readValue(addr);
    return this.env.mem.read(addr, roundUp8(this.desc.valueSize));
  }

  lookup(key: Uint8Array, flags = 0, value?: Uint8Array): Uint8Array | number {
    if (this.#freed) return -ERRNO.EBADF;
    if (flags & ~BPF_F_LOCK || !this.lockFlagOk(flags)) return -ERRNO.EINVAL;
    if (key.length < this.desc.keySize) return -ERRNO.EFAULT;
    try {
      return this.doLookup(key, value);
    } catch (error) {
      return noMemory(error);
    }
  }

  lookupTo(key: Uint8Array, flags: number, to: UserBytes): number {
    if (this.#freed) return -ERRNO.EBADF;
    if (flags & ~BPF_F_LOCK || !this.lockFlagOk(flags)) return -ERRNO.EINVAL;
    if (key.length < this.desc.keySize) return -ERRNO.EFAULT;
    try {
      const found = this.doFind(key);
      if (typeof found === 'number' && found < 0) return found;
      const fits =
        typeof found === 'number'
          ? copyBytesToUser(to, this.env.mem.u8, found, this.desc.valueSize)
          : copyToUser(to, found);
      return fits ? 0 : -ERRNO.EFAULT;
    } catch (error) {
      return noMemory(error);
    }
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (this.#freed) return -ERRNO.EBADF;
    if (!this.lockFlagOk(flags)) return -ERRNO.EINVAL;
    if (key.length < this.desc.keySize || value.length < this.userValueSize) return -ERRNO.EFAULT;
    try {
      return this.doUpdate(key, value, flags);
    } catch (error) {
      return noMemory(error);
    }
  }

  delete(key: Uint8Array): number {
    if (this.#freed) return -ERRNO.EBADF;
    if (key.length < this.desc.keySize) return -ERRNO.EFAULT;
    try {
      return this.doDelete(key);
    } catch (error) {
      return noMemory(error);
    }
  }

  nextKey(key: Uint8Array | null): Uint8Array | number {
    if (this.#freed) return -ERRNO.EBADF;
    if (key && key.length < this.desc.keySize) return -ERRNO.EFAULT;
    try {
      return this.doNextKey(key);
    } catch (error) {
      return noMemory(error);
    }
  }

  lookupAndDelete(_key: Uint8Array, flags = 0): Uint8Array | number {
    if (flags & ~BPF_F_LOCK || !this.lockFlagOk(flags)) return -ERRNO.EINVAL;
    return -ERRNO.ENOTSUPP;
  }

  /** What a lookup copies: the guest address of a value that may be seen as it lies there, or the bytes; -errno. */
  protected doFind(key: Uint8Array): Uint8Array | number {
    return this.doLookup(key);
  }
  protected abstract doLookup(key: Uint8Array, value?: Uint8Array): Uint8Array | number;
  protected abstract doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number;
  protected abstract doDelete(key: Uint8Array): number;
  protected abstract doNextKey(key: Uint8Array | null): Uint8Array | number;

  *entries(): Iterable<[Uint8Array, Uint8Array]> {
    let key = this.nextKey(null);
    while (typeof key !== 'number') {
      const value = this.doLookup(key);
      if (typeof value !== 'number') yield [key, value];
      key = this.nextKey(key);
    }
  }

  releaseUser(): void {}

  save(): Restore {
    const blocks = this.#blocks.slice();
    const freed = this.#freed;
    const more = this.saveMore();
    return () => {
      this.#blocks.splice(0, this.#blocks.length, ...blocks);
      this.#freed = freed;
      more?.();
    };
  }

  /** What a type keeps in JavaScript beside its blocks. */
  protected saveMore(): Restore | undefined {
    return undefined;
  }

  vanish(): void {
    this.#freed = true;
    this.#blocks.length = 0;
  }

  free(): void {
    this.#freed = true;
    if (this.env.maps.get(this.addr) === this) this.env.maps.delete(this.addr);
    this.#release();
  }

  #release(): void {
    if (this.#blocks.length > 0) freeGrown(this.env.mem, this.env.allocator, this.addr);
    for (const addr of this.#blocks.splice(0)) this.env.allocator.free(addr);
  }
}

/** A block that a map grew by begins with the address of the one before. */
const GROWN_LINK = 8;

/** More element memory for the map at an address, which has no preallocation; 0 when there is none. Called by the core. */
export function growMap({ u32 }: KernelMemory, heap: Allocator, map: number, bytes: number): number {
  const addr = heap.alloc(bytes + GROWN_LINK, 8);
  if (addr === 0) return 0;
  const last = (map + H.grown) >>> 2;
  u32[addr >>> 2] = u32[last];
  u32[last] = addr;
  return addr + GROWN_LINK;
}

/** Frees what a map grew by. A map whose constructor found no memory has no address yet, and grew by nothing. */
function freeGrown({ u32 }: KernelMemory, heap: Allocator, map: number | undefined): void {
  if (map === undefined) return;
  let block = headerWord(u32, map, 'grown');
  while (block !== 0) {
    const before = u32[block >>> 2];
    heap.free(block);
    block = before;
  }
}

/** Keys and values pass through guest memory: -ENOMEM when there is none left for that. Other errors are thrown on. */
export function noMemory(error: unknown): number {
  if (error instanceof OutOfMemory) return -ERRNO.ENOMEM;
  throw error;
}
