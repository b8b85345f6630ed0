/** BPF_MAP_TYPE_BLOOM_FILTER: a bit set; LOOKUP takes the value to look for. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { BPF_F_ZERO_SEED } from '../../uapi/flags.ts';
import type { MapEnv } from './env.ts';
import { StoredMap } from './stored-map.ts';

/** Hash functions when map_extra does not say. */
const DEFAULT_HASHES = 5;

export class BloomMap extends StoredMap {
  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    const hashes = desc.mapExtra || DEFAULT_HASHES;
    // n * k / ln 2 bits, as the kernel's 7/5, to the next power of two; at least one machine word.
    const wanted = Math.min(Math.ceil((desc.maxEntries * hashes * 7) / 5), 2 ** 32);
    const bits = Math.max(64, 2 ** Math.ceil(Math.log2(wanted)));
    this.set('head', hashes);
    this.set('mask', bits - 1);
    this.set('base', this.block(bits / 8));
    if (!(desc.flags & BPF_F_ZERO_SEED)) this.set('seedLo', env.random32());
  }

  protected doLookup(_key: Uint8Array, value?: Uint8Array): Uint8Array | number {
    if (!value || value.length < this.desc.valueSize) return -ERRNO.EFAULT;
    const at = this.env.scratch.value(value, this.desc.valueSize);
    const result = this.env.core.map_peek_elem(this.addr, at);
    return result < 0 ? result : value.slice(0, this.desc.valueSize);
  }

  protected doUpdate(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.env.core.map_push_elem(this.addr, this.env.scratch.value(value, this.desc.valueSize), flags);
  }

  protected doDelete(): number {
    return -ERRNO.EOPNOTSUPP;
  }

  protected doNextKey(): number {
    return -ERRNO.EOPNOTSUPP;
  }
}
