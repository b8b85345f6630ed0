/** BPF_MAP_TYPE_QUEUE and STACK: user space pushes with UPDATE, peeks with LOOKUP, pops with LOOKUP_AND_DELETE. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { MapEnv } from './env.ts';
import { noMemory, roundUp8, StoredMap } from './stored-map.ts';

export class QueueMap extends StoredMap {
  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    const stride = roundUp8(desc.valueSize);
    this.set('stride', stride);
    this.set('base', this.block((desc.maxEntries + 1) * stride));
  }

  protected doLookup(): Uint8Array | number {
    return this.#read('map_peek_elem');
  }

  #read(name: 'map_peek_elem' | 'map_pop_elem'): Uint8Array | number {
    const { core, scratch, mem } = this.env;
    const out = scratch.out(this.desc.valueSize);
    const result = core[name](this.addr, out);
    return result < 0 ? result : mem.read(out, this.desc.valueSize);
  }

  protected doUpdate(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.env.core.map_push_elem(this.addr, this.env.scratch.value(value, this.desc.valueSize), flags);
  }

  override lookupAndDelete(_key: Uint8Array, flags = 0): Uint8Array | number {
    if (this.freed) return -ERRNO.EBADF;
    if (flags) return -ERRNO.EINVAL;
    try {
      return this.#read('map_pop_elem');
    } catch (error) {
      return noMemory(error);
    }
  }

  protected doDelete(): number {
    return -ERRNO.EINVAL;
  }

  protected doNextKey(): number {
    return -ERRNO.EINVAL;
  }
}
