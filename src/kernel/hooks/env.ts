/** What hooks need: the world that calls them, the objects they attach, and the way to run a program. */
import type { Tasks } from '../world/task/tasks.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { ObjectTable } from '../object/kernel-object.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Trace } from '../world/trace/trace.ts';
import type { FunctionStub } from '../run/rewire.ts';
import type { ArgumentWords } from '../world/trace/words.ts';
import type { Gate } from './gate.ts';
import type { ProgramSites } from './programs/sites.ts';

/** What a run's helpers ask about its attachment, as unsigned halves. */
export interface RunOf {
  /** bpf_get_attach_cookie */
  readonly cookie: readonly [lo: number, hi: number];
  /** bpf_get_func_ret: the program stands where there is a result. */
  readonly hasResult?: boolean;
  /** bpf_get_func_ip */
  readonly funcIp?: readonly [lo: number, hi: number];
}

/** What the kernel gives to hooks. */
export interface AttachGround {
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
  /** The code of programs. */
  readonly code: {
    /** Puts code in place of functions of a program, by their index. */
    rewire(prog: LoadedProg, stubs: ReadonlyMap<number, FunctionStub>): void;
    /** Calls a program that takes the place of a function, with the frame of the arguments. */
    callFunction(prog: LoadedProg, frame: number): void;
  };
  /** Runs a program: r0's low 32 bits, unsigned. Throws what the program throws. */
  run(prog: LoadedProg, ctx: number, of: RunOf): number;
}

/** And what they have beside that. */
export interface AttachEnv extends AttachGround {
  /** Functions of programs that others stand on. */
  readonly sites: ProgramSites;
  /** Arguments of those functions in calls that others run around. */
  readonly words: ArgumentWords;
}
