/** The state of lowering one subprogram: wasm locals, and where each register's value is at this point. */
import type { Insns } from '../../../isa/insn.ts';
import { KnownSlots } from '../facts/known-slots.ts';
import { ByteSink } from '../wasm/sink.ts';
import type { ModulePlan } from '../plan.ts';
import {
  GLOBAL_GET,
  GLOBAL_SET,
  I32_ADD,
  I32_SUB,
  I32_WRAP_I64,
  I64_EXTEND_I32_U,
  T_I32,
  T_I64,
} from '../wasm/wasm-ops.ts';

/** The value is in the register's local. */
export const IN_LOCAL = 0;
/** The value is a known constant; the local holds it only when the register is clean. */
export const CONST = 1;
/** The value is r10 plus a known offset; the local holds it only when the register is clean. */
export const FRAME = 2;

const FP = 10;

export class FnState {
  readonly out: ByteSink;
  /** Where each register's value is: IN_LOCAL, CONST or FRAME. */
  readonly kind = new Uint8Array(12);
  readonly lo = new Int32Array(12);
  readonly hi = new Int32Array(12);
  /** Registers whose constant has not been written to their local. */
  dirty = 0;
  /** Registers in locals whose upper 32 bits are known to be zero. */
  zext = 0;
  /** Registers whose value is (or, pending, belongs) in their i32 local. */
  narrow = 0;
  /** Whether the result of the instruction being lowered goes to an i32 local. */
  narrowDef = false;
  /** Whether the jump being lowered compares packet pointers. */
  comparesPointers = false;
  /** Locals of promoted stack slots by their offset from r10. */
  readonly promoted = new Map<number, number>();
  /** Constants on the stack; nothing is noted in guard mode. */
  readonly slots = new KnownSlots();
  /** i64 and i32 local of each register, -1 until first used. */
  readonly regLocal = new Int32Array(12).fill(-1);
  readonly #regLocal32 = new Int32Array(12).fill(-1);
  /** Types of locals beyond the parameters. */
  readonly localTypes: number[] = [];
  /** i32 local that holds the lowest address of the frame, -1 when the function has none. */
  base = -1;
  /** The frame was pushed on the guest stack, so that callees do not overwrite it. */
  framed = false;
  #free32: number[] = [];
  #free64: number[] = [];

  constructor(
    readonly plan: ModulePlan,
    readonly insns: Insns,
    readonly paramCount: number,
    /** Bytes from `base` to r10, mailbox of JavaScript helpers included. */
    readonly frameSize: number,
    capacity: number,
  ) {
    this.out = new ByteSink(capacity);
    this.kind[FP] = FRAME;
  }

  newLocal(type: number): number {
    this.localTypes.push(type);
    return this.paramCount + this.localTypes.length - 1;
  }

  temp32(): number {
    return this.#free32.pop() ?? this.newLocal(T_I32);
  }
  temp64(): number {
    return this.#free64.pop() ?? this.newLocal(T_I64);
  }
  free32(local: number): void {
    this.#free32.push(local);
  }
  free64(local: number): void {
    this.#free64.push(local);
  }

  reg(r: number): number {
    let local = this.regLocal[r];
    if (local < 0) {
      local = this.newLocal(T_I64);
      this.regLocal[r] = local;
    }
    return local;
  }

  /** The i32 local of a register. */
  reg32(r: number): number {
    let local = this.#regLocal32[r];
    if (local < 0) {
      local = this.newLocal(T_I32);
      this.#regLocal32[r] = local;
    }
    return local;
  }

  isNarrow(r: number): boolean {
    return ((this.narrow >>> r) & 1) !== 0;
  }

  isConst(r: number): boolean {
    return this.kind[r] === CONST;
  }

  /** Whether the upper half of `r` is known to be zero. */
  isZext(r: number): boolean {
    const k = this.kind[r];
    return k === CONST ? this.hi[r] === 0 : k === FRAME || ((this.zext >>> r) & 1) !== 0;
  }

  /** Pushes the address `base + offset` as i32. */
  pushFrame32(offset: number): void {
    const out = this.out;
    out.get(this.base);
    const at = this.frameSize + offset;
    if (at !== 0) {
      out.i32(at);
      out.byte(I32_ADD);
    }
  }

  /** Pushes all 64 bits of a register. */
  push64(r: number): void {
    const k = this.kind[r];
    if (k === CONST) this.out.i64(this.lo[r], this.hi[r]);
    else if (k === FRAME) {
      this.pushFrame32(this.lo[r]);
      this.out.byte(I64_EXTEND_I32_U);
    } else if (this.isNarrow(r)) {
      this.out.get(this.reg32(r));
      this.out.byte(I64_EXTEND_I32_U);
    } else this.out.get(this.reg(r));
  }

  /** Pushes the low 32 bits of a register. */
  push32(r: number): void {
    const k = this.kind[r];
    if (k === CONST) this.out.i32(this.lo[r]);
    else if (k === FRAME) this.pushFrame32(this.lo[r]);
    else if (this.isNarrow(r)) this.out.get(this.reg32(r));
    else {
      this.out.get(this.reg(r));
      this.out.byte(I32_WRAP_I64);
    }
  }

  /** Pops an i64 into a register. */
  set64(r: number, zext = false): void {
    if (this.narrowDef) {
      this.out.byte(I32_WRAP_I64);
      this.out.set(this.reg32(r));
    } else this.out.set(this.reg(r));
    this.#inLocal(r, zext);
  }

  /** Pops an i32 and puts it into a register, zero-extended. */
  set32(r: number): void {
    if (this.narrowDef) this.out.set(this.reg32(r));
    else {
      this.out.byte(I64_EXTEND_I32_U);
      this.out.set(this.reg(r));
    }
    this.#inLocal(r, true);
  }

  /** Pops an i32 that is the low half of a value whose upper half nobody asks for. */
  setLow(r: number): void {
    this.out.set(this.reg32(r));
    this.#inLocal(r, false);
  }

  #noteWidth(r: number): void {
    this.narrow = this.narrowDef ? this.narrow | (1 << r) : this.narrow & ~(1 << r);
  }

  /** Notes a constant without emitting anything. */
  setConst(r: number, lo: number, hi: number): void {
    this.kind[r] = CONST;
    this.lo[r] = lo;
    this.hi[r] = hi;
    this.dirty |= 1 << r;
    this.#noteWidth(r);
  }

  /** Notes that `r` is r10 plus an offset. */
  setFrame(r: number, offset: number): void {
    this.kind[r] = FRAME;
    this.lo[r] = offset;
    this.dirty |= 1 << r;
    this.#noteWidth(r);
  }

  /** Forgets what is known of a register whose value is now in its local. */
  #inLocal(r: number, zext: boolean): void {
    const bit = 1 << r;
    this.kind[r] = IN_LOCAL;
    this.dirty &= ~bit;
    this.zext = zext ? this.zext | bit : this.zext & ~bit;
    this.#noteWidth(r);
  }

  /** Writes pending values of the registers in `mask` to their locals; they stay known. */
  flush(mask: number): void {
    let todo = this.dirty & mask;
    this.dirty &= ~todo;
    for (let r = 0; todo !== 0; r++, todo >>>= 1) {
      if ((todo & 1) === 0) continue;
      if (this.isNarrow(r)) {
        this.push32(r);
        this.out.set(this.reg32(r));
      } else {
        this.push64(r);
        this.out.set(this.reg(r));
      }
    }
  }

  /**
   * Forgets what was known: control may come here from several places. Pending values of dead registers are lost.
   * @param narrow registers in i32 locals here
   * @param zext registers whose upper half is zero here
   */
  forget(narrow = 0, zext = 0): void {
    this.kind.fill(IN_LOCAL);
    this.kind[FP] = FRAME;
    this.lo[FP] = 0;
    this.dirty = 0;
    this.zext = zext;
    this.narrow = narrow;
    this.slots.clear();
  }

  /** After a call: r1 to r5 hold nothing. */
  clobber(): void {
    this.dirty &= ~0x3e;
    this.zext &= ~0x3e;
    for (let r = 1; r <= 5; r++) this.kind[r] = IN_LOCAL;
  }

  /**
   * Code at entry: takes the frame, and moves the stack pointer when somebody will look at it.
   * @param spParam parameter that holds the stack pointer, -1 when only the global does
   */
  enterFrame(spGlobal: number, push: boolean, spParam: number): void {
    const out = this.out;
    this.base = this.newLocal(T_I32);
    this.framed = push;
    if (spParam >= 0) out.get(spParam);
    else out.op(GLOBAL_GET, spGlobal);
    if (this.frameSize > 0) {
      out.i32(this.frameSize);
      out.byte(I32_SUB);
    }
    if (push) {
      out.tee(this.base);
      out.op(GLOBAL_SET, spGlobal);
    } else out.set(this.base);
  }

  /** Code before leaving: gives the frame back. */
  leaveFrame(spGlobal: number): void {
    if (!this.framed || this.frameSize === 0) return;
    this.pushFrame32(0);
    this.out.op(GLOBAL_SET, spGlobal);
  }
}
