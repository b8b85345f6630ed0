/** Context accesses become accesses to kernel structs at the target BTF's offsets (convert_ctx_accesses, for one instruction). */
import type { Insn } from '../../../isa/insn.ts';
import {
  BPF_ALU64,
  BPF_AND,
  BPF_B,
  BPF_DW,
  BPF_H,
  BPF_JEQ,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_RSH,
  BPF_W,
  BPF_X,
} from '../../../isa/opcodes.ts';
import { BPF_PROG_TYPE as P } from '../../../uapi/prog-types.ts';
import {
  BPF_SOCK,
  BPF_SOCK_ADDR,
  BPF_SOCK_OPS,
  BPF_SK_LOOKUP,
  BPF_TCP_SOCK,
  BPF_XDP_SOCK,
  SK_MSG_MD,
  SK_REUSEPORT_MD,
  XDP_MD,
} from '../../rules/rows/ctx/net.ts';
import type { CtxStruct } from '../../rules/rows/ctx/row.ts';
import { SK_BUFF } from '../../rules/rows/ctx/sk-buff.ts';
import { BPF_PERF_EVENT_DATA, BPF_SOCKOPT, BPF_SYSCTL } from '../../rules/rows/ctx/system.ts';
import type { ProgQuery } from '../../rules/prog-type.ts';
import {
  baseType,
  PTR_TO_CTX,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from '../../rules/reg-types.ts';
import { PERF_EVENT_ROWS, SOCKOPT_ROWS, SYSCTL_ROWS, XDP_ROWS } from './ctx-misc.ts';
import { accessSize, type ConvertRow, type ConvertTable, CtxWriter, type Layout } from './ctx-row.ts';
import { FLOW_DISSECTOR_ROWS, SK_SKB_ROWS, SKB_ROWS, TC_ROWS } from './ctx-skb.ts';
import {
  SK_LOOKUP_ROWS,
  SK_MSG_ROWS,
  SK_REUSEPORT_ROWS,
  SOCK_ADDR_ROWS,
  SOCK_OPS_ROWS,
  SOCK_ROWS,
  TCP_SOCK_ROWS,
  XDP_SOCK_ROWS,
} from './ctx-sock.ts';
import { SPECIALS, spareReg } from './ctx-special.ts';

export type { Layout } from './ctx-row.ts';

/** A context struct and where its fields lie in the kernel. */
export interface Conversion {
  readonly struct: CtxStruct;
  readonly rows: ConvertTable;
}

const SKB: Conversion = { struct: SK_BUFF, rows: SKB_ROWS };
const TC: Conversion = { struct: SK_BUFF, rows: TC_ROWS };

/** convert_ctx_access of each program type; types that are not here pass their context as it is. */
const BY_PROG: Readonly<Record<number, Conversion>> = {
  [P.BPF_PROG_TYPE_SOCKET_FILTER]: SKB,
  [P.BPF_PROG_TYPE_SCHED_CLS]: TC,
  [P.BPF_PROG_TYPE_SCHED_ACT]: TC,
  [P.BPF_PROG_TYPE_CGROUP_SKB]: SKB,
  [P.BPF_PROG_TYPE_LWT_IN]: SKB,
  [P.BPF_PROG_TYPE_LWT_OUT]: SKB,
  [P.BPF_PROG_TYPE_LWT_XMIT]: SKB,
  [P.BPF_PROG_TYPE_LWT_SEG6LOCAL]: SKB,
  [P.BPF_PROG_TYPE_SK_SKB]: { struct: SK_BUFF, rows: SK_SKB_ROWS },
  [P.BPF_PROG_TYPE_FLOW_DISSECTOR]: { struct: SK_BUFF, rows: FLOW_DISSECTOR_ROWS },
  [P.BPF_PROG_TYPE_XDP]: { struct: XDP_MD, rows: XDP_ROWS },
  [P.BPF_PROG_TYPE_PERF_EVENT]: { struct: BPF_PERF_EVENT_DATA, rows: PERF_EVENT_ROWS },
  [P.BPF_PROG_TYPE_CGROUP_SOCK]: { struct: BPF_SOCK, rows: SOCK_ROWS },
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: { struct: BPF_SOCK_ADDR, rows: SOCK_ADDR_ROWS },
  [P.BPF_PROG_TYPE_SOCK_OPS]: { struct: BPF_SOCK_OPS, rows: SOCK_OPS_ROWS },
  [P.BPF_PROG_TYPE_SK_MSG]: { struct: SK_MSG_MD, rows: SK_MSG_ROWS },
  [P.BPF_PROG_TYPE_SK_REUSEPORT]: { struct: SK_REUSEPORT_MD, rows: SK_REUSEPORT_ROWS },
  [P.BPF_PROG_TYPE_SK_LOOKUP]: { struct: BPF_SK_LOOKUP, rows: SK_LOOKUP_ROWS },
  [P.BPF_PROG_TYPE_CGROUP_SYSCTL]: { struct: BPF_SYSCTL, rows: SYSCTL_ROWS },
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT]: { struct: BPF_SOCKOPT, rows: SOCKOPT_ROWS },
};

/** Conversions of pointers that are not the context, by register type. */
const BY_POINTER: Readonly<Record<number, Conversion>> = {
  [PTR_TO_SOCKET]: { struct: BPF_SOCK, rows: SOCK_ROWS },
  [PTR_TO_SOCK_COMMON]: { struct: BPF_SOCK, rows: SOCK_ROWS },
  [PTR_TO_TCP_SOCK]: { struct: BPF_TCP_SOCK, rows: TCP_SOCK_ROWS },
  [PTR_TO_XDP_SOCK]: { struct: BPF_XDP_SOCK, rows: XDP_SOCK_ROWS },
};

/** How the context of a program type is converted; undefined when it is passed as it is. */
export const ctxConversion = (progType: number): Conversion | undefined => BY_PROG[progType];

/** How accesses through this kind of pointer are rewritten; undefined when they stay as they are. */
export function conversionOf(ptrType: number, q: ProgQuery): Conversion | undefined {
  return baseType(ptrType) === PTR_TO_CTX ? BY_PROG[q.progType] : BY_POINTER[baseType(ptrType)];
}

export interface ConvertOptions {
  /** The program reads or writes skb->tstamp_type, so that tstamp is plain (prog->tstamp_type_access). */
  readonly tstampTypeAccess?: boolean;
}

/**
 * The replacement of one load or store through a context or socket pointer.
 * @param fieldSize aux.ctxFieldSize: the width of the field that a narrower load belongs to, 0 when the access is taken as it is.
 * @returns the new instructions, or `[]` when no field lies there (a verifier bug by then).
 */
export function convertAccess(
  conv: Conversion,
  insn: Insn,
  fieldSize: number,
  layout: Layout,
  options: ConvertOptions = {},
): Insn[] {
  const write = (insn.code & 7) !== BPF_LDX;
  const size = accessSize(insn.code);
  const narrow = !write && fieldSize > size;
  // A narrower load reads its whole field first.
  const access: Insn = narrow
    ? { ...insn, code: BPF_LDX | BPF_MEM | sizeBits(fieldSize), off: insn.off & ~(fieldSize - 1) }
    : { ...insn, code: write ? insn.code : BPF_LDX | BPF_MEM | (insn.code & 0x18) };
  const found = findField(conv, access.off);
  if (found === undefined) return [];
  let row: ConvertRow = found.row;
  if (row.special === 'tstamp' && options.tstampTypeAccess) row = { ...row, special: 'tstamp_raw' };
  const w = new CtxWriter(layout);
  const loaded = emit(w, access, row, access.off - found.off, write);
  if (narrow && size < loaded) {
    const shift = (insn.off & (fieldSize - 1)) * 8;
    if (shift !== 0) {
      if (fieldSize <= 4) w.alu32Imm(BPF_RSH, insn.dst, shift);
      else w.alu64Imm(BPF_RSH, insn.dst, shift);
    }
    w.alu32Imm(BPF_AND, insn.dst, size === 4 ? -1 : 2 ** (size * 8) - 1);
  }
  if ((insn.code & 0xe0) === BPF_MEMSX && !write) {
    w.put(BPF_ALU64 | BPF_MOV | BPF_X, insn.dst, insn.dst, size * 8, 0);
  }
  return w.insns;
}

function sizeBits(size: number): number {
  return size === 1 ? BPF_B : size === 2 ? BPF_H : size === 4 ? BPF_W : BPF_DW;
}

function findField(conv: Conversion, off: number): { readonly row: ConvertRow; readonly off: number } | undefined {
  for (const [name, field] of Object.entries(conv.struct.fields)) {
    if (off >= field.off && off < field.off + field.size) {
      const row = conv.rows[name];
      return row === undefined ? undefined : { row, off: field.off };
    }
  }
  return undefined;
}

/** Writes the access to a row's place; gives the size of the value that is loaded. */
function emit(w: CtxWriter, insn: Insn, row: ConvertRow, at: number, write: boolean): number {
  if (row.special !== undefined) return SPECIALS[row.special](w, insn, row, write);
  const chain = row.chain;
  const last = chain[chain.length - 1];
  const place = last === '' ? { offset: 0, size: row.size ?? 8 } : w.place(last);
  const size = row.asAccess ? accessSize(insn.code) : (row.size ?? place.size);
  let offset = place.offset + (row.plus ?? 0) + (row.indexed ? at : 0);
  if (row.inside !== undefined) offset += w.place(row.inside).offset;
  if (write) {
    emitStore(w, insn, row, size, offset);
    return size;
  }
  let base = insn.src;
  for (let i = 0; i + 1 < chain.length; i++) {
    w.load(insn.dst, base, chain[i]);
    base = insn.dst;
    if (i === 0 && row.nullable) w.jmpImm(BPF_JEQ, insn.dst, 0, 1);
  }
  w.ldx(size, insn.dst, base, offset);
  for (const [op, imm] of row.adjust ?? []) w.alu32Imm(op === 'and32' ? BPF_AND : BPF_LSH, insn.dst, imm);
  return row.target ?? size;
}

/** A store that follows pointers borrows a register and parks it in the context. */
function emitStore(w: CtxWriter, insn: Insn, row: ConvertRow, size: number, offset: number): void {
  if (row.temp === undefined) {
    w.store(insn, size, insn.dst, offset);
    return;
  }
  const reg = spareReg(insn);
  const temp = w.place(row.temp).offset;
  w.stx(8, insn.dst, reg, temp);
  let base = insn.dst;
  for (const p of row.chain.slice(0, -1)) {
    w.load(reg, base, p);
    base = reg;
  }
  w.store(insn, size, reg, offset);
  w.ldx(8, reg, insn.dst, temp);
}
