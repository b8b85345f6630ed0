/** Where things lie in the kernel's memory: null region, core statics, per-CPU stacks, heap. */
import { NULL_REGION, type KernelMemory } from './memory.ts';

/** Static data of the wasm core (its --memoryBase is the end of the null region). */
export const CORE_BASE = NULL_REGION;
export const CORE_SIZE = 0x1_0000;
/** One CPU's guest stack: eight frames of 512 bytes, callbacks, nested programs and helper frames. */
export const STACK_SIZE = 0x2_0000;

/** One CPU's stack, growing down. `sp` is the global that compiled programs import; drivers restore it after each run. */
export interface CpuStack {
  readonly base: number;
  readonly top: number;
  readonly sp: WebAssembly.Global<'i32'>;
}

export interface MemoryLayout {
  readonly nrCpus: number;
  readonly stacks: readonly CpuStack[];
  readonly heapStart: number;
  readonly heapEnd: number;
}

/** @throws RangeError when the memory is too small for that many CPUs */
export function layoutMemory(mem: KernelMemory, nrCpus: number): MemoryLayout {
  if (!Number.isInteger(nrCpus) || nrCpus < 1 || nrCpus > 1024)
    throw new RangeError(`nrCpus ${nrCpus} is not in 1..1024`);
  const stacks: CpuStack[] = [];
  let at = CORE_BASE + CORE_SIZE;
  for (let cpu = 0; cpu < nrCpus; cpu++) {
    const top = at + STACK_SIZE;
    stacks.push({ base: at, top, sp: new WebAssembly.Global({ value: 'i32', mutable: true }, top) });
    at = top;
  }
  if (at + 0x1_0000 > mem.size) throw new RangeError(`a memory of ${mem.size} bytes is too small for ${nrCpus} CPUs`);
  // An all-ones address is no address, and -errno values must not be mistaken for one.
  return { nrCpus, stacks, heapStart: at, heapEnd: Math.min(mem.size, 0xffff_0000) };
}
