/** Instruction columns from and to their 8-byte encoding, in either byte order. */
import { Insns } from '../isa/insn.ts';

/** Reads `bytes` (a multiple of 8) as instructions. In big-endian objects the register nibbles are swapped too. */
export function readInsns(bytes: Uint8Array, littleEndian: boolean): Insns {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Insns(bytes.length >>> 3);
  for (let i = 0; i < out.length; i++) {
    const at = i * 8;
    const regs = bytes[at + 1];
    out.code[i] = bytes[at];
    out.dst[i] = littleEndian ? regs & 15 : regs >>> 4;
    out.src[i] = littleEndian ? regs >>> 4 : regs & 15;
    out.off[i] = view.getInt16(at + 2, littleEndian);
    out.imm[i] = view.getInt32(at + 4, littleEndian);
  }
  return out;
}

/** The instructions as the kernel takes them: little-endian. */
export function writeInsns(insns: Insns): Uint8Array {
  const out = new Uint8Array(insns.length * 8);
  const view = new DataView(out.buffer);
  for (let i = 0; i < insns.length; i++) {
    const at = i * 8;
    out[at] = insns.code[i];
    out[at + 1] = insns.dst[i] | (insns.src[i] << 4);
    view.setInt16(at + 2, insns.off[i], true);
    view.setInt32(at + 4, insns.imm[i], true);
  }
  return out;
}
