/** Guard mode: runs of programs that nobody verified. Every access is checked against regions, loops and calls burn fuel. */
import type { KernelMemory } from '../../mem/memory.ts';
import type { GuestStack } from '../../run/linkage.ts';
import type { AbortReason } from '../../../util/errors.ts';
import { ProgramAbort } from '../../../util/errors.ts';
import { MAX_CALL_FRAMES } from '../../rules/limits.ts';
import type { FnState } from './fn-state.ts';
import { ByteSink } from '../wasm/sink.ts';
import * as w from '../wasm/wasm-ops.ts';

/** Memory that an unverified program may touch besides its stack. */
export interface GuardRegion {
  readonly start: number;
  readonly end: number;
  readonly writable: boolean;
}

export interface GuardOptions {
  readonly regions: readonly GuardRegion[];
  /** Loop iterations and calls that one run may make. */
  readonly fuel: number;
  /** Value of r2 at entry. */
  readonly r2: number;
  /** Helpers that a call through a register may name. */
  readonly callx: readonly number[];
}

/** Guest memory where guarded code keeps its fuel, call depth, r2 at entry and regions. */
export interface GuardArea {
  readonly addr: number;
  readonly callx: readonly number[];
}

const FUEL = 0;
const DEPTH = 4;
const R2 = 8;
const COUNT = 16;
const ENTRIES = 20;
const ENTRY_SIZE = 12;

export const guardAreaSize = (options: GuardOptions): number => ENTRIES + ENTRY_SIZE * (options.regions.length + 1);

/** Writes the area anew before a run. */
export function fillGuardArea(mem: KernelMemory, stack: GuestStack, addr: number, options: GuardOptions): void {
  const { view } = mem;
  const regions = [{ start: stack.limit, end: stack.top, writable: true }, ...options.regions];
  view.setInt32(addr + FUEL, Math.min(options.fuel, 0x7fffffff), true);
  view.setInt32(addr + DEPTH, 1, true);
  view.setUint32(addr + R2, options.r2, true);
  view.setUint32(addr + R2 + 4, 0, true);
  view.setUint32(addr + COUNT, regions.length, true);
  regions.forEach((r, k) => {
    const at = addr + ENTRIES + k * ENTRY_SIZE;
    view.setUint32(at, r.start, true);
    view.setUint32(at + 4, r.end, true);
    view.setUint32(at + 8, r.writable ? 1 : 0, true);
  });
}

/** Abort reasons by the number that generated code passes. */
const ABORTS = [
  ['out-of-bounds', 'memory access out of bounds'],
  ['read-only-register', 'write to r10'],
  ['unknown-opcode', 'unknown instruction'],
  ['unknown-helper', 'unknown helper'],
  ['call-depth', `more than ${MAX_CALL_FRAMES} nested calls`],
  ['stack-overflow', 'stack overflow'],
  ['fuel', 'out of fuel'],
] as const satisfies readonly (readonly [AbortReason, string])[];
export const ABORT_BOUNDS = 0;
export const ABORT_R10 = 1;
export const ABORT_OPCODE = 2;
export const ABORT_HELPER = 3;
export const ABORT_DEPTH = 4;
export const ABORT_STACK = 5;
export const ABORT_FUEL = 6;

/** Throws what generated code reported. */
export function throwAbort(reason: number, pc: number, hi: number, lo: number): never {
  const [name, text] = ABORTS[reason];
  if (reason !== ABORT_BOUNDS) throw new ProgramAbort(name, pc, text);
  const address = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  throw new ProgramAbort(name, pc, `${text} at 0x${address.toString(16)}`, [hi, lo]);
}

/** Emits an unconditional abort. */
export function emitAbort(f: FnState, reason: number, pc: number): void {
  const { out } = f;
  out.i32(reason);
  out.i32(pc);
  out.i32(0);
  out.i32(0);
  out.op(w.CALL, f.plan.imported('abort').index);
  out.byte(w.UNREACHABLE);
}

/** Emits one unit of fuel: loops and function entries. */
export function emitFuel(f: FnState, pc: number): void {
  const { out, plan } = f;
  const addr = plan.guard!.addr + FUEL;
  const t = f.temp32();
  out.i32(addr);
  out.i32(addr);
  out.mem(w.I32_LOAD, 2, 0);
  out.i32(1);
  out.byte(w.I32_SUB);
  out.tee(t);
  out.mem(w.I32_STORE, 2, 0);
  out.get(t);
  out.i32(0);
  out.byte2(w.I32_LT_S, w.IF);
  out.byte(w.T_EMPTY);
  emitAbort(f, ABORT_FUEL, pc);
  out.byte(w.END);
  f.free32(t);
}

/** Emits `depth += by`, and the limit when it grows. */
export function emitDepth(f: FnState, by: number, pc: number): void {
  const { out, plan } = f;
  const addr = plan.guard!.addr + DEPTH;
  if (by > 0) {
    out.i32(addr);
    out.mem(w.I32_LOAD, 2, 0);
    out.i32(MAX_CALL_FRAMES);
    out.byte2(w.I32_GE_S, w.IF);
    out.byte(w.T_EMPTY);
    emitAbort(f, ABORT_DEPTH, pc);
    out.byte(w.END);
  }
  out.i32(addr);
  out.i32(addr);
  out.mem(w.I32_LOAD, 2, 0);
  out.i32(by);
  out.byte(w.I32_ADD);
  out.mem(w.I32_STORE, 2, 0);
}

/** Emits a check that the new frame lies above the stack's end. */
export function emitStackCheck(f: FnState, pc: number): void {
  const { out, plan } = f;
  out.get(f.base);
  out.i32(plan.linkage.stack.limit);
  out.byte2(w.I32_LT_U, w.IF);
  out.byte(w.T_EMPTY);
  emitAbort(f, ABORT_STACK, pc);
  out.byte(w.END);
}

/** Pushes the r2 that the run begins with. */
export function pushEntryR2(f: FnState): void {
  f.out.i32(f.plan.guard!.addr + R2);
  f.out.mem(w.I64_LOAD, 3, 0);
}

/** Replaces the i64 address on the stack by a checked i32 one. */
export function emitCheck(f: FnState, size: number, write: boolean, pc: number): void {
  const { out, plan } = f;
  out.i32(size | (write ? 256 : 0));
  out.i32(pc);
  out.op(w.CALL, plan.functionIndex(plan.program.subprogs.length));
}

export const CHECK_PARAMS: number[] = [w.T_I64, w.T_I32, w.T_I32];

/** Locals of the checking function that {@link pushHolds} reads. */
interface CheckLocals {
  readonly addr: number;
  readonly what: number;
  readonly at: number;
  readonly end: number;
}

/** Pushes whether the entry at `at` holds the access: its bytes, and writing when it writes. */
function pushHolds(out: ByteSink, { addr, what, at, end }: CheckLocals): void {
  out.get(addr);
  out.get(at);
  out.mem(w.I64_LOAD32_U, 2, 0);
  out.byte(w.I64_GE_U);
  out.get(end);
  out.get(at);
  out.mem(w.I64_LOAD32_U, 2, 4);
  out.byte(w.I64_LE_U);
  out.byte(w.I32_AND);
  out.get(addr);
  out.get(end);
  out.byte(w.I64_LE_U);
  out.byte(w.I32_AND);
  out.get(at);
  out.mem(w.I32_LOAD, 2, 8);
  out.get(what);
  out.i32(256);
  out.byte2(w.I32_LT_U, w.I32_OR);
  out.byte(w.I32_AND);
}

/** Body of the checking function: (address, size | write << 8, pc) to the address as i32. Aborts when no region holds the access. */
export function checkBody(area: GuardArea, abortIndex: number): ByteSink {
  const out = new ByteSink(256);
  const [addr, what, pc, at, left, end] = [0, 1, 2, 3, 4, 5];
  out.byte2(2, 2);
  out.byte(w.T_I32);
  out.byte2(1, w.T_I64);
  // end = address + size; entries are compared as 64-bit numbers, so nothing wraps below 2^64 and the upper half must be 0.
  out.get(addr);
  out.get(what);
  out.i32(255);
  out.byte2(w.I32_AND, w.I64_EXTEND_I32_U);
  out.byte(w.I64_ADD);
  out.set(end);
  out.i32(area.addr + ENTRIES);
  out.set(at);
  out.i32(area.addr + COUNT);
  out.mem(w.I32_LOAD, 2, 0);
  out.set(left);
  out.byte2(w.BLOCK, w.T_EMPTY);
  out.byte2(w.LOOP, w.T_EMPTY);
  out.get(left);
  out.byte(w.I32_EQZ);
  out.op(w.BR_IF, 1);
  pushHolds(out, { addr, what, at, end });
  out.byte2(w.IF, w.T_EMPTY);
  out.get(addr);
  out.byte2(w.I32_WRAP_I64, w.RETURN);
  out.byte(w.END);
  out.get(at);
  out.i32(ENTRY_SIZE);
  out.byte(w.I32_ADD);
  out.set(at);
  out.get(left);
  out.i32(1);
  out.byte(w.I32_SUB);
  out.set(left);
  out.op(w.BR, 0);
  out.byte2(w.END, w.END);
  out.i32(ABORT_BOUNDS);
  out.get(pc);
  out.get(addr);
  out.i64(32, 0);
  out.byte2(w.I64_SHR_U, w.I32_WRAP_I64);
  out.get(addr);
  out.byte(w.I32_WRAP_I64);
  out.op(w.CALL, abortIndex);
  out.byte2(w.UNREACHABLE, w.END);
  return out;
}
