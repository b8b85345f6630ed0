/** Context fields whose replacement is more than following pointers. Each writes its instructions and returns the size it loads. */
import type { Insn } from '../../../isa/insn.ts';
import {
  BPF_ADD,
  BPF_AND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_K,
  BPF_MOV,
  BPF_ST,
  BPF_SUB,
} from '../../../isa/opcodes.ts';
import { AX, type ConvertRow, type CtxWriter } from './ctx-row.ts';

export type Special = (w: CtxWriter, insn: Insn, row: ConvertRow, write: boolean) => number;

const USHRT_MAX = 0xffff;
const MIN_NAPI_ID = 257;
const TC_AT_INGRESS_MASK = 4;
const TSTAMP_TYPE_MASK = 3;

/** A register for the store's pointer that the store does not use. */
export function spareReg(insn: Insn): number {
  let reg = 9;
  if (insn.src === reg || insn.dst === reg) reg--;
  if (insn.src === reg || insn.dst === reg) reg--;
  return reg;
}

/** 0xffff and more would read as "no queue": such a store does nothing. */
const queueMapping: Special = (w, insn, row, write) => {
  const at = w.place(row.chain[0]);
  if (!write) {
    w.ldx(at.size, insn.dst, insn.src, at.offset);
    return at.size;
  }
  if ((insn.code & 7) === BPF_ST) {
    if (insn.imm >= USHRT_MAX) {
      w.ja(0);
      return at.size;
    }
  } else {
    w.jmpImm(BPF_JGE, insn.src, USHRT_MAX, 1);
  }
  w.store(insn, at.size, insn.dst, at.offset);
  return at.size;
};

const vlanPresent: Special = (w, insn, row) => {
  const at = w.place(row.chain[0]);
  w.ldx(4, insn.dst, insn.src, at.offset);
  w.jmpImm(BPF_JEQ, insn.dst, 0, 1);
  w.alu32Imm(BPF_MOV, insn.dst, 1);
  return 4;
};

/** Ids below the first real one are of senders, not of NAPI. */
const napiId: Special = (w, insn, row) => {
  w.load(insn.dst, insn.src, row.chain[0]);
  w.jmpImm(BPF_JGE, insn.dst, MIN_NAPI_ID, 1);
  w.alu64Imm(BPF_MOV, insn.dst, 0);
  return 4;
};

/** At ingress, a delivery time reads as 0 and a store makes the time a receive time, unless the program asked for its type. */
const tstamp: Special = (w, insn, row, write) => {
  const type = w.place('sk_buff.__mono_tc_offset').offset;
  const at = w.place(row.chain[0]);
  if (!write) {
    w.ldx(1, AX, insn.src, type);
    w.put(BPF_JMP32 | BPF_JSET | BPF_K, AX, 0, 1, TC_AT_INGRESS_MASK);
    w.ja(4);
    w.put(BPF_JMP32 | BPF_JSET | BPF_K, AX, 0, 1, TSTAMP_TYPE_MASK);
    w.ja(2);
    w.alu64Imm(BPF_MOV, insn.dst, 0);
    w.ja(1);
    w.ldx(8, insn.dst, insn.src, at.offset);
    return 8;
  }
  w.ldx(1, AX, insn.dst, type);
  w.put(BPF_JMP32 | BPF_JSET | BPF_K, AX, 0, 1, TC_AT_INGRESS_MASK);
  w.ja(2);
  w.alu32Imm(BPF_AND, AX, ~TSTAMP_TYPE_MASK);
  w.stx(1, insn.dst, AX, type);
  w.store(insn, 8, insn.dst, at.offset);
  return 8;
};

/** The same field as it reads for a program that knows tstamp_type. */
const tstampRaw: Special = (w, insn, row, write) => {
  const at = w.place(row.chain[0]);
  if (write) w.store(insn, 8, insn.dst, at.offset);
  else w.ldx(8, insn.dst, insn.src, at.offset);
  return 8;
};

/** struct skb_shared_info lies at skb->head + skb->end. */
function loadShinfo(w: CtxWriter, dst: number, skb: number): void {
  w.load(AX, skb, 'sk_buff.end');
  w.load(dst, skb, 'sk_buff.head');
  w.alu64(BPF_ADD, dst, AX);
}

const shinfo: Special = (w, insn, row) => {
  loadShinfo(w, insn.dst, insn.src);
  const at = w.place(row.chain[0]);
  w.ldx(at.size, insn.dst, insn.dst, at.offset);
  return at.size;
};

/** skb->data + skb_headlen(skb), computed in a spare register when source and destination are the same. */
const skSkbDataEnd: Special = (w, insn) => {
  const same = insn.src === insn.dst;
  const temp = w.place('sk_buff.cb').offset + w.place('sk_skb_cb.temp_reg').offset;
  const reg = same ? spareReg(insn) : insn.dst;
  if (same) w.stx(8, insn.src, reg, temp);
  w.load(reg, insn.src, 'sk_buff.data');
  w.load(AX, insn.src, 'sk_buff.len');
  w.alu64(BPF_ADD, reg, AX);
  w.load(AX, insn.src, 'sk_buff.data_len');
  w.alu64(BPF_SUB, reg, AX);
  if (same) {
    w.alu64(BPF_MOV, AX, insn.src);
    w.alu64(BPF_MOV, insn.dst, reg);
    w.ldx(8, reg, AX, temp);
  }
  return 8;
};

const NO_QUEUE_MAPPING = USHRT_MAX;
const rxQueueMapping: Special = (w, insn, row) => {
  const at = w.place(row.chain[0]);
  w.ldx(at.size, insn.dst, insn.src, at.offset);
  w.jmpImm(BPF_JNE, insn.dst, NO_QUEUE_MAPPING, 1);
  w.alu64Imm(BPF_MOV, insn.dst, -1);
  return at.size;
};

/** The low half of a loff_t behind a pointer. */
const sysctlFilePos: Special = (w, insn, row, write) => {
  if (!write) {
    w.load(insn.dst, insn.src, row.chain[0]);
    w.ldx(4, insn.dst, insn.dst, 0);
    return 4;
  }
  const reg = spareReg(insn);
  const temp = w.place('bpf_sysctl_kern.tmp_reg').offset;
  w.stx(8, insn.dst, reg, temp);
  w.load(reg, insn.dst, row.chain[0]);
  w.store(insn, 4, reg, 0);
  w.ldx(8, reg, insn.dst, temp);
  return 4;
};

const zero: Special = (w, insn, row) => {
  w.alu32Imm(BPF_MOV, insn.dst, 0);
  return row.target ?? 4;
};

const OPS_TEMP = 'bpf_sock_ops_kern.temp';

/** A pointer of sock_ops that counts only while `flag` is set; `rest` continues from it. */
function sockOpsGuarded(
  w: CtxWriter,
  insn: Insn,
  flag: string,
  sk: string,
  value?: { offset: number; size: number },
): void {
  const same = insn.src === insn.dst;
  const temp = w.place(OPS_TEMP).offset;
  const reg = same ? spareReg(insn) : insn.dst;
  const steps = value === undefined ? 1 : 2;
  if (same) w.stx(8, insn.src, reg, temp);
  w.load(reg, insn.src, flag);
  w.jmpImm(BPF_JEQ, reg, 0, same ? steps + 2 : steps);
  if (same) w.ldx(8, reg, insn.src, temp);
  w.load(insn.dst, insn.src, sk);
  if (value !== undefined) w.ldx(value.size, insn.dst, insn.dst, value.offset);
  if (same) {
    w.ja(2);
    w.ldx(8, reg, insn.src, temp);
    w.alu64Imm(BPF_MOV, insn.dst, 0);
  }
}

const sockOpsTcp: Special = (w, insn, row, write) => {
  const [sk, member] = row.chain;
  const at = w.place(member);
  if (!write) {
    sockOpsGuarded(w, insn, 'bpf_sock_ops_kern.is_locked_tcp_sock', sk, at);
    return at.size;
  }
  const reg = spareReg(insn);
  const temp = w.place(OPS_TEMP).offset;
  w.stx(8, insn.dst, reg, temp);
  w.load(reg, insn.dst, 'bpf_sock_ops_kern.is_locked_tcp_sock');
  w.jmpImm(BPF_JEQ, reg, 0, 2);
  w.load(reg, insn.dst, sk);
  w.store(insn, at.size, reg, at.offset);
  w.ldx(8, reg, insn.dst, temp);
  return at.size;
};

const sockOpsSk: Special = (w, insn, row) => {
  sockOpsGuarded(w, insn, 'bpf_sock_ops_kern.is_fullsock', row.chain[0]);
  return 8;
};

const sockOpsShinfo: Special = (w, insn, row) => {
  const at = w.place(row.chain[1]);
  w.load(insn.dst, insn.src, row.chain[0]);
  w.jmpImm(BPF_JEQ, insn.dst, 0, 4);
  loadShinfo(w, insn.dst, insn.dst);
  w.ldx(at.size, insn.dst, insn.dst, at.offset);
  return at.size;
};

export const SPECIALS: Readonly<Record<string, Special>> = {
  queue_mapping: queueMapping,
  vlan_present: vlanPresent,
  napi_id: napiId,
  tstamp,
  tstamp_raw: tstampRaw,
  shinfo,
  sk_skb_data_end: skSkbDataEnd,
  rx_queue_mapping: rxQueueMapping,
  sysctl_file_pos: sysctlFilePos,
  zero,
  sock_ops_tcp: sockOpsTcp,
  sock_ops_sk: sockOpsSk,
  sock_ops_shinfo: sockOpsShinfo,
};
