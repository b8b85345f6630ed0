/** The parts of the simulated host: kernel memory, its allocator, and the layout of the target kernel's structs. */
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Owners } from '../mem/owners.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { KernelLayouts } from './layouts.ts';

export interface WorldEnv {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly layouts: KernelLayouts;
  /** What is in the host's hands. */
  readonly owners: Owners;
  /** Delays releases until no run is in progress. */
  readonly rcu: Rcu;
}
