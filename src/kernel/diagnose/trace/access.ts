/** The memory access that an instruction makes. */
import { BPF_LDX, BPF_ST, BPF_STX, bpfClass, bpfSizeBytes } from '../../../isa/opcodes.ts';
import type { Insns } from '../../../isa/insn.ts';

export interface InsnAccess {
  readonly regno: number;
  readonly off: number;
  readonly size: number;
  readonly write: boolean;
}

/** Undefined for instructions that are no load or store. */
export function accessOf(insns: Insns, i: number): InsnAccess | undefined {
  const code = insns.code[i];
  const cls = bpfClass(code);
  if (cls !== BPF_LDX && cls !== BPF_ST && cls !== BPF_STX) return undefined;
  const write = cls !== BPF_LDX;
  const regno = write ? insns.dst[i] : insns.src[i];
  return { regno, off: insns.off[i], size: bpfSizeBytes(code), write };
}
