/** Bytes to instruction columns (RFC 9669 section 3.1, both byte orders). */
import { FormatError } from '../util/errors.ts';
import { Insns } from './insn.ts';

/**
 * Reads instructions of 8 bytes each. Big-endian programs also swap the two register nibbles.
 * Field values are not judged here; validateInsns does that. `make` gives the room for so many.
 */
export function decodeInsns(bytes: Uint8Array, littleEndian = true, make = (n: number) => new Insns(n)): Insns {
  if (bytes.length % 8 !== 0) {
    const at = bytes.length - (bytes.length % 8);
    throw new FormatError('BPF', at, `${bytes.length % 8} trailing bytes, instructions are 8 bytes each`);
  }
  const n = bytes.length / 8;
  const out = make(n);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0, p = 0; i < n; i++, p += 8) {
    const regs = bytes[p + 1];
    out.code[i] = bytes[p];
    out.dst[i] = littleEndian ? regs & 15 : regs >> 4;
    out.src[i] = littleEndian ? regs >> 4 : regs & 15;
    out.off[i] = view.getInt16(p + 2, littleEndian);
    out.imm[i] = view.getInt32(p + 4, littleEndian);
  }
  return out;
}
