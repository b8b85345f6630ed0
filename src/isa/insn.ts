/** Instructions in memory: columns over a program, and one row of it (struct bpf_insn). */

/** One instruction slot: the fields of struct bpf_insn. `off` is signed 16-bit, `imm` signed 32-bit. */
export interface Insn {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

/** Bytes of the columns of so many instructions, up to the next that may follow. */
export const bytesOfInsns = (length: number): number => (length * 9 + 3) & ~3;

/** A program as columns of instruction slots; ld_imm64 takes two slots as it does in the kernel. */
export class Insns {
  readonly code: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly off: Int16Array;
  readonly imm: Int32Array;

  /** @param room where the columns lie from `at` on, a multiple of 4: {@link bytesOfInsns} of it */
  constructor(
    readonly length: number,
    room = new ArrayBuffer(length * 9),
    at = 0,
  ) {
    // One buffer: each costs more than the columns of a small program.
    this.imm = new Int32Array(room, at, length);
    this.off = new Int16Array(room, at + length * 4, length);
    this.code = new Uint8Array(room, at + length * 6, length);
    this.dst = new Uint8Array(room, at + length * 7, length);
    this.src = new Uint8Array(room, at + length * 8, length);
  }

  static from(rows: readonly Insn[]): Insns {
    const out = new Insns(rows.length);
    for (let i = 0; i < rows.length; i++) out.set(i, rows[i]);
    return out;
  }

  get(i: number): Insn {
    return { code: this.code[i], dst: this.dst[i], src: this.src[i], off: this.off[i], imm: this.imm[i] };
  }

  set(i: number, insn: Insn): void {
    this.code[i] = insn.code;
    this.dst[i] = insn.dst;
    this.src[i] = insn.src;
    this.off[i] = insn.off;
    this.imm[i] = insn.imm;
  }

  /** A copy of slots `start` (inclusive) to `end` (exclusive). */
  slice(start = 0, end = this.length): Insns {
    const out = new Insns(end - start);
    out.code.set(this.code.subarray(start, end));
    out.dst.set(this.dst.subarray(start, end));
    out.src.set(this.src.subarray(start, end));
    out.off.set(this.off.subarray(start, end));
    out.imm.set(this.imm.subarray(start, end));
    return out;
  }

  /** Copies `other` over the slots that begin at `at`. */
  paste(at: number, other: Insns): void {
    this.code.set(other.code, at);
    this.dst.set(other.dst, at);
    this.src.set(other.src, at);
    this.off.set(other.off, at);
    this.imm.set(other.imm, at);
  }
}
