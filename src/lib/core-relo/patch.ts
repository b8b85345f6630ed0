/** Writing a relocation's value into an instruction, or poisoning the instruction. */
import type { Insns } from '../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_B,
  BPF_CALL,
  BPF_DW,
  BPF_H,
  BPF_IMM,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_ST,
  BPF_STX,
  BPF_W,
  bpfClass,
  bpfSizeBytes,
  bpfSrc,
} from '../../isa/opcodes.ts';

/** Helper number of poisoned instructions, which no kernel has: 0xbad2310, "bad relo". */
export const BAD_RELO = 195896080;

export interface Patch {
  /** Undefined poisons the instruction. */
  readonly value: bigint | undefined;
  readonly localValue: bigint;
  readonly validate: boolean;
  /** New and old width in bytes of the field; 0 when the width does not matter. */
  readonly size: number;
  readonly localSize: number;
  /** The widths differ, but not between unsigned integers or pointers. */
  readonly sizeUnfit: boolean;
}

const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;

function poison(insns: Insns, i: number): void {
  const wide = insns.code[i] === LD_IMM64 && i + 1 < insns.length;
  for (let k = i; k <= (wide ? i + 1 : i); k++)
    insns.set(k, { code: BPF_JMP | BPF_CALL, dst: 0, src: 0, off: 0, imm: BAD_RELO });
}

export const isPoisoned = (insns: Insns, i: number): boolean =>
  insns.code[i] === (BPF_JMP | BPF_CALL) && insns.src[i] === 0 && insns.imm[i] === BAD_RELO;

/** Changes instruction `i`; returns why it cannot be, or undefined. */
export function patchInsn(insns: Insns, i: number, p: Patch): string | undefined {
  if (i < 0 || i >= insns.length) return `instruction ${i} does not exist`;
  if (p.value === undefined) {
    poison(insns, i);
    return undefined;
  }
  const code = insns.code[i];
  switch (bpfClass(code)) {
    case BPF_ALU:
    case BPF_ALU64:
      if (bpfSrc(code) !== BPF_K) return 'an operation with an immediate was expected';
      if (p.validate && insns.imm[i] !== Number(BigInt.asIntN(32, p.localValue)))
        return `immediate ${insns.imm[i]} found, ${p.localValue} expected`;
      insns.imm[i] = Number(BigInt.asIntN(32, p.value));
      return undefined;
    case BPF_LDX:
    case BPF_ST:
    case BPF_STX:
      return patchAccess(insns, i, p);
    case BPF_LD: {
      if (code !== LD_IMM64 || insns.src[i] !== 0 || i + 1 >= insns.length || insns.code[i + 1] !== 0)
        return 'ld_imm64 of a constant was expected';
      const held = (BigInt(insns.imm[i + 1]) << 32n) | BigInt(insns.imm[i] >>> 0);
      if (p.validate && BigInt.asUintN(64, held) !== BigInt.asUintN(64, p.localValue))
        return `constant ${held} found, ${p.localValue} expected`;
      insns.imm[i] = Number(BigInt.asIntN(32, p.value));
      insns.imm[i + 1] = Number(BigInt.asIntN(32, p.value >> 32n));
      return undefined;
    }
    default:
      return `opcode 0x${code.toString(16)} takes no relocation`;
  }
}

function patchAccess(insns: Insns, i: number, p: Patch): string | undefined {
  const value = Number(p.value);
  if (p.validate && BigInt(insns.off[i]) !== p.localValue)
    return `offset ${insns.off[i]} found, ${p.localValue} expected`;
  if (value > 0x7fff) return `offset ${value} does not fit into 16 bits`;
  if (p.sizeUnfit) {
    poison(insns, i);
    return undefined;
  }
  insns.off[i] = value;
  if (p.size !== p.localSize) {
    if (bpfSizeBytes(insns.code[i]) !== p.localSize)
      return `access of ${bpfSizeBytes(insns.code[i])} bytes found, ${p.localSize} expected`;
    const size = sizeBits(p.size);
    if (size === undefined) return `a field of ${p.size} bytes cannot be accessed at once`;
    insns.code[i] = (insns.code[i] & ~0x18) | size;
  }
  return undefined;
}

function sizeBits(bytes: number): number | undefined {
  return bytes === 1 ? BPF_B : bytes === 2 ? BPF_H : bytes === 4 ? BPF_W : bytes === 8 ? BPF_DW : undefined;
}
