/** Makes the environment of a runtime's maps: the core instance and the registry of live maps. */
import { type CoreExports, instantiateCore } from '../../core/instance.ts';
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import { Rcu } from '../../mem/rcu.ts';
import type { MapEnv, MapRules } from '../env.ts';
import { compileRules } from '../../rules/compile.ts';
import type { BpfMap } from '../../object/map.ts';
import { Scratch } from '../scratch.ts';
import { growMap } from '../stored-map.ts';

export interface MapEnvOptions {
  readonly mem: KernelMemory;
  readonly allocator: Allocator;
  /** Possible CPUs: how many values a per-CPU map holds for each key. */
  readonly nrCpus: number;
  /** The CPU that the core runs on; 0 by default. */
  readonly cpu?: number;
  /** Rules of 6.18 by default. */
  readonly rules?: MapRules;
  random32(): number;
  /** One of its own by default. */
  readonly rcu?: Rcu;
  readonly mapFields?: Readonly<Record<string, number>>;
  /** Ids of new maps; counts from 1 by default. */
  readonly nextMapId?: () => number;
}

export function createMapEnv(options: MapEnvOptions): MapEnv {
  const maps = new Map<number, BpfMap>();
  const { mem, allocator } = options;
  const grow = (map: number, bytes: number): number => growMap(mem, allocator, map >>> 0, bytes >>> 0);
  let core: CoreExports | undefined;
  let lastId = 0;
  return {
    mem,
    allocator,
    // A kernel that only verifies mostly needs none.
    get core() {
      if (core === undefined) {
        core = instantiateCore(mem, grow);
        core.set_cpu(options.cpu ?? 0);
      }
      return core;
    },
    nrCpus: options.nrCpus,
    rules: options.rules ?? compileRules(),
    scratch: new Scratch(mem, allocator),
    maps,
    rcu: options.rcu ?? new Rcu(),
    ...(options.mapFields ? { mapFields: options.mapFields } : {}),
    random32: () => options.random32() >>> 0,
    nextMapId: options.nextMapId ?? (() => ++lastId),
  };
}
