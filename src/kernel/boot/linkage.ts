/** What one runtime's programs are linked against: helper environment, code table, guest stack, tail-call targets. */
import { FRAME_SIZE, type HelperEnv, type HostPorts, type RunState } from '../run/env.ts';
import { type GuestStack, ProgramAbort, type ProgramLink } from '../run/linkage.ts';
import { createHelpers } from '../helpers/table.ts';
import { createCallShim } from '../run/shim.ts';
import type { MapEnv } from '../maps/map.ts';
import { ProgArrayMap } from '../maps/prog-array.ts';
import type { Allocator } from '../mem/allocator.ts';
import { CodeTable } from '../mem/code-table.ts';
import type { CpuStack } from '../mem/layout.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { KernelLayouts } from '../world/layouts.ts';

export interface LinkParts {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly maps: MapEnv;
  readonly host: HostPorts;
  readonly run: RunState;
  readonly cpuStack: CpuStack;
  /** Left out when there is no kernel BTF to take them from. */
  readonly layouts?: KernelLayouts;
  /** Name of a kernel function by BTF id, '' when there is no BTF to take it from. */
  readonly kfuncName: (btfId: number) => string;
  readonly nrCpus: number;
  readonly hasDevice: (ifindex: number) => boolean;
  /** Milliseconds that a run may take before a polled deadline stops it. */
  readonly deadlineMs: number;
}

/** A program link whose deadline starts anew with {@link beginRun}. */
export interface RuntimeLink extends ProgramLink {
  beginRun(): void;
}

export function createProgramLink(parts: LinkParts): RuntimeLink {
  const { mem, heap, maps, cpuStack } = parts;
  const table = new CodeTable();
  const shim = createCallShim(mem, table);
  const stack: GuestStack = {
    sp: cpuStack.sp,
    limit: cpuStack.base,
    top: cpuStack.top,
    tailCalls: heap.alloc(8, 8),
  };
  // The clock is read at the first poll of a run: runs without loops never pay for it.
  let deadlineAt = 0;
  const env: HelperEnv = {
    mem,
    host: parts.host,
    run: parts.run,
    core: maps.core,
    ...(parts.layouts ? { layouts: parts.layouts } : {}),
    nrCpus: parts.nrCpus,
    hasDevice: parts.hasDevice,
    invoke: (slot, frame) => shim.callFunction(slot, frame),
    alloc: (size, align = 8) => heap.alloc(Math.max(size, FRAME_SIZE), align),
    free: (addr) => heap.free(addr),
    mapAt: (addr) => maps.maps.get(addr),
    checkDeadline() {
      const now = performance.now();
      if (deadlineAt === 0) deadlineAt = now + parts.deadlineMs;
      else if (now > deadlineAt) throw new ProgramAbort('deadline', -1, `still running after ${parts.deadlineMs} ms`);
    },
  };
  return {
    env,
    table,
    stack,
    programs: new Map(),
    helper: createHelpers(env),
    kfunc: () => undefined,
    kfuncName: parts.kfuncName,
    tailCallTarget(map, index) {
      const found = maps.maps.get(map);
      return found instanceof ProgArrayMap ? found.slotAt(index) : 0;
    },
    shim,
    beginRun() {
      deadlineAt = 0;
    },
  };
}
