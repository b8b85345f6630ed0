/** BPF_MAP_TYPE_RINGBUF: memory of the ring, which its readers share. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { MapEnv } from './env.ts';
import { StoredMap } from './stored-map.ts';

const PAGE = 4096;
/** Offsets in the ring's block, see core/assembly/ringbuf.ts. */
export const RINGBUF = { wakeups: 4, mask: 16, consumer: PAGE, producer: 2 * PAGE, data: 3 * PAGE } as const;

export class RingbufMap extends StoredMap {
  /** Guest address of the ring's block: consumer page at +4096, producer page at +8192, data from +12288. */
  readonly ring: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    this.ring = this.block(RINGBUF.data + desc.maxEntries * 2, PAGE);
    this.set('base', this.ring);
    this.set('mask', desc.maxEntries - 1);
    env.mem.u32[(this.ring + RINGBUF.mask) >>> 2] = desc.maxEntries - 1;
  }

  protected doLookup(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected doUpdate(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected doDelete(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected doNextKey(): number {
    return -ERRNO.ENOTSUPP;
  }
}
