/** Rewritten instructions as user space sees them: guest addresses become map ids again (bpf_insn_prepare_dump). */
import { encodeInsns } from '../../../isa/encode.ts';
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE } from '../../../isa/opcodes.ts';
import type { VerifiedProgram } from '../../verifier/result.ts';

const LD_IMM64 = 0x18;

/** The 8-byte encoding of the rewritten program; ld_imm64 of a map names its id, of a map value id and offset. */
export function dumpXlated(program: VerifiedProgram): Uint8Array {
  const insns = program.insns.slice();
  for (let i = 0; i + 1 < insns.length; i++) {
    if (insns.code[i] !== LD_IMM64) continue;
    const map = program.usedMaps[program.mapIndex[i]];
    if (map !== undefined) {
      const addr = insns.imm[i] >>> 0;
      const value = addr !== map.addr;
      insns.src[i] = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
      insns.imm[i] = map.id;
      insns.imm[i + 1] = value ? addr - map.valuesAddr : 0;
    }
    i++;
  }
  return encodeInsns(insns);
}
