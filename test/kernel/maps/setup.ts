/** A map environment over a small memory, for tests. */
import { ERRNO } from '../../../src/uapi/errno.ts';
import { Allocator } from '../../../src/kernel/mem/allocator.ts';
import { layoutMemory } from '../../../src/kernel/mem/layout.ts';
import { KernelMemory } from '../../../src/kernel/mem/memory.ts';
import { createMap } from '../../../src/kernel/maps/make/create.ts';
import { createMapEnv } from '../../../src/kernel/maps/make/env.ts';
import {
  initPerfRing,
  perfRingBytes,
  perfRingSize,
  readSamples,
  type RingMemory,
} from '../../../src/kernel/maps/perf-ring.ts';
import type { FdResolver, MapEnv, MapRules, ProgRef } from '../../../src/kernel/maps/env.ts';
import type { BpfMap } from '../../../src/kernel/object/map.ts';
import { sharedMemory } from '../memory-kind.ts';
import type { MapCreateAttr } from '../../../src/uapi/attr/attr.ts';

/** A pseudo-random generator with a seed (xorshift32). */
export function xorshift(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

interface MapSetup {
  readonly size?: number;
  readonly nrCpus?: number;
  readonly budget?: number;
  readonly shared?: boolean;
  readonly rules?: MapRules;
}

export function setupMaps(options: MapSetup = {}): MapEnv {
  const mem = new KernelMemory(options.size ?? 1 << 26, { shared: options.shared ?? sharedMemory() });
  const layout = layoutMemory(mem, options.nrCpus ?? 2);
  const allocator = new Allocator(mem, layout.heapStart, layout.heapEnd, options.budget);
  return createMapEnv({
    mem,
    allocator,
    nrCpus: layout.nrCpus,
    random32: xorshift(42),
    ...(options.rules ? { rules: options.rules } : {}),
  });
}

/** File descriptors backed by plain tables. */
export class FakeFds implements FdResolver {
  readonly maps = new Map<number, BpfMap>();
  readonly progs = new Map<number, ProgRef>();
  held = 0;
  map(fd: number): BpfMap | undefined {
    return this.maps.get(fd);
  }
  prog(fd: number): ProgRef | undefined {
    return this.progs.get(fd);
  }
  btf(): undefined {
    return undefined;
  }
  cgroup(): number {
    return -ERRNO.EBADF;
  }
  /** Only the loopback device exists. */
  device(ifindex: number): boolean {
    return ifindex === 1;
  }
  hold(): void {
    this.held++;
  }
  drop(): void {
    this.held--;
  }
}

export function mustCreate(env: MapEnv, attr: MapCreateAttr, fds: FdResolver = new FakeFds()): BpfMap {
  const map = createMap(env, attr, fds);
  if (typeof map === 'number') throw new Error(`MAP_CREATE gave ${map}`);
  return map;
}

export const u32 = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n]).buffer);
export const u64 = (n: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(n)]).buffer);

/** What writeSample takes. */
export const ringMemory = ({ mem, core }: MapEnv): RingMemory => ({ mem, copy: core.mem_copy });

/** A ring of perf events in guest memory. @param bytes of data */
export function perfRing(env: MapEnv, bytes: number): number {
  const size = perfRingSize(bytes);
  const ring = env.allocator.alloc(perfRingBytes(size));
  initPerfRing(env.mem, ring, size);
  return ring;
}

/** What a ring of {@link perfRing} holds; it is empty then. */
export function samplesOf(env: MapEnv, ring: number): { samples: number[][]; lost: number } {
  const samples: number[][] = [];
  const lost = readSamples(env.mem, ring, (data) => samples.push([...data]));
  return { samples, lost };
}
