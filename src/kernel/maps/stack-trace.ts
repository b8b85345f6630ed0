/** BPF_MAP_TYPE_STACK_TRACE: stacks under ids that bpf_get_stackid hands out; the host supplies the addresses. */
import { BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID } from '../../uapi/flags.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { indexKey, keyIndex } from './array.ts';
import type { MapEnv } from './env.ts';
import { type Restore, saveMap } from '../mem/saved.ts';
import { StoredMap } from './stored-map.ts';

/** Ids are bucket numbers: the smallest power of two at or above max_entries buckets. */
export class StackTraceMap extends StoredMap {
  readonly #stacks = new Map<number, Uint8Array>();
  readonly #buckets: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    this.#buckets = 2 ** Math.ceil(Math.log2(desc.maxEntries));
    // Charged as the kernel's table of buckets is, so that huge ones fail.
    this.block(this.#buckets * 8);
  }

  /**
   * __bpf_get_stackid: stores a stack under its hash. A bucket that holds another stack gives -EEXIST by default.
   * @param flags BPF_F_REUSE_STACKID: the other stack is replaced. BPF_F_FAST_STACK_CMP: only the hash is compared.
   */
  put(hash: number, stack: Uint8Array, flags: number): number {
    const id = (hash & (this.#buckets - 1)) >>> 0;
    const old = this.#stacks.get(id);
    const bytes = stack.subarray(0, this.desc.valueSize);
    if (old) {
      if (flags & BPF_F_FAST_STACK_CMP || equal(old, bytes)) return id;
      if (!(flags & BPF_F_REUSE_STACKID)) return -ERRNO.EEXIST;
    }
    this.#stacks.set(id, bytes.slice());
    return id;
  }

  protected override saveMore(): Restore {
    return saveMap(this.#stacks);
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const stack = this.#stacks.get(keyIndex(key));
    if (!stack) return -ERRNO.ENOENT;
    const out = new Uint8Array(this.desc.valueSize);
    out.set(stack);
    return out;
  }

  override lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | number {
    const value = this.lookup(key, flags);
    if (typeof value !== 'number') this.#stacks.delete(keyIndex(key));
    return value;
  }

  protected doUpdate(): number {
    return -ERRNO.EINVAL;
  }

  protected doDelete(key: Uint8Array): number {
    if (keyIndex(key) >= this.#buckets) return -ERRNO.E2BIG;
    return this.#stacks.delete(keyIndex(key)) ? 0 : -ERRNO.ENOENT;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    const from = key && this.#stacks.has(keyIndex(key)) ? keyIndex(key) : -1;
    let next = this.#buckets;
    for (const index of this.#stacks.keys()) if (index > from && index < next) next = index;
    if (next < this.#buckets) return indexKey(next);
    return -ERRNO.ENOENT;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
