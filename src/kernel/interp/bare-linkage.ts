/** A linkage for programs outside any runtime: conformance vectors, the debugger's scratch runs, tests of both engines. */
import { makeCpu } from '../run/cpu.ts';
import type { HelperEnv } from '../run/env.ts';
import type { HelperImpl, Linkage } from '../run/linkage.ts';
import { createCallShim } from '../run/shim.ts';
import { Allocator } from '../mem/allocator.ts';
import { layoutMemory } from '../mem/layout.ts';
import { KernelMemory } from '../mem/memory.ts';
import { hostKtime, hostStopwatch } from '../world/time/clock.ts';
import { CURRENT_BYTES, CurrentTask } from '../world/task/current.ts';
import { WorldTime } from '../world/time/time.ts';

export interface BareLinkageOptions {
  /** Bytes of guest memory; default 1 MiB. */
  readonly memory?: number;
  readonly helpers?: ReadonlyMap<number, HelperImpl>;
  readonly kfuncs?: ReadonlyMap<number, HelperImpl>;
  /** Prog arrays by the address that programs pass: slots by index. */
  readonly progArrays?: ReadonlyMap<number, readonly number[]>;
  readonly core?: HelperEnv['core'];
  /** Milliseconds; the host's clock by default. */
  readonly stopwatch?: () => number;
  /** Throws when a run has taken too long. */
  readonly checkDeadline?: () => void;
}

const TASK = { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'skep', cgroupId: 1n };

/** Makes a memory with one CPU's stack, a code table, and an environment whose host knows only time. */
export function createBareLinkage(options: BareLinkageOptions = {}): Linkage {
  const mem = new KernelMemory(options.memory ?? 1 << 20);
  const layout = layoutMemory(mem, 1);
  const heap = new Allocator(mem, layout.heapStart, layout.heapEnd);
  const [stack] = layout.stacks;
  const cpu = makeCpu(0, stack, mem);
  const { table } = cpu;
  const shim = createCallShim(mem, table);
  const env: HelperEnv = {
    cpu,
    mem,
    random: { next: () => 4 },
    time: new WorldTime({ ports: { ktimeNs: hostKtime }, cpus: 1 }),
    host: {
      stopwatch: options.stopwatch ?? hostStopwatch,
      tracePrintk() {},
    },
    current: new CurrentTask(mem, heap.alloc(CURRENT_BYTES), TASK),
    core: options.core ?? {},
    invoke: (slot, frame) => shim.callFunction(slot, frame),
    alloc: (size, align) => heap.alloc(size, align),
    free: (addr) => heap.free(addr),
    checkDeadline: options.checkDeadline ?? (() => undefined),
  };
  return {
    env,
    table,
    stack: cpu.stack,
    programs: new Map(),
    stubs: new Map(),
    helper: (id) => options.helpers?.get(id),
    kfunc: (id) => options.kfuncs?.get(id),
    tailCallTarget: (map, index) => options.progArrays?.get(map)?.[index] ?? 0,
    shim,
  };
}
