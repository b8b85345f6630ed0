/** A CPU that programs run on: its guest stack, its code table, and the runs in progress on it, one inside the other. */
import { CodeTable } from '../mem/code-table.ts';
import type { CpuStack } from '../mem/layout.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Restore, Saved } from '../mem/saved.ts';
import { Invocation } from './invocation.ts';
import type { GuestStack } from './linkage.ts';
import { LOOP_POLL } from './loop-rules.ts';

/** Bytes below the guest stack that its CPU keeps for itself: the counter of polls, and a time in two words. */
export const CPU_AREA = 16;
const TIME = 8;

/** A CPU on a stack of the memory: the counter of polls lies at its lower end, the counter of tail calls is a global. */
export function makeCpu(id: number, stack: CpuStack, mem: KernelMemory): Cpu {
  const { sp, base: polls, top } = stack;
  mem.i32[polls >>> 2] = LOOP_POLL;
  return new Cpu(id, { sp, limit: polls + CPU_AREA, top, tailCalls: tailCallCounter(), polls });
}

/** Two words of a CPU, the low one first: where its helpers have a clock write the time. */
export function timeWords(mem: KernelMemory, { polls }: Pick<GuestStack, 'polls'>): Int32Array {
  const at = (polls + TIME) >>> 2;
  return mem.i32.subarray(at, at + 2);
}

/** The counter of tail calls: every module that makes any imports it. */
export const tailCallCounter = (): WebAssembly.Global => new WebAssembly.Global({ value: 'i32', mutable: true }, 0);

/** A CPU: its guest stack, its code table, and the runs in progress on it, innermost last. */
export class Cpu implements Saved {
  readonly id: number;
  readonly stack: GuestStack;
  /** Code that programs on it jump to; a slot means the same on all CPUs. */
  readonly table: CodeTable;
  /** The innermost run in progress; between runs the last outermost one, as it ended. */
  run: Invocation;
  /** Runs in progress. A helper may call what runs programs: a port of the host, a hook of the world. */
  depth = 0;
  /** By depth. Runs of the same depth follow one another in one record. */
  readonly #pool: Invocation[];

  constructor(id: number, stack: GuestStack, table = new CodeTable()) {
    this.id = id;
    this.stack = stack;
    this.table = table;
    this.run = new Invocation();
    this.#pool = [this.run];
  }

  /** The outermost run in progress, or the last one. */
  get outermost(): Readonly<Invocation> {
    return this.#pool[0];
  }

  /** A run begins. Each one is paired with {@link pop}, however it ends. */
  push(progType: number, ctx: number): void {
    if (this.depth > 0) this.#enter();
    this.run.begin(progType, ctx);
    this.depth++;
  }

  /** The innermost run has returned or thrown: the one around it goes on with its stack pointer and its count of tail calls. */
  pop(): void {
    if (--this.depth > 0) this.#leave();
  }

  /** A run was stopped in the middle of frames that nobody returns from. */
  stopped(): void {
    const { stack, run } = this;
    stack.sp.value = this.depth > 1 ? run.sp : stack.top;
  }

  /** Between runs: what the last one left. */
  save(): Restore {
    const run = Object.assign(new Invocation(), this.#pool[0]);
    return () => {
      Object.assign(this.#pool[0], run);
      this.stack.sp.value = this.stack.top;
    };
  }

  // An outermost run begins at the top of the stack, and its driver sets the count of tail calls: there is nothing to keep.
  #enter(): void {
    const { stack } = this;
    const run = (this.#pool[this.depth] ??= new Invocation());
    run.sp = stack.sp.value as number;
    run.tailCalls = stack.tailCalls.value as number;
    this.run = run;
  }

  #leave(): void {
    const { run, stack } = this;
    stack.sp.value = run.sp;
    stack.tailCalls.value = run.tailCalls;
    this.run = this.#pool[this.depth - 1];
  }
}
