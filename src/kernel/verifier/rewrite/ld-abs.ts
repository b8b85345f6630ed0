/** LD_ABS and LD_IND become calls that load from the packet, network byte order, or leave the program with 0 (bpf_gen_ld_abs). */
import type { Insn } from '../../../isa/insn.ts';
import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_B,
  BPF_CALL,
  BPF_EXIT,
  BPF_H,
  BPF_IND,
  BPF_JMP,
  BPF_JSGE,
  BPF_K,
  BPF_MOV,
  BPF_X,
  BPF_XOR,
} from '../../../isa/opcodes.ts';
import { INTERNAL_HELPER } from '../../rules/internal-helpers.ts';

/** The register that holds the sk_buff of these instructions. */
const CTX_REG = 6;

/** The replacement of one LD_ABS or LD_IND instruction. */
export function genLdAbs(insn: Insn): Insn[] {
  const size = insn.code & 0x18;
  const helper =
    size === BPF_B
      ? INTERNAL_HELPER.skb_load_helper_8
      : size === BPF_H
        ? INTERNAL_HELPER.skb_load_helper_16
        : INTERNAL_HELPER.skb_load_helper_32;
  const out: Insn[] = [];
  const put = (code: number, dst: number, src: number, off: number, imm: number) =>
    out.push({ code, dst, src, off, imm });
  if ((insn.code & 0xe0) === BPF_IND) {
    put(BPF_ALU64 | BPF_MOV | BPF_X, 2, insn.src, 0, 0);
    if (insn.imm !== 0) put(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, insn.imm);
  } else {
    put(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, insn.imm);
  }
  put(BPF_ALU64 | BPF_MOV | BPF_X, 1, CTX_REG, 0, 0);
  put(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
  put(BPF_JMP | BPF_JSGE | BPF_K, 0, 0, 2, 0);
  put(BPF_ALU | BPF_XOR | BPF_X, 0, 0, 0, 0);
  put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  return out;
}
