/** What runs before a program that writes packet bytes in place: a shared sk_buff gets data of its own (gen_prologue). */
import type { Insn } from '../../../isa/insn.ts';
import {
  BPF_ALU64,
  BPF_AND,
  BPF_CALL,
  BPF_EXIT,
  BPF_JEQ,
  BPF_JMP,
  BPF_MOV,
  BPF_X,
  BPF_XOR,
} from '../../../isa/opcodes.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { BPF_PROG_TYPE as P } from '../../../uapi/prog-types.ts';
import { CtxWriter, type Layout } from './ctx-row.ts';

const CLONED_MASK = 1;
const TC_ACT_SHOT = 2;
const SK_DROP = 0;
const BPF_DROP = 2;

/** The verdict when no private copy could be made. */
const DROP_VERDICT: Readonly<Record<number, number>> = {
  [P.BPF_PROG_TYPE_SCHED_CLS]: TC_ACT_SHOT,
  [P.BPF_PROG_TYPE_SCHED_ACT]: TC_ACT_SHOT,
  [P.BPF_PROG_TYPE_LWT_XMIT]: BPF_DROP,
  [P.BPF_PROG_TYPE_SK_SKB]: SK_DROP,
};

/** Instructions to put before the first one; none when the type needs none or nothing is written. */
export function genPrologue(progType: number, seenDirectWrite: boolean, layout: Layout): Insn[] {
  const verdict = DROP_VERDICT[progType];
  if (!seenDirectWrite || verdict === undefined) return [];
  const w = new CtxWriter(layout);
  w.ldx(1, 6, 1, w.place('sk_buff.__cloned_offset').offset);
  w.alu32Imm(BPF_AND, 6, CLONED_MASK);
  w.jmpImm(BPF_JEQ, 6, 0, 7);
  w.alu64(BPF_MOV, 6, 1);
  w.put(BPF_ALU64 | BPF_XOR | BPF_X, 2, 2, 0, 0);
  w.put(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC.BPF_FUNC_skb_pull_data);
  w.jmpImm(BPF_JEQ, 0, 0, 2);
  w.alu32Imm(BPF_MOV, 0, verdict);
  w.put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  w.alu64(BPF_MOV, 1, 6);
  return w.insns;
}
