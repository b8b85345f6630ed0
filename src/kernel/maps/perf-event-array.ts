/** BPF_MAP_TYPE_PERF_EVENT_ARRAY: an entry is the guest address of the ring that bpf_perf_event_output writes to, 0 when there is none. */
import { BPF_ANY } from '../../uapi/flags.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { keyIndex, nextIndex } from './array.ts';
import type { MapEnv } from './env.ts';
import { headerWord } from './header.ts';
import { type RingMemory, type Sample, writeSample } from './perf-ring.ts';
import { StoredMap } from './stored-map.ts';

/** As large as the kernel's pointers. */
const ENTRY_SIZE = 8;

/** __bpf_perf_event_output into the array at an address: 0, -E2BIG, -ENOENT, -ENOSPC. Reads and writes nothing but the memory. */
export function perfOutput(memory: RingMemory, map: number, index: number, sample: Sample): number {
  const { u32 } = memory.mem;
  if (index >= headerWord(u32, map, 'maxEntries')) return -ERRNO.E2BIG;
  const ring = u32[(headerWord(u32, map, 'base') + index * ENTRY_SIZE) >>> 2];
  if (ring === 0) return -ERRNO.ENOENT;
  return writeSample(memory, ring, sample) ? 0 : -ERRNO.ENOSPC;
}

/** Rings are the host's, which puts them in and takes them out. */
export class PerfEventArrayMap extends StoredMap {
  readonly #base: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    this.#base = this.block(desc.maxEntries * ENTRY_SIZE);
    this.set('stride', ENTRY_SIZE);
    this.set('base', this.#base);
  }

  /** Puts a ring at an index; 0 takes one away. */
  setRing(index: number, ring: number): void {
    this.env.mem.u32[(this.#base + index * ENTRY_SIZE) >>> 2] = ring;
  }

  /** Takes a ring away, unless another one has its place by now. */
  takeRing(index: number, ring: number): void {
    if (this.#ringAt(index) === ring) this.setRing(index, 0);
  }

  #ringAt(index: number): number {
    return this.env.mem.u32[(this.#base + index * ENTRY_SIZE) >>> 2];
  }

  protected doLookup(): number {
    return -ERRNO.ENOTSUPP;
  }

  /** A value is the descriptor of a perf event, and no descriptor here is one: rings come from the host's side. */
  protected doUpdate(key: Uint8Array, _value: Uint8Array, flags: number): number {
    if (flags !== BPF_ANY) return -ERRNO.EINVAL;
    return keyIndex(key) >= this.desc.maxEntries ? -ERRNO.E2BIG : -ERRNO.EBADF;
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    if (this.#ringAt(index) === 0) return -ERRNO.ENOENT;
    this.setRing(index, 0);
    return 0;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }
}
