/** BPF_MAP_TYPE_RINGBUF: memory of the ring, and its user-side consumer. */
import { ERRNO } from '../../uapi/errno.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { MapEnv } from './env.ts';
import { StoredMap } from './stored-map.ts';

const PAGE = 4096;
/** Offsets in the ring's block, see core/assembly/ringbuf.ts. */
export const RINGBUF = { wakeups: 4, mask: 16, consumer: PAGE, producer: 2 * PAGE, data: 3 * PAGE } as const;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;
const HEADER = 8;

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

  /** How often a sleeping reader would have been woken so far. */
  get wakeups(): number {
    return this.env.mem.u32[(this.ring + RINGBUF.wakeups) >>> 2];
  }

  /** Hands all committed samples to `onSample` (a copy each); stops before a record in progress. Returns how many. */
  consume(onSample: (data: Uint8Array) => void): number {
    if (this.freed) return 0;
    const { rcu, mem } = this.env;
    rcu.lock();
    try {
      return consumeRingbuf(mem, this.ring, this.desc.maxEntries, onSample);
    } finally {
      rcu.unlock();
    }
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

/** Reads a ring as libbpf's ring_buffer__consume does: by consumer and producer positions and record headers. */
export function consumeRingbuf(
  mem: KernelMemory,
  ring: number,
  size: number,
  onSample: (data: Uint8Array) => void,
): number {
  const words = mem.u32;
  const cons = (ring + RINGBUF.consumer) >>> 2;
  const prod = (ring + RINGBUF.producer) >>> 2;
  let samples = 0;
  // Positions are 64-bit; their difference is below the ring's size, so the low halves tell all but the carry.
  while (words[cons] !== words[prod] || words[cons + 1] !== words[prod + 1]) {
    const pos = words[cons];
    const rec = ring + RINGBUF.data + (pos & (size - 1));
    const head = words[rec >>> 2];
    if (head & BUSY) break;
    const len = head & ~(BUSY | DISCARD);
    if (!(head & DISCARD)) {
      onSample(mem.u8.slice(rec + HEADER, rec + HEADER + len));
      samples++;
    }
    const next = pos + Math.ceil((len + HEADER) / 8) * 8;
    words[cons] = next;
    if (next > 0xffff_ffff) words[cons + 1] = words[cons + 1] + 1;
  }
  return samples;
}
