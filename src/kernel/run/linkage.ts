/** The linking port of both engines: how a program reaches helpers, callbacks, tail-call targets and its guest stack. */
import type { CodeTable } from '../mem/code-table.ts';
import type { Executable } from '../object/executable.ts';
import type { CoreHelper, HelperEnv, JsHelper } from './env.ts';

/**
 * A helper or kfunc as an engine calls it. A `core` one comes with the instance's exported function, so that the JIT can
 * import it (wasm calls wasm) and the interpreter can call it by the signature in `core.sig`.
 */
export type HelperImpl =
  | { readonly kind: 'js'; readonly fn: JsHelper }
  | { readonly kind: 'core'; readonly core: CoreHelper; readonly fn: CallableFunction };

/**
 * The guest stack of one CPU. Frames grow towards lower addresses: a function's r10 is `sp` at its entry, and it runs with
 * `sp = r10 - frame size`. The outermost driver saves `sp` before a run and restores it after a return, trap or throw.
 */
export interface GuestStack {
  /** Mutable i32. */
  readonly sp: WebAssembly.Global;
  /** Lowest usable address; a frame below it is a stack overflow and aborts the run. */
  readonly limit: number;
  /** Highest address, exclusive: where `sp` starts. */
  readonly top: number;
  /** Mutable i32: tail calls made so far by the run in progress. Drivers of programs that make any set it to 0 and restore it. */
  readonly tailCalls: WebAssembly.Global;
  /**
   * Guest address of what the CPU keeps for itself ({@link CPU_AREA} in cpu.ts). Its first i32: calls of callbacks until the deadline is
   * looked at again (loop-rules.ts).
   */
  readonly polls: number;
}

/**
 * What programs are linked against: one per runtime and CPU.
 *
 * Entries of the code table: programs are `(ctx: i32) -> i64`, functions whose address is taken (BPF_PSEUDO_FUNC) are
 * `(i64, i64, i64, i64, i64) -> i64`. A code address in a register is the zero-extended slot number.
 */
export interface Linkage {
  readonly env: HelperEnv;
  readonly table: CodeTable;
  readonly stack: GuestStack;
  /** Loaded programs by slot. Engines enter their executables and remove them on dispose. */
  readonly programs: Map<number, Executable>;
  /** A helper by BPF_FUNC_* id, undefined when this runtime has none. bpf_tail_call (12) is never asked for: engines do it. */
  helper(id: number): HelperImpl | undefined;
  /** Helpers that stand for functions of programs (rewire.ts), by ids of their own. */
  readonly stubs: Map<number, JsHelper>;
  /** A kfunc by BTF id and index of its BTF in fd_array, as the call instruction names it. */
  kfunc(btfId: number, fdIndex: number): HelperImpl | undefined;
  /** Name of a kfunc of the kernel's own BTF, for messages; '' when it is not known. */
  kfuncName?(btfId: number): string;
  /** Slot that bpf_tail_call reaches through the prog array at guest address `map`; 0 when the index is out of range or empty. */
  tailCallTarget(map: number, index: number): number;
  /** Calls entries of the table without a 64-bit value crossing from JavaScript. */
  readonly shim: CallShim;
}

/** Exports of the shim module (createCallShim). */
export interface CallShim {
  /** Runs the program at `slot` on `ctx` and stores its 64-bit r0 at `ret`. */
  callProgram(slot: number, ctx: number, ret: number): void;
  /** Calls the function at `slot` with r1 to r5 of the helper frame at `frame` and stores its r0 there. */
  callFunction(slot: number, frame: number): void;
}
