/** Instruction columns to bytes (RFC 9669 section 3.1, both byte orders). */
import type { Insns } from './insn.ts';

/** Writes instructions of 8 bytes each; the inverse of decodeInsns. */
export function encodeInsns(insns: Insns, littleEndian = true): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(insns.length * 8);
  const view = new DataView(out.buffer);
  for (let i = 0, p = 0; i < insns.length; i++, p += 8) {
    const dst = insns.dst[i] & 15;
    const src = insns.src[i] & 15;
    out[p] = insns.code[i];
    out[p + 1] = littleEndian ? dst | (src << 4) : src | (dst << 4);
    view.setInt16(p + 2, insns.off[i], littleEndian);
    view.setInt32(p + 4, insns.imm[i], littleEndian);
  }
  return out;
}
