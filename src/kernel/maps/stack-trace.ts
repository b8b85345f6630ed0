/** BPF_MAP_TYPE_STACK_TRACE: stacks under ids that bpf_get_stackid hands out; the host supplies the addresses. */
import { BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID } from '../../uapi/flags.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { indexKey, keyIndex } from './array.ts';
import type { MapEnv } from './env.ts';
import { H, headerWord } from './header.ts';
import { StoredMap } from './stored-map.ts';

/** A word of the table is the address of a bucket, 0 without; they are as far apart as the kernel's pointers. */
const SLOT = 8;
/** A bucket: hash of its stack, bytes of it, and the stack. */
const BUCKET = { hash: 0, length: 4, data: 8 } as const;

/** Where stacks are put: the memory, and an allocator for new buckets. */
export interface StackRoom {
  readonly mem: KernelMemory;
  alloc(size: number): number;
}

/** A stack as it was captured. */
export interface Stack {
  readonly hash: number;
  readonly bytes: Uint8Array;
}

/**
 * __bpf_get_stackid into the map at an address: the id of the stack, or -errno. A bucket that holds another stack gives -EEXIST by
 * default. Reads and writes nothing but the memory.
 * @param flags BPF_F_REUSE_STACKID: the other stack is replaced. BPF_F_FAST_STACK_CMP: of the same hash is taken as the same.
 */
export function putStack({ mem, alloc }: StackRoom, map: number, { hash, bytes }: Stack, flags: number): number {
  const { u8, u32 } = mem;
  const id = (hash & headerWord(u32, map, 'mask')) >>> 0;
  const slot = (headerWord(u32, map, 'base') + id * SLOT) >>> 2;
  const room = headerWord(u32, map, 'valueSize');
  const stack = bytes.subarray(0, room);
  let bucket = u32[slot];
  if (bucket !== 0) {
    const same = u32[(bucket + BUCKET.hash) >>> 2] === hash;
    if (same && (flags & BPF_F_FAST_STACK_CMP || equal(stored(mem, bucket), stack))) return id;
    if (!(flags & BPF_F_REUSE_STACKID)) return -ERRNO.EEXIST;
  } else {
    bucket = alloc(BUCKET.data + room);
    if (bucket === 0) return -ERRNO.ENOMEM;
    u32[slot] = bucket;
    u32[(map + H.count) >>> 2]++;
  }
  u32[(bucket + BUCKET.hash) >>> 2] = hash;
  u32[(bucket + BUCKET.length) >>> 2] = stack.length;
  u8.set(stack, bucket + BUCKET.data);
  return id;
}

function stored({ u8, u32 }: KernelMemory, bucket: number): Uint8Array {
  const start = bucket + BUCKET.data;
  return u8.subarray(start, start + u32[(bucket + BUCKET.length) >>> 2]);
}

/** Ids are bucket numbers: the smallest power of two at or above max_entries buckets. */
export class StackTraceMap extends StoredMap {
  readonly #buckets: number;
  readonly #base: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    this.#buckets = 2 ** Math.ceil(Math.log2(desc.maxEntries));
    this.#base = this.block(this.#buckets * SLOT);
    this.set('mask', this.#buckets - 1);
    this.set('base', this.#base);
  }

  #slot(id: number): number {
    return (this.#base + id * SLOT) >>> 2;
  }

  #bucket(id: number): number {
    return id < this.#buckets ? this.env.mem.u32[this.#slot(id)] : 0;
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const bucket = this.#bucket(keyIndex(key));
    if (bucket === 0) return -ERRNO.ENOENT;
    const out = new Uint8Array(this.desc.valueSize);
    out.set(stored(this.env.mem, bucket));
    return out;
  }

  override lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | number {
    const value = this.lookup(key, flags);
    if (typeof value !== 'number') this.#drop(keyIndex(key));
    return value;
  }

  protected doUpdate(): number {
    return -ERRNO.EINVAL;
  }

  protected doDelete(key: Uint8Array): number {
    if (keyIndex(key) >= this.#buckets) return -ERRNO.E2BIG;
    return this.#drop(keyIndex(key)) ? 0 : -ERRNO.ENOENT;
  }

  #drop(id: number): boolean {
    const bucket = this.#bucket(id);
    if (bucket === 0) return false;
    this.env.mem.u32[this.#slot(id)] = 0;
    this.set('count', this.get('count') - 1);
    this.env.allocator.free(bucket);
    return true;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    const next = this.#next(key !== null && this.#bucket(keyIndex(key)) !== 0 ? keyIndex(key) + 1 : 0);
    return next < this.#buckets ? indexKey(next) : -ERRNO.ENOENT;
  }

  /** The first id from `id` on that has a stack. */
  #next(id: number): number {
    if (this.get('count') === 0) return this.#buckets;
    let next = id;
    while (next < this.#buckets && this.#bucket(next) === 0) next++;
    return next;
  }

  override free(): void {
    if (!this.freed) for (let id = this.#next(0); id < this.#buckets; id = this.#next(id + 1)) this.#drop(id);
    super.free();
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
