/** The linkage of one runtime's programs: helper environment, code table, guest stack, tail-call targets. */
import type { Cpu } from '../run/cpu.ts';
import { FRAME_SIZE, type HelperEnv, type HostPorts } from '../run/env.ts';
import type { Deadline } from '../run/deadline.ts';
import type { Linkage } from '../run/linkage.ts';
import { createHelpers } from '../helpers/table.ts';
import { createCallShim } from '../run/shim.ts';
import type { MapEnv } from '../maps/env.ts';
import { progArraySlot } from '../maps/prog-array.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { KernelLayouts } from '../world/layouts.ts';
import type { Wire } from '../world/net/device.ts';
import type { Random } from '../world/random.ts';
import type { CurrentTask } from '../world/task/current.ts';
import type { WorldTime } from '../world/time/time.ts';

export interface LinkageParts {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly maps: MapEnv;
  readonly host: HostPorts;
  readonly time: WorldTime;
  readonly random: Random;
  readonly current: CurrentTask;
  readonly cpu: Cpu;
  readonly rcu: Rcu;
  /** Left out when there is no kernel BTF to take them from. */
  readonly layouts?: KernelLayouts;
  /** Name of a kernel function by BTF id, '' when there is no BTF to take it from. */
  readonly kfuncName: (btfId: number) => string;
  readonly nrCpus: number;
  readonly hasDevice: (ifindex: number) => boolean;
  readonly wire: Wire;
  /** The deadline that loops poll. */
  readonly deadline: Deadline;
}

export function createLinkage(parts: LinkageParts): Linkage {
  const { mem, heap, maps, cpu } = parts;
  const { table } = cpu;
  const shim = createCallShim(mem, table);
  maps.core.set_user_space(parts.current.spaceWord);
  const env: HelperEnv = {
    mem,
    host: parts.host,
    time: parts.time,
    random: parts.random,
    current: parts.current,
    cpu,
    core: maps.core,
    ...(parts.layouts ? { layouts: parts.layouts } : {}),
    nrCpus: parts.nrCpus,
    hasDevice: parts.hasDevice,
    wire: parts.wire,
    invoke: (slot, frame) => shim.callFunction(slot, frame),
    alloc: (size, align = 8) => heap.alloc(Math.max(size, FRAME_SIZE), align),
    free: (addr) => heap.free(addr),
    checkDeadline: () => parts.deadline.check(),
  };
  const helpers = createHelpers(env);
  const stubs: Linkage['stubs'] = new Map();
  return {
    env,
    table,
    stack: cpu.stack,
    programs: new Map(),
    stubs,
    helper(id) {
      const fn = stubs.get(id);
      return fn === undefined ? helpers(id) : { kind: 'js', fn };
    },
    kfunc: () => undefined,
    kfuncName: parts.kfuncName,
    tailCallTarget(map, index) {
      return progArraySlot(mem, map, index);
    },
    shim,
  };
}
