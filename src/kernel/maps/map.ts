/** A live map as user space and the runtime see it, and the ports that maps need. */
import type { Btf } from '../../btf/btf.ts';
import type { CoreExports } from '../core/instance.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { PerfSink } from './perf-event-array.ts';
import type { Scratch } from './scratch.ts';

/**
 * Element operations of bpf(2). Every method that can fail gives `-errno`; none throws for a fault of the caller.
 * Keys and values are in user layout: a per-CPU value is round_up(value_size, 8) bytes for each possible CPU.
 */
export interface BpfMap {
  readonly desc: MapDesc;
  /** Guest address of struct bpf_map. */
  readonly addr: number;
  /** Bytes of a value in user layout. */
  readonly userValueSize: number;
  /** Bloom filters take the value to look for as `value`; queues and stacks ignore the key. */
  lookup(key: Uint8Array, flags?: number, value?: Uint8Array): Uint8Array | number;
  update(key: Uint8Array, value: Uint8Array, flags: number): number;
  delete(key: Uint8Array): number;
  /** The key after `key`; the first one for null. */
  nextKey(key: Uint8Array | null): Uint8Array | number;
  lookupAndDelete(key: Uint8Array, flags?: number): Uint8Array | number;
  /** All values as they lie in memory, of arrays. */
  content?(): Uint8Array;
  /** Whether the type has batch commands. */
  readonly batch: 'none' | 'by-key' | 'by-bucket';
  /** Elements of one hash bucket, undefined beyond the last; only with batch 'by-bucket'. */
  bucket?(index: number): [Uint8Array, Uint8Array][] | undefined;
  /** What is stored now, keys before values; empty for types without iteration. */
  entries(): Iterable<[Uint8Array, Uint8Array]>;
  /** Guest addresses of elements for bpf_for_each_map_elem (key, value of the running CPU); undefined when the type has none. */
  walk?(cpu: number): Iterable<{ key: number; value: number }>;
  /** The last user-side reference (fd, pin) is gone: prog arrays drop their programs (map_release_uref). */
  releaseUser(): void;
  /** Gives back all memory and references. The map must not be used afterwards. */
  free(): void;
}

/** A program as maps hold it. */
export interface ProgRef {
  readonly id: number;
  /** Its slot in the code table. */
  readonly slot: number;
  /** BPF_PROG_TYPE_* and BPF_* of its expected attach type. */
  readonly type: number;
  readonly attachType: number;
  /** What must agree between a prog array and its users: type, expected attach type where it matters, JITed, xdp frags. */
  readonly ownerTag: string;
  hold(): void;
  drop(): void;
}

/** What file descriptors stand for; the syscall side supplies it. Unknown ones give undefined (-EBADF), wrong ones may give -errno. */
export interface FdResolver {
  map(fd: number): BpfMap | number | undefined;
  prog(fd: number): ProgRef | number | undefined;
  btf(fd: number): Btf | undefined;
  perfEvent?(fd: number): PerfSink | undefined;
  /** Whether a network device exists. */
  device(ifindex: number): boolean;
  /** Another map holds or drops this one as an element. */
  hold(map: BpfMap): void;
  drop(map: BpfMap): void;
}

/** What maps of one runtime share. */
export interface MapEnv {
  readonly mem: KernelMemory;
  readonly allocator: Allocator;
  readonly core: CoreExports;
  readonly nrCpus: number;
  readonly scratch: Scratch;
  /** Live maps by guest address. */
  readonly maps: Map<number, BpfMap>;
  /** Offsets of members of struct bpf_map in the target BTF (`max_entries`, ...), where programs may read them. */
  readonly mapFields?: Readonly<Record<string, number>>;
  random32(): number;
  nextMapId(): number;
}
