/** What hooks need: the world that calls them, the objects they attach, and the way to run a program. */
import type { Tasks } from '../world/task/tasks.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { ObjectTable } from '../object/kernel-object.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Trace } from '../world/trace/trace.ts';
import type { Gate } from './gate.ts';

/** What a run's helpers ask about its attachment, as unsigned halves. */
export interface RunOf {
  /** bpf_get_attach_cookie */
  readonly cookie: readonly [lo: number, hi: number];
  /** bpf_get_func_ret: the program stands where there is a result. */
  readonly hasResult?: boolean;
  /** bpf_get_func_ip */
  readonly funcIp?: readonly [lo: number, hi: number];
}

export interface AttachEnv {
  readonly gate: Gate;
  /** The CPU that programs run on. */
  readonly cpu: number;
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly tasks: Tasks;
  /** Guest address of the value of a key at an address, in the map at another; 0 when there is none. */
  lookup(map: number, key: number): number;
  readonly objects: ObjectTable;
  readonly trace: Trace;
  /** Name of a type of the kernel's own BTF; '' when there is none. */
  typeName(btfId: number): string;
  /** Runs a program: r0's low 32 bits, unsigned. Throws what the program throws. */
  run(prog: LoadedProg, ctx: number, of: RunOf): number;
}
