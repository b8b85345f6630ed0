/** A compiled program, whichever engine made it. */

import type { Restore } from '../mem/saved.ts';

export interface Executable {
  readonly engine: 'jit' | 'interp';
  /** Its slot in the code table: what tail calls and programs on it jump to. */
  readonly slot: number;
  /** Runs on a context address; returns the low 32 bits of r0, unsigned. All 64 bits lie at `retAddr` afterwards. */
  run(ctx: number): number;
  /** Runs on `count` contexts that lie `stride` bytes apart from `ctxs`; the low 32 bits of each r0 go to the u32 array at `out`. */
  runBatch?(ctxs: number, stride: number, count: number, out: number): void;
  /** Guest address where run() stores the 64-bit r0. */
  readonly retAddr: number;
  /** While the host compiles it in the background: settles when compiled code has taken over. */
  readonly compiling?: Promise<void> | undefined;
  /** Instructions executed in all runs so far; the JIT does not count. */
  readonly executed?: number | undefined;
  /** Slot in the code table of the function that begins at an instruction, and whose address the program takes; 0 for others. */
  functionSlot(start: number): number;
  /** Bytes of generated code, 0 for the interpreter. */
  readonly codeSize: number;
  /** For snapshots: whether it is there, and its counts. */
  save?(): Restore;
  /** Its slots and memory are no longer its own: {@link dispose} gives nothing back. */
  vanish?(): void;
  /** Releases its slots. */
  dispose(): void;
}
