/** How a context field is found in kernel structs, as data, and the writer of the instructions that do it. */
import type { Insn } from '../../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_B,
  BPF_DW,
  BPF_H,
  BPF_JMP,
  BPF_K,
  BPF_LDX,
  BPF_MEM,
  BPF_STX,
  BPF_W,
  BPF_X,
} from '../../../isa/opcodes.ts';

/** Where a member lies: byte offset from the struct's start and its size. Anonymous members count as their parent's. */
export type Layout = (struct: string, path: readonly string[]) => { readonly offset: number; readonly size: number };

/** `struct.member.member`. */
export type Place = string;

export interface ConvertRow {
  /** Pointers to follow from the context; the last is the value. */
  readonly chain: readonly Place[];
  /** Size of the value where the member's own does not say it (markers, arrays). */
  readonly size?: 1 | 2 | 4 | 8;
  /** A buffer in which the last place lies: its offset is added. */
  readonly inside?: Place;
  /** Bytes behind the last member. */
  readonly plus?: number;
  /** The field is an array: its element's distance is added to the value's offset. */
  readonly indexed?: boolean;
  /** The value is read and written with the access's own size. */
  readonly asAccess?: boolean;
  /** A null pointer as the first one yields 0 and ends the chain. */
  readonly nullable?: boolean;
  /** Applied to the loaded value. */
  readonly adjust?: readonly (readonly [op: 'and32' | 'lsh32', imm: number])[];
  /** Bytes that a narrower access is cut from; the value's size when left out. */
  readonly target?: number;
  /** Where a register can be parked when a store has to follow pointers. */
  readonly temp?: Place;
  /** A sequence of its own, by name (ctx-special). */
  readonly special?: string;
}
export type ConvertTable = Readonly<Record<string, ConvertRow>>;

/** BPF_REG_AX: a register that programs do not see. */
export const AX = 11;

const SIZE_BITS: Readonly<Record<number, number>> = { 1: BPF_B, 2: BPF_H, 4: BPF_W, 8: BPF_DW };
const SIZE_OF: Readonly<Record<number, number>> = { [BPF_B]: 1, [BPF_H]: 2, [BPF_W]: 4, [BPF_DW]: 8 };

/** Bytes that a load or store moves. */
export function accessSize(code: number): number {
  return SIZE_OF[code & 0x18];
}

/** Writes replacement instructions. */
export class CtxWriter {
  readonly insns: Insn[] = [];
  constructor(readonly layout: Layout) {}

  place(p: Place): { readonly offset: number; readonly size: number } {
    const [struct, ...path] = p.split('.');
    return this.layout(struct, path);
  }

  put(code: number, dst: number, src: number, off: number, imm: number): void {
    this.insns.push({ code, dst, src, off, imm });
  }

  ldx(size: number, dst: number, src: number, off: number): void {
    this.put(BPF_LDX | BPF_MEM | SIZE_BITS[size], dst, src, off, 0);
  }

  /** Loads a member by its own size (a pointer: 8). */
  load(dst: number, src: number, p: Place, size?: number): void {
    const at = this.place(p);
    this.ldx(size ?? at.size, dst, src, at.offset);
  }

  stx(size: number, dst: number, src: number, off: number): void {
    this.put(BPF_STX | BPF_MEM | SIZE_BITS[size], dst, src, off, 0);
  }

  /** The program's own store, immediate or register, moved to another base, offset and size. */
  store(insn: Insn, size: number, base: number, off: number): void {
    this.put((insn.code & ~0x18) | SIZE_BITS[size], base, insn.src, off, insn.imm);
  }

  jmpImm(op: number, dst: number, imm: number, off: number): void {
    this.put(BPF_JMP | op | BPF_K, dst, 0, off, imm);
  }

  ja(off: number): void {
    this.put(BPF_JMP, 0, 0, off, 0);
  }

  alu64(op: number, dst: number, src: number): void {
    this.put(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
  }

  alu64Imm(op: number, dst: number, imm: number): void {
    this.put(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
  }

  alu32Imm(op: number, dst: number, imm: number): void {
    this.put(BPF_ALU | op | BPF_K, dst, 0, 0, imm);
  }
}
