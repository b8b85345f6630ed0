/** BPF_MAP_TYPE_HASH, LRU_HASH and their per-CPU forms. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { writePerCpu } from './array.ts';
import { BPF_EXIST, BPF_F_NO_COMMON_LRU, BPF_F_NO_PREALLOC, BPF_F_ZERO_SEED } from '../../uapi/flags.ts';
import { type CoreMapOps, withSizedLookup } from './core-ops.ts';
import type { MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { type Mutable, StoredMap, roundUp8 } from './stored-map.ts';

const { BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_HASH } = BPF_MAP_TYPE;

const UPDATES = { update: 'hash_update', delete: 'hash_delete' } as const;
const PERCPU_UPDATES = {
  update: 'percpu_hash_update',
  delete: 'hash_delete',
  lookupPercpu: 'percpu_hash_lookup_cpu',
} as const;
/** Keys of these bytes are compared as words. */
const KEY_SIZES = [4, 8, 16] as const;

/** What of the core serves each form of a hash. */
function opsOf({ keySize }: MapDesc, { perCpu, lru }: { readonly perCpu: boolean; readonly lru: boolean }): CoreMapOps {
  if (perCpu) return { ...PERCPU_UPDATES, lookup: lru ? 'lru_percpu_hash_lookup' : 'percpu_hash_lookup' };
  const ops = { ...UPDATES, lookup: lru ? 'lru_lookup' : 'hash_lookup' };
  return withSizedLookup(ops, lru ? 'lru#_lookup' : 'hash#_lookup', KEY_SIZES, keySize);
}

/** Results at or above this are -errno, below are addresses. */
export const isErrno = (result: number): boolean => result >>> 0 >= 0xffff_f001;

/** An element is next, hash, key, value (see core/assembly/hash.ts). Preallocated unless BPF_F_NO_PREALLOC says otherwise. */
export class HashMap extends StoredMap {
  override readonly batch: BpfMap['batch'] = 'by-bucket';
  protected readonly valueOff: number;
  readonly #cpuStride: number;

  /** @param slotSize bytes that one value takes in an element */
  constructor(env: MapEnv, desc: MapDesc, slotSize = roundUp8(desc.valueSize)) {
    super(env, desc);
    const perCpu = desc.type === BPF_MAP_TYPE_PERCPU_HASH || desc.type === BPF_MAP_TYPE_LRU_PERCPU_HASH;
    const lru = desc.type === BPF_MAP_TYPE_LRU_HASH || desc.type === BPF_MAP_TYPE_LRU_PERCPU_HASH;
    this.valueOff = 8 + roundUp8(desc.keySize);
    (this.desc as Mutable<MapDesc>).core = opsOf(desc, { perCpu, lru });
    this.#cpuStride = perCpu ? slotSize : 0;
    const stride = this.valueOff + slotSize * (perCpu ? env.nrCpus : 1);
    const buckets = 2 ** Math.ceil(Math.log2(desc.maxEntries));
    this.set('stride', stride);
    this.set('valueOff', this.valueOff);
    this.set('cpuStride', this.#cpuStride);
    this.set('mask', buckets - 1);
    const spare = perCpu ? 0 : 1;
    // With an LRU list for each CPU only that of the one that runs everything fills.
    const entries = lru && desc.flags & BPF_F_NO_COMMON_LRU ? desc.maxEntries / env.nrCpus : desc.maxEntries;
    this.set('maxEntries', entries);
    const size = desc.flags & BPF_F_NO_PREALLOC ? 0 : (entries + spare) * stride;
    this.require(buckets * 4 + size);
    this.set('base', this.block(buckets * 4, 64));
    if (!(desc.flags & BPF_F_ZERO_SEED)) {
      this.set('seedLo', env.random32());
      this.set('seedHi', env.random32());
    }
    if (desc.flags & BPF_F_NO_PREALLOC) return;
    const pool = this.block(size, 64);
    this.set('bump', pool + spare * stride);
    this.set('bumpEnd', pool + size);
    this.set('spare', spare ? pool : 0);
    if (lru) {
      this.set('head', pool);
      this.set('tail', pool);
      this.set('poolEnd', pool + size);
    }
  }

  override get userValueSize(): number {
    return this.#cpuStride ? this.#cpuStride * this.env.nrCpus : this.desc.valueSize;
  }

  /** Elements stored now. */
  get count(): number {
    return this.get('count');
  }

  protected userValue(addr: number): Uint8Array {
    if (!this.#cpuStride) return this.readValue(addr);
    const out = new Uint8Array(this.userValueSize);
    for (let cpu = 0; cpu < this.env.nrCpus; cpu++) {
      out.set(this.readPadded(addr + cpu * this.#cpuStride), cpu * this.#cpuStride);
    }
    return out;
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const addr = this.#peek(key);
    return addr === 0 ? -ERRNO.ENOENT : this.userValue(addr);
  }

  protected override doFind(key: Uint8Array): Uint8Array | number {
    const addr = this.#peek(key);
    if (addr === 0) return -ERRNO.ENOENT;
    return this.desc.record === undefined && !this.#cpuStride ? addr : this.userValue(addr);
  }

  #peek(key: Uint8Array): number {
    return this.env.core.hash_peek(this.addr, this.env.scratch.key(key)) >>> 0;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    const { env, desc } = this;
    const at = env.scratch.key(key);
    if (!this.#cpuStride) return env.core.hash_update(this.addr, at, env.scratch.value(value, desc.valueSize), flags);
    if (flags > BPF_EXIST || flags < 0) return -ERRNO.EINVAL;
    const slot = env.core.hash_slot(this.addr, at, flags);
    if (isErrno(slot)) return slot | 0;
    writePerCpu(this, env, slot >>> 0, this.#cpuStride, value);
    return 0;
  }

  protected doDelete(key: Uint8Array): number {
    return this.env.core.hash_delete(this.addr, this.env.scratch.key(key));
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    const { env, desc } = this;
    const out = env.scratch.out(desc.keySize);
    const result = env.core.hash_next_key(this.addr, key ? env.scratch.key(key) : 0, out);
    return result < 0 ? result : env.mem.read(out, desc.keySize);
  }

  override lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | number {
    const value = this.lookup(key, flags);
    if (typeof value !== 'number') this.delete(key);
    return value;
  }

  bucket(index: number): [Uint8Array, Uint8Array][] | undefined {
    if (this.freed || index > this.get('mask')) return undefined;
    const out: [Uint8Array, Uint8Array][] = [];
    let elem = this.env.core.hash_bucket(this.addr, index) >>> 0;
    while (elem) {
      out.push([this.env.mem.read(elem + 8, this.desc.keySize), this.userValue(elem + this.valueOff)]);
      elem = this.env.mem.u32[elem >>> 2];
    }
    return out;
  }
}
