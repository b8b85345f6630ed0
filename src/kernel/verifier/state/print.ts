/** States in the log (print_verifier_state, print_insn_state). */
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_FILE,
  DYNPTR_TYPE_LOCAL,
  DYNPTR_TYPE_RINGBUF,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  NON_OWN_REF,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_STACK,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { formatRanges, formatTnum, snum, unum } from './format.ts';
import { regTypeStr } from './reg-type-str.ts';
import { isPktPointer } from './regs.ts';
import {
  A,
  B,
  BPF_ADD_CONST,
  C,
  FRAMENO,
  ID,
  MASK_HI,
  MASK_LO,
  OFF,
  PRECISE,
  REF_OBJ_ID,
  SLOT_TYPES,
  STACK_DYNPTR,
  STACK_ITER,
  STACK_SPILL,
  TYPE,
  VALUE_HI,
  VALUE_LO,
  slotType,
  varOffConst,
} from './row.ts';
import { type FuncState, type VerifierState, regRow, slotAt } from './state.ts';

const SLOT_CHARS = '?rm0dif';

const DYNPTR_NAMES: ReadonlyMap<number, string> = new Map([
  [DYNPTR_TYPE_LOCAL, 'local'],
  [DYNPTR_TYPE_RINGBUF, 'ringbuf'],
  [DYNPTR_TYPE_SKB, 'skb'],
  [DYNPTR_TYPE_XDP, 'xdp'],
  [DYNPTR_TYPE_SKB_META, 'skb_meta'],
  [DYNPTR_TYPE_FILE, 'file'],
]);
/** dynptr_type_str(). */
export const dynptrTypeStr = (type: number): string => DYNPTR_NAMES.get(type) ?? '<unknown>';

/** Marks everything as changed, so that the next print shows the whole state (mark_verifier_state_scratched). */
export function scratchAll(env: VerifierEnv): void {
  env.scratchedRegs = -1;
  env.scratchedSlotsLo = env.scratchedSlotsHi = -1;
}

function scratchNone(env: VerifierEnv): void {
  env.scratchedRegs = env.scratchedSlotsLo = env.scratchedSlotsHi = 0;
}

/** mark_stack_slot_scratched(). */
export function scratchSlot(env: VerifierEnv, spi: number): void {
  if (spi < 32) env.scratchedSlotsLo |= 1 << spi;
  else env.scratchedSlotsHi |= 1 << (spi - 32);
}

const slotScratched = (env: VerifierEnv, spi: number): boolean =>
  ((spi < 32 ? env.scratchedSlotsLo : env.scratchedSlotsHi) & (1 << (spi & 31))) !== 0;

/** print_reg_state(). */
export function formatReg(env: VerifierEnv, frame: FuncState, rows: Int32Array, r: number): string {
  const type = rows[r + TYPE];
  const base = baseType(type);
  const precise = type === SCALAR_VALUE && rows[r + PRECISE] ? 'P' : '';
  const isConst = varOffConst(rows, r);
  if (type === SCALAR_VALUE && isConst) return precise + snum(rows[r + VALUE_LO], rows[r + VALUE_HI]);
  let out = precise + regTypeStr(type);
  if (type === PTR_TO_ARENA) return out;
  if (type === PTR_TO_STACK) {
    if (frame.frameno !== rows[r + FRAMENO]) out += `[${rows[r + FRAMENO]}]`;
    if (isConst) {
      const off = rows[r + VALUE_LO] + rows[r + OFF];
      return out + snum(off | 0, off < 0 ? -1 : 0);
    }
  }
  if (base === PTR_TO_BTF_ID) out += env.btfs[rows[r + A]]?.name(rows[r + B]) ?? '';
  return `${out}(${regDetails(env, rows, r).join(',')})`;
}

function regDetails(env: VerifierEnv, rows: Int32Array, r: number): string[] {
  const type = rows[r + TYPE];
  const base = baseType(type);
  const parts: string[] = [];
  const id = rows[r + ID];
  const off = rows[r + OFF];
  if (id !== 0) {
    const delta = id & BPF_ADD_CONST ? (off < 0 ? String(off) : `+${off}`) : '';
    parts.push(`id=${id & ~BPF_ADD_CONST}${delta}`);
  }
  if (rows[r + REF_OBJ_ID] !== 0) parts.push(`ref_obj_id=${rows[r + REF_OBJ_ID]}`);
  if (type & NON_OWN_REF) parts.push('non_own_ref');
  if (base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_KEY || base === PTR_TO_MAP_VALUE) {
    const map = env.maps[rows[r + A]];
    if (map !== undefined) {
      if (map.name !== '') parts.push(`map=${map.name}`);
      parts.push(`ks=${map.keySize},vs=${map.valueSize}`);
    }
  }
  if (type !== SCALAR_VALUE && off !== 0) parts.push(`off=${snum(off, off >> 31)}`);
  if (isPktPointer(type)) parts.push(`r=${unum(rows[r + A], rows[r + A] >> 31)}`);
  if (base === PTR_TO_MEM) parts.push(`sz=${unum(rows[r + A], 0)}`);
  if (base === CONST_PTR_TO_DYNPTR) parts.push(`type=${dynptrTypeStr(rows[r + A])}`);
  if (varOffConst(rows, r)) {
    if (rows[r + VALUE_LO] | rows[r + VALUE_HI]) parts.push(`imm=${snum(rows[r + VALUE_LO], rows[r + VALUE_HI])}`);
  } else {
    parts.push(...formatRanges(rows, r));
    if ((rows[r + MASK_LO] & rows[r + MASK_HI]) !== -1) parts.push(`var_off=${formatTnum(rows, r)}`);
  }
  return parts;
}

/** One stack slot, or '' when nothing is to be said; `next` tells how many slots it took. */
function formatSlot(env: VerifierEnv, frame: FuncState, spi: number): { text: string; slots: number } {
  const { rows } = frame;
  const r = slotAt(rows, spi);
  if (rows[r + SLOT_TYPES] === 0) return { text: '', slots: 1 };
  let chars = '';
  for (let j = 0; j < 8; j++) chars += SLOT_CHARS[slotType(rows, r, j)];
  const at = ` fp${-(spi + 1) * 8}=`;
  switch (slotType(rows, r, 7)) {
    case STACK_SPILL:
      return { text: at + chars.slice(0, chars.indexOf('r')) + formatReg(env, frame, rows, r), slots: 1 };
    case STACK_DYNPTR: {
      const main = slotAt(rows, spi + 1);
      const parts: string[] = [];
      if (rows[main + ID] !== 0) parts.push(`id=${rows[main + ID]}`);
      if (rows[main + REF_OBJ_ID] !== 0) parts.push(`ref_id=${rows[main + REF_OBJ_ID]}`);
      // The kernel keeps the id of a slice where a dynptr keeps its first-slot mark, and prints that.
      if (rows[main + B] !== 0) parts.push(`dynptr_id=${rows[main + B]}`);
      const name = dynptrTypeStr(rows[main + A]);
      return { text: ` fp${-(spi + 2) * 8}=dynptr_${name}(${parts.join(',')})`, slots: 2 };
    }
    case STACK_ITER: {
      if (rows[r + REF_OBJ_ID] === 0) return { text: '', slots: 1 };
      const name = env.btfs[rows[r + A]]?.name(rows[r + B]).replace(/^bpf_iter_/, '') ?? '?';
      const state = ['<invalid>', 'active', 'drained'][rows[r + C] & 3];
      return {
        text: `${at}iter_${name}(ref_id=${rows[r + REF_OBJ_ID]},state=${state},depth=${rows[r + C] >> 2})`,
        slots: 1,
      };
    }
    default:
      return { text: at + chars, slots: 1 };
  }
}

/** print_verifier_state: a frame of a state in one line; `all`, or only what changed since the last print. */
export function printVerifierState(env: VerifierEnv, state: VerifierState, frameno: number, all: boolean): void {
  const frame = state.frames[frameno];
  const { rows } = frame;
  let out = frame.frameno !== 0 ? ` frame${frame.frameno}:` : '';
  for (let i = 0; i < 11; i++) {
    const r = regRow(i);
    if (rows[r + TYPE] === NOT_INIT || (!all && !(env.scratchedRegs & (1 << i)))) continue;
    out += ` R${i}=${formatReg(env, frame, rows, r)}`;
  }
  for (let i = 0; i < frame.allocatedStack >> 3; ) {
    if (!all && !slotScratched(env, i)) {
      i++;
      continue;
    }
    const { text, slots } = formatSlot(env, frame, i);
    out += text;
    i += slots;
  }
  if (state.refs.length > 0) out += ` refs=${state.refs.map((ref) => ref.id).join(',')}`;
  if (frame.inCallbackFn) out += ' cb';
  if (frame.inAsyncCallbackFn) out += ' async_cb';
  env.log.line(out);
  if (!all) scratchNone(env);
}

/** print_insn_state: what the instruction changed, behind its line when nothing was printed in between. */
export function printInsnState(env: VerifierEnv, state: VerifierState, frameno: number): void {
  if (env.prevLogPos !== 0 && env.prevLogPos === env.log.position()) {
    env.log.truncate(env.prevLogPos - 1);
    env.log.write(`${' '.repeat(alignment(env.prevInsnPrintPos))};`);
  } else env.log.write(`${env.insnIdx}:`);
  printVerifierState(env, state, frameno, false);
}

/** vlog_alignment(): states begin at column 40, or at the next multiple of 8. */
function alignment(pos: number): number {
  return Math.ceil(Math.max(pos + 4, 40) / 8) * 8 - pos - 1;
}
