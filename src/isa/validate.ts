/** Structural checks of a whole program: unknown opcodes, reserved fields, ld_imm64 pairs and jump targets. */
import type { Insns } from './insn.ts';
import { BPF_DW, BPF_IMM, BPF_LD, BPF_REG_10 } from './opcodes.ts';
import { type FieldRule, LD_IMM64_ROWS, type OpInfo } from './op-rows.ts';
import { opsOf, opOf } from './ops.ts';

/** Why an instruction is not well formed. */
export type InsnFaultReason =
  | 'empty'
  | 'unknown-opcode'
  | 'reserved-field'
  | 'bad-register'
  | 'read-only-register'
  | 'incomplete-ld-imm64'
  | 'jump-out-of-range'
  | 'jump-into-ld-imm64'
  | 'falls-off-end'
  | 'invalid-shift'
  | 'division-by-zero';

/** One fault: the slot, why, which field where one is at fault, and a sentence. */
export interface InsnFault {
  readonly index: number;
  readonly reason: InsnFaultReason;
  readonly field?: 'dst' | 'src' | 'off' | 'imm';
  readonly detail: string;
}

export interface ValidateOptions {
  /**
   * `rfc`: what RFC 9669 defines, callx of clang included. `linux`: what Linux 6.18 loads, which also refuses constant
   * shifts of the width or more and constant divisors of zero. Default `linux`.
   */
  readonly profile?: 'rfc' | 'linux';
  /** Stop after this many faults; default 1. */
  readonly limit?: number;
}

const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/** Returns the faults of a program in slot order, none when it is well formed. */
export function validateInsns(insns: Insns, options: ValidateOptions = {}): InsnFault[] {
  const { profile = 'linux', limit = 1 } = options;
  const out: InsnFault[] = [];
  if (insns.length === 0) return [{ index: 0, reason: 'empty', detail: 'a program has at least one instruction' }];
  const second = secondSlots(insns);
  for (let i = 0; i < insns.length && out.length < limit; i++) {
    if (second[i] !== 0) continue;
    const fault = checkInsn(insns, i, second, profile);
    if (fault !== undefined) out.push(fault);
  }
  return out;
}

/** 1 for each slot that is the second half of an ld_imm64. */
export function secondSlots(insns: Insns): Uint8Array {
  const out = new Uint8Array(insns.length);
  for (let i = 0; i + 1 < insns.length; i++) {
    if (insns.code[i] === LD_IMM64) out[++i] = 1;
  }
  return out;
}

function checkInsn(insns: Insns, i: number, second: Uint8Array, profile: 'rfc' | 'linux'): InsnFault | undefined {
  const code = insns.code[i];
  const hex = code.toString(16).padStart(2, '0');
  const rows = opsOf(code);
  if (rows.length === 0 || (profile === 'linux' && !rows[0].linux)) {
    return { index: i, reason: 'unknown-opcode', detail: `unknown opcode ${hex}` };
  }
  const op = opOf(code, insns.src[i], insns.off[i], insns.imm[i]);
  if (op === undefined) return noForm(insns, i, rows);
  for (const field of ['dst', 'src', 'off', 'imm'] as const) {
    // Linux does not look at off of exit.
    if (field === 'off' && op.format === 'exit' && profile === 'linux') continue;
    const fault = checkField(insns, i, op, field, op[field]);
    if (fault !== undefined) return fault;
  }
  if (op.format === 'ld_imm64') return checkLdImm64(insns, i, op, second);
  if (profile === 'linux') {
    const fault = checkConstants(insns, i, op);
    if (fault !== undefined) return fault;
  }
  return checkTargets(insns, i, op, second);
}

/** No form of the opcode has these discriminating fields: name the one that every form, of the same src first, disagrees with. */
function noForm(insns: Insns, i: number, rows: readonly OpInfo[]): InsnFault {
  const sameSrc = rows.filter((r) => typeof r.src !== 'number' || r.src === insns.src[i]);
  for (const forms of [sameSrc, rows]) {
    for (const field of ['imm', 'off', 'src'] as const) {
      const value = insns[field][i];
      if (forms.length === 0 || forms.some((r) => typeof r[field] !== 'number' || r[field] === value)) continue;
      const legal = [...new Set(forms.map((r) => r[field]))].join(', ');
      return { index: i, reason: 'reserved-field', field, detail: `${field} is ${value}, must be one of ${legal}` };
    }
  }
  return { index: i, reason: 'reserved-field', detail: 'off, imm and src do not make a defined form of this opcode' };
}

function checkField(
  insns: Insns,
  i: number,
  op: OpInfo,
  field: 'dst' | 'src' | 'off' | 'imm',
  rule: FieldRule,
): InsnFault | undefined {
  const value = insns[field][i];
  if (typeof rule === 'number') {
    if (value === rule) return undefined;
    return { index: i, reason: 'reserved-field', field, detail: `${op.name}: ${field} is ${value}, must be ${rule}` };
  }
  if (rule !== 'reg' && rule !== 'wreg') return undefined;
  if (value > BPF_REG_10) return { index: i, reason: 'bad-register', field, detail: `R${value} is invalid` };
  if (rule === 'wreg' && value === BPF_REG_10) {
    return { index: i, reason: 'read-only-register', field, detail: 'frame pointer is read only' };
  }
  return undefined;
}

function checkLdImm64(insns: Insns, i: number, op: OpInfo, second: Uint8Array): InsnFault | undefined {
  const j = i + 1;
  if (j >= insns.length || insns.code[j] !== 0 || insns.dst[j] !== 0 || insns.src[j] !== 0 || insns.off[j] !== 0) {
    return { index: i, reason: 'incomplete-ld-imm64', detail: 'the second slot of ld_imm64 must be all zero but imm' };
  }
  const row = LD_IMM64_ROWS[op.src as number];
  if (row.next === 0 && insns.imm[j] !== 0) {
    return { index: j, reason: 'reserved-field', field: 'imm', detail: `${op.name}: next imm must be 0` };
  }
  if (op.name === 'lddw_func') return targetFault(insns, i, i + 1 + insns.imm[i], second);
  if (j === insns.length - 1) return fallsOff(i);
  return undefined;
}

function checkConstants(insns: Insns, i: number, op: OpInfo): InsnFault | undefined {
  if (op.format !== 'alu' || op.x) return undefined;
  const imm = insns.imm[i];
  if ((op.op === 'lsh' || op.op === 'rsh' || op.op === 'arsh') && (imm < 0 || imm >= op.bits)) {
    return { index: i, reason: 'invalid-shift', field: 'imm', detail: `invalid shift ${imm}` };
  }
  if (imm === 0 && (op.op === 'div' || op.op === 'mod' || op.op === 'sdiv' || op.op === 'smod')) {
    return { index: i, reason: 'division-by-zero', field: 'imm', detail: 'div by zero' };
  }
  return undefined;
}

function checkTargets(insns: Insns, i: number, op: OpInfo, second: Uint8Array): InsnFault | undefined {
  const jump = op.off === 'jump' ? insns.off[i] : op.imm === 'jump' ? insns.imm[i] : undefined;
  if (jump !== undefined) {
    const fault = targetFault(insns, i, i + 1 + jump, second);
    if (fault !== undefined) return fault;
  }
  if (i === insns.length - 1 && op.format !== 'exit' && op.format !== 'ja') return fallsOff(i);
  return undefined;
}

const fallsOff = (i: number): InsnFault => ({
  index: i,
  reason: 'falls-off-end',
  detail: 'last insn is not an exit or jmp',
});

function targetFault(insns: Insns, from: number, to: number, second: Uint8Array): InsnFault | undefined {
  if (to < 0 || to >= insns.length) {
    return { index: from, reason: 'jump-out-of-range', detail: `jump out of range from insn ${from} to ${to}` };
  }
  if (second[to] !== 0) {
    return { index: from, reason: 'jump-into-ld-imm64', detail: `jump into the middle of ldimm64 insn ${to - 1}` };
  }
  return undefined;
}
