/** Masks on pointer arithmetic against speculative execution, for programs without CAP_PERFMON (sanitize_ptr_alu, sanitize_val_alu). */
import { BPF_ADD, BPF_K, BPF_SUB, bpfOp, bpfSrc } from '../../../isa/opcodes.ts';
import { PTR_TO_MAP_VALUE, PTR_TO_STACK } from '../../rules/reg-types.ts';
import { ALU } from '../diag/catalogue/alu.ts';
import { Rejected, reject } from '../diag/reject.ts';
import type { Scalar } from '../domain/scalar.ts';
import { AUX_NOSPEC } from '../insn-aux.ts';
import type { VerifierEnv } from '../env.ts';
import { sanitizeSpeculativePath } from '../paths/speculation.ts';
import { formatTnum } from '../state/format.ts';
import {
  A,
  MASK_HI,
  MASK_LO,
  OFF,
  ROW,
  TYPE,
  VALUE_HI,
  VALUE_LO,
  copyRow,
  s64ToNumber,
  sminOf,
  umaxOf,
} from '../state/row.ts';
import { MAX_BPF_STACK } from '../../../isa/opcodes.ts';

export const BPF_ALU_SANITIZE_SRC = 1 << 0;
export const BPF_ALU_SANITIZE_DST = 1 << 1;
export const BPF_ALU_NEG_VALUE = 1 << 2;
export const BPF_ALU_NON_POINTER = 1 << 3;
export const BPF_ALU_IMMEDIATE = 1 << 4;

type Reason = 'bounds' | 'type' | 'paths' | 'limit';

/** Findings of the first half of the check, for the second. */
export interface SanitizeInfo {
  maskToLeft: boolean;
  aluState: number;
  aluLimit: number;
}

/** can_skip_alu_sanitation(): nothing is masked behind a barrier, and by constants of the instruction. */
const canSkip = (env: VerifierEnv): boolean =>
  env.bypassSpecV1 || (env.aux.flags[env.insnIdx] & AUX_NOSPEC) !== 0 || bpfSrc(env.insns.code[env.insnIdx]) === BPF_K;

function refuse(env: VerifierEnv, reason: Reason, offIsDst: boolean): never {
  const { insns, insnIdx: idx } = env;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  const op = bpfOp(insns.code[idx]) === BPF_ADD ? 'add' : 'sub';
  switch (reason) {
    case 'bounds':
      return reject(env, ALU.MIXED_SIGN, offIsDst ? dst : src);
    case 'type':
      return reject(env, ALU.UNSUPPORTED_ALU, offIsDst ? src : dst);
    case 'paths':
      return reject(env, ALU.DIFFERENT_PATHS, dst, op);
    default:
      return reject(env, ALU.BEYOND_POINTER, dst, op);
  }
}

/** update_alu_sanitation_state: one instruction has one mask on all paths. */
function updateState(env: VerifierEnv, state: number, limit: number): boolean {
  const extra = env.aux.extraAt(env.insnIdx);
  if (extra.aluState && (extra.aluState !== state || extra.aluLimit !== limit)) return false;
  extra.aluState = state;
  extra.aluLimit = limit;
  return true;
}

/** sanitize_val_alu: an addition of numbers must not be one of pointers on another path. */
export function sanitizeValAlu(env: VerifierEnv): void {
  if (canSkip(env)) return;
  if (!updateState(env, BPF_ALU_NON_POINTER, 0)) refuse(env, 'paths', false);
}

/** retrieve_ptr_limit: how far the pointer may move in one direction, or why that is not known. */
function ptrLimit(env: VerifierEnv, rows: Int32Array, ptr: number, left: boolean): number | Reason {
  let max: number;
  let limit: number;
  if (rows[ptr + TYPE] === PTR_TO_STACK) {
    max = MAX_BPF_STACK + (left ? 1 : 0);
    limit = -(rows[ptr + VALUE_LO] + rows[ptr + OFF]);
  } else if (rows[ptr + TYPE] === PTR_TO_MAP_VALUE) {
    max = env.maps[rows[ptr + A]].valueSize;
    limit = (left ? sminOf(rows, ptr) : umaxOf(rows, ptr)) + rows[ptr + OFF];
  } else return 'type';
  // The kernel compares as unsigned 32-bit.
  return limit < 0 || limit >= max ? 'limit' : limit;
}

const saved = new Int32Array(ROW);

/** First half, before the pointer moves: finds the mask and follows the path where it made the offset zero. */
export function sanitizePtrAlu(env: VerifierEnv, ptr: number, off: Scalar, dst: number, info: SanitizeInfo): void {
  if (canSkip(env)) return;
  const { rows } = env.state.frame;
  const op = bpfOp(env.insns.code[env.insnIdx]);
  const offIsImm = off.isConst();
  const offIsNeg = off.sminHi < 0;
  const ptrIsDst = ptr === dst;
  if (!env.state.speculative) {
    if (!offIsImm && offIsNeg !== off.smaxHi < 0) refuse(env, 'bounds', !ptrIsDst);
    info.maskToLeft = (op === BPF_ADD && offIsNeg) || (op === BPF_SUB && !offIsNeg);
    const limit = ptrLimit(env, rows, ptr, info.maskToLeft);
    if (typeof limit === 'string') refuse(env, limit, !ptrIsDst);
    info.aluState =
      (offIsNeg ? BPF_ALU_NEG_VALUE : 0) |
      (offIsImm ? BPF_ALU_IMMEDIATE : 0) |
      (ptrIsDst ? BPF_ALU_SANITIZE_SRC : BPF_ALU_SANITIZE_DST);
    info.aluLimit = limit;
    // Paths may differ in the mask that they need, so pruning of unknown scalars becomes strict.
    if (!offIsImm) env.exploreAluLimits = true;
  }
  if (offIsImm) return;
  if (!ptrIsDst) {
    copyRow(saved, 0, rows, dst);
    copyRow(rows, dst, rows, ptr);
  }
  try {
    sanitizeSpeculativePath(env, env.insnIdx + 1, env.insnIdx, false);
  } catch (e) {
    if (!(e instanceof Rejected)) throw e;
    env.notes.add(e.row);
    reject(env, ALU.NOT_PUSHED, env.insns.dst[env.insnIdx]);
  }
  if (!ptrIsDst) copyRow(rows, dst, saved, 0);
}

/** Second half, after it moved: the mask is as wide as the move. */
export function commitPtrAlu(
  env: VerifierEnv,
  rows: Int32Array,
  dst: number,
  info: SanitizeInfo,
  ptrWasDst: boolean,
): void {
  if (canSkip(env) || env.state.speculative) return;
  const limit = ptrLimit(env, rows, dst, info.maskToLeft);
  if (typeof limit === 'string') refuse(env, limit, !ptrWasDst);
  if (!updateState(env, info.aluState, Math.abs(info.aluLimit - limit))) refuse(env, 'paths', !ptrWasDst);
}

/** sanitize_check_bounds: without CAP_PERFMON a pointer must stay inside while it moves. */
export function sanitizeCheckBounds(
  env: VerifierEnv,
  rows: Int32Array,
  dst: number,
  inMapValue: (off: number) => boolean,
): void {
  if (env.bypassSpecV1) return;
  const regno = env.insns.dst[env.insnIdx];
  if (rows[dst + TYPE] === PTR_TO_STACK) {
    const off = rows[dst + OFF] + s64ToNumber(rows[dst + VALUE_LO], rows[dst + VALUE_HI]);
    if (rows[dst + MASK_LO] | rows[dst + MASK_HI]) {
      reject(env, ALU.STACK_VARIABLE_UNPRIV, regno, formatTnum(rows, dst), off);
    }
    if (off >= 0 || off < -MAX_BPF_STACK) reject(env, ALU.STACK_RANGE_UNPRIV, regno, off);
  } else if (rows[dst + TYPE] === PTR_TO_MAP_VALUE && !inMapValue(rows[dst + OFF])) {
    reject(env, ALU.MAP_RANGE_UNPRIV, regno);
  }
}
