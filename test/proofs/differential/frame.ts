/** What the generator knows while it writes one function: kinds of registers and slots, labels, protected places. */
import * as op from '../../../src/isa/opcodes.ts';
import type { Rng } from './rng.ts';

/** `val`: readable and writable memory of `room` bytes at the pointer; `none`: nothing to rely on. */
export type Kind = 'none' | 'num' | 'ctx' | 'val' | 'rdonly' | 'pkt' | 'end';
export interface Place {
  readonly kind: Kind;
  readonly room: number;
}
export const NONE: Place = { kind: 'none', room: 0 };
export const NUM: Place = { kind: 'num', room: 0 };

export interface Row {
  code: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** Label that off (jumps) or imm (calls, function pointers) leads to. */
  to?: Label;
}
export interface Label {
  at: number;
}

/** The whole program: rows of all functions in order. */
export class Code {
  readonly rows: Row[] = [];
  emit(code: number, dst = 0, src = 0, off = 0, imm = 0, to?: Label): void {
    this.rows.push({ code, dst, src, off, imm, ...(to ? { to } : {}) });
  }
  place(label: Label): void {
    label.at = this.rows.length;
  }
}

export interface Snapshot {
  readonly regs: Place[];
  readonly slots: Place[];
}

/** Slots from fp-8 downwards that the generator uses for single values; below them lie buffers. */
export const SLOTS = 8;
/** fp offset of a buffer of 64 bytes for keys, strings and variable offsets. */
export const BUFFER = -160;
export const BUFFER_SIZE = 64;

export class Frame {
  regs: Place[] = Array.from({ length: 10 }, () => NONE);
  slots: Place[] = Array.from({ length: SLOTS }, () => NONE);
  /** Where a path that gives up goes: r0 = 0; exit. */
  bail: Label = { at: -1 };
  /** Registers that must keep what they hold, and those that may only get numbers. */
  frozen = new Set<number>();
  numOnly = new Set<number>();
  frozenSlots = new Set<number>();
  loopDepth = 0;

  constructor(
    readonly code: Code,
    readonly rng: Rng,
    readonly callDepth: number,
  ) {}

  snapshot(): Snapshot {
    return { regs: this.regs.slice(), slots: this.slots.slice() };
  }
  restore(s: Snapshot): void {
    this.regs = s.regs.slice();
    this.slots = s.slots.slice();
  }
  /** Keeps what holds on both paths. */
  join(s: Snapshot): void {
    this.regs = this.regs.map((r, i) => meet(r, s.regs[i]));
    this.slots = this.slots.map((r, i) => meet(r, s.slots[i]));
  }

  /** Registers that hold this kind. */
  having(kind: Kind): number[] {
    return this.regs.flatMap((r, i) => (r.kind === kind ? [i] : []));
  }
  /** A register to write a value of this kind to, or -1. */
  free(kind: Kind, calleeSaved = false): number {
    const ok = this.regs.flatMap((r, i) => {
      if (this.frozen.has(i) || (kind !== 'num' && this.numOnly.has(i)) || (calleeSaved && i < 6)) return [];
      // Pointers are worth keeping.
      return r.kind === 'none' ? [i, i, i] : r.kind === 'num' ? [i] : this.rng.chance(8) ? [i] : [];
    });
    return ok.length === 0 ? -1 : this.rng.pick(ok);
  }
  set(reg: number, place: Place): void {
    this.regs[reg] = place;
  }
  /** After a call. */
  clobber(): void {
    for (let r = 0; r < 6; r++) this.regs[r] = NONE;
  }
  /** Packet pointers die with a call that changes packet data. */
  dropPackets(): void {
    const alive = (p: Place): Place => (p.kind === 'pkt' || p.kind === 'end' ? NONE : p);
    this.regs = this.regs.map(alive);
    this.slots = this.slots.map(alive);
  }

  // Shorthands.
  movImm(dst: number, imm: number): void {
    this.code.emit(op.BPF_ALU64 | op.BPF_MOV | op.BPF_K, dst, 0, 0, imm);
  }
  mov(dst: number, src: number): void {
    this.code.emit(op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, dst, src);
  }
  addImm(dst: number, imm: number): void {
    this.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_K, dst, 0, 0, imm);
  }
  add(dst: number, src: number): void {
    this.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_X, dst, src);
  }
  call(id: number): void {
    this.code.emit(op.BPF_JMP | op.BPF_CALL, 0, 0, 0, id);
  }
  jumpImm(cond: number, dst: number, imm: number, to: Label, wide = true): void {
    this.code.emit((wide ? op.BPF_JMP : op.BPF_JMP32) | cond | op.BPF_K, dst, 0, 0, imm, to);
  }
  jumpReg(cond: number, dst: number, src: number, to: Label, wide = true): void {
    this.code.emit((wide ? op.BPF_JMP : op.BPF_JMP32) | cond | op.BPF_X, dst, src, 0, 0, to);
  }
  jump(to: Label): void {
    this.code.emit(op.BPF_JMP | op.BPF_JA, 0, 0, 0, 0, to);
  }
  exit(): void {
    this.code.emit(op.BPF_JMP | op.BPF_EXIT);
  }
  load(size: number, dst: number, src: number, off: number, signed = false): void {
    this.code.emit(op.BPF_LDX | size | (signed ? op.BPF_MEMSX : op.BPF_MEM), dst, src, off);
  }
  store(size: number, dst: number, off: number, src: number): void {
    this.code.emit(op.BPF_STX | size | op.BPF_MEM, dst, src, off);
  }
  storeImm(size: number, dst: number, off: number, imm: number): void {
    this.code.emit(op.BPF_ST | size | op.BPF_MEM, dst, 0, off, imm);
  }
}

function meet(a: Place, b: Place): Place {
  if (a.kind !== b.kind) return NONE;
  return a.room <= b.room ? a : b;
}
