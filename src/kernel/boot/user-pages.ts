/** Memory that the user side shares with maps: pages of ring buffers (mmap(2)) and rings of perf events. */
import type { MappedPages, PerfRing } from '../../uapi/embedded.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { PerfEventArrayMap } from '../maps/perf-event-array.ts';
import { initPerfRing, perfRingBytes, perfRingSize, readSamples } from '../maps/perf-ring.ts';
import { RINGBUF, RingbufMap } from '../maps/ringbuf.ts';
import { Held } from '../mem/owners.ts';
import type { MapObject } from '../object/map.ts';
import { FMODE_WRITE } from '../object/fd-table.ts';
import { fdMap, type SyscallEnv } from '../syscall/env.ts';
import type { HookEnv } from '../testrun/env.ts';

const PAGE_SIZE = 4096;

/** What such memory is taken from. */
export interface PagesEnv {
  readonly env: SyscallEnv;
  readonly hooks: Pick<HookEnv, 'mem' | 'heap' | 'rcu' | 'owners' | 'nrCpus'>;
}

/** A mapping, as mmap(2) takes it. */
export interface PageRange {
  /** Bytes from the start of the map's pages, a multiple of the page size. */
  readonly offset: number;
  readonly length: number;
  readonly writable: boolean;
}

/**
 * Pages of a ring buffer: the consumer's page, the producer's, and the data twice (ringbuf_map_mmap_kern). The map lives until they are
 * disposed of. Other map types share none: -ENOTSUPP, and -EOPNOTSUPP for arrays with BPF_F_MMAPABLE, which Linux would share.
 */
export function mapPages(pages: PagesEnv, fd: number, { offset, length, writable }: PageRange): MappedPages | number {
  const { env, hooks } = pages;
  const object = fdMap(env, fd);
  if (typeof object === 'number') return object;
  if (writable && typeof fdMap(env, fd, FMODE_WRITE) === 'number') return -ERRNO.EACCES;
  const { map } = object;
  if (!(map instanceof RingbufMap)) return map.content === undefined ? -ERRNO.ENOTSUPP : -ERRNO.EOPNOTSUPP;
  const whole = RINGBUF.data - RINGBUF.consumer + 2 * map.desc.maxEntries;
  if (!(length > 0) || offset % PAGE_SIZE !== 0 || !(offset >= 0) || offset + length > whole) return -ERRNO.EINVAL;
  // Programs trust what stands behind the consumer's page.
  if (writable && (offset !== 0 || length !== PAGE_SIZE)) return -ERRNO.EPERM;
  const start = map.ring + RINGBUF.consumer + offset;
  const hold = holding(pages, object);
  return {
    bytes: hooks.mem.u8.subarray(start, start + length),
    [Symbol.dispose]() {
      hold.end();
    },
  };
}

interface Holding {
  readonly live: () => boolean;
  /** Ends it; false when it had ended. @param before what is still to be done while the map is there */
  readonly end: (before?: () => void) => boolean;
}

/** A reference of the host's, which ends once and is part of snapshots. */
function holding({ env, hooks }: PagesEnv, object: MapObject): Holding {
  env.objects.get(object);
  const held = new Held(hooks.owners);
  return {
    live: () => held.live,
    end(before) {
      if (!held.end()) return false;
      before?.();
      env.objects.put(object);
      return true;
    },
  };
}

/** A ring of at most `bytes` for the samples of one CPU: perf_event_open(2), put into the array at the CPU's index. */
export function openPerfRing(pages: PagesEnv, fd: number, cpu: number, bytes: number): PerfRing | number {
  const { env, hooks } = pages;
  const object = fdMap(env, fd);
  if (typeof object === 'number') return object;
  const { map } = object;
  const { mem, heap, rcu, nrCpus } = hooks;
  const size = perfRingSize(bytes);
  if (!(map instanceof PerfEventArrayMap) || cpu >= nrCpus || size === 0) return -ERRNO.EINVAL;
  if (cpu >= map.desc.maxEntries) return -ERRNO.E2BIG;
  const ring = heap.alloc(perfRingBytes(size));
  if (ring === 0) return -ERRNO.ENOMEM;
  initPerfRing(mem, ring, size);
  map.setRing(cpu, ring);
  const hold = holding(pages, object);
  return {
    read: (take) => (hold.live() ? readSamples(mem, ring, take) : 0),
    [Symbol.dispose]() {
      if (!hold.end(() => map.takeRing(cpu, ring))) return;
      rcu.call(() => heap.free(ring));
    },
  };
}
