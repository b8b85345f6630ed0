/** The environment that maps of one runtime share, and the ports that they need. */
import type { Btf } from '../../btf/btf.ts';
import type { CoreExports } from '../core/instance.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { Rules } from '../rules/compile.ts';
import type { Scratch } from './scratch.ts';
import type { BpfMap } from '../object/map.ts';

/** A program as maps hold it. */
export interface ProgRef {
  readonly id: number;
  /** Its slot in the code table. */
  readonly slot: number;
  /** BPF_PROG_TYPE_* and BPF_* of its expected attach type. */
  readonly type: number;
  readonly attachType: number;
  /** The traits in which a prog array and its users must agree: type, expected attach type where it matters, JITed, xdp frags. */
  readonly ownerTag: string;
  hold(): void;
  drop(): void;
  /** Becomes an element of a prog array, which holds it: 0 or -errno. */
  enter(): number;
  /** Is that element no more. */
  leave(): void;
}

/** Objects behind file descriptors, from the syscall side. Unknown ones give undefined (-EBADF), wrong ones may give -errno. */
export interface FdResolver {
  map(fd: number): BpfMap | number | undefined;
  prog(fd: number): ProgRef | number | undefined;
  btf(fd: number): Btf | undefined;
  /** The control group whose directory a descriptor is. */
  cgroup(fd: number): { readonly record: number } | number;
  /** Whether a network device exists. */
  device(ifindex: number): boolean;
  /** Another map holds or drops this one as an element. */
  hold(map: BpfMap): void;
  drop(map: BpfMap): void;
}

/** What maps ask of the rules of a kernel. */
export type MapRules = Pick<Rules, 'map'>;

/** The environment that maps of one runtime share. */
export interface MapEnv {
  readonly mem: KernelMemory;
  readonly allocator: Allocator;
  readonly core: CoreExports;
  readonly nrCpus: number;
  /** Map types of the kernel's version. */
  readonly rules: MapRules;
  readonly scratch: Scratch;
  /** Keeps maps as they are while the host's callbacks look at their memory. */
  readonly rcu: Rcu;
  /** Live maps by guest address. */
  readonly maps: Map<number, BpfMap>;
  /** Offsets of members of struct bpf_map in the target BTF (`max_entries`, ...), where programs may read them. */
  readonly mapFields?: Readonly<Record<string, number>>;
  random32(): number;
  nextMapId(): number;
}
