/** JavaScript functions around the exported wrappers: each program gets source text of its own, so that V8 specialises its call. */
import { type GuestStack } from '../../run/linkage.ts';
import { ProgramAbort } from '../../../util/errors.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import { RESULT_SP } from './module.ts';

export interface WasmExports {
  run(ctx: number): number;
  batch(ctxs: number, stride: number, count: number, out: number): void;
}

export interface Drivers {
  run(ctx: number): number;
  runBatch(ctxs: number, stride: number, count: number, out: number): void;
}

type DriverFactory = (
  wasm: WasmExports,
  sp: WebAssembly.Global,
  i32: Int32Array,
  cell: number,
  abortOf: (e: unknown) => unknown,
) => Drivers;

const SOURCE = `
const { run, batch } = wasm;
return {
  run(ctx) { try { return run(ctx) >>> 0; } catch (e) { sp.value = i32[cell]; throw abortOf(e); } },
  runBatch(ctxs, stride, count, out) {
    try { batch(ctxs, stride, count, out); } catch (e) { sp.value = i32[cell]; throw abortOf(e); }
  },
};`;

/** Drivers that share one closure: where the host's policy forbids code from strings. */
const shared: DriverFactory = ({ run, batch }, sp, i32, cell, abortOf) => ({
  run(ctx) {
    try {
      return run(ctx) >>> 0;
    } catch (e) {
      sp.value = i32[cell];
      throw abortOf(e);
    }
  },
  runBatch(ctxs, stride, count, out) {
    try {
      batch(ctxs, stride, count, out);
    } catch (e) {
      sp.value = i32[cell];
      throw abortOf(e);
    }
  },
});

/** Faults that only V8 notices end a run as an abort: the end of the memory, a call of no code address, the end of its own stack. */
function abortOf(e: unknown): unknown {
  if (e instanceof RangeError && e.message.includes('call stack'))
    return new ProgramAbort('stack-overflow', -1, e.message);
  if (!(e instanceof WebAssembly.RuntimeError)) return e;
  return new ProgramAbort(e.message.includes('memory') ? 'out-of-bounds' : 'bad-jump', -1, e.message);
}

/**
 * Drivers of one program. They put the guest stack pointer back after a trap or throw, from where the wrapper left it.
 * @param unique a number that no other program's drivers have
 */
export function makeDrivers(
  wasm: WasmExports,
  mem: KernelMemory,
  stack: GuestStack,
  resultAddr: number,
  unique: number,
): Drivers {
  const cell = (resultAddr + RESULT_SP) >>> 2;
  let factory = shared;
  try {
    factory = new Function('wasm', 'sp', 'i32', 'cell', 'abortOf', `/* program ${unique} */${SOURCE}`) as DriverFactory;
  } catch {
    // A content security policy without 'unsafe-eval': the shared drivers cost 3 ns more a call.
  }
  return factory(wasm, stack.sp, mem.i32, cell, abortOf);
}
