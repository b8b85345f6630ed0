/** Pointers moved by numbers (adjust_ptr_min_max_vals). */
import { BPF_ADD, BPF_ALU64, BPF_AND, BPF_OR, BPF_SUB, BPF_XOR, bpfClass, bpfOp } from '../../../isa/opcodes.ts';
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  PTR_UNTRUSTED,
  baseType,
} from '../../rules/reg-types.ts';
import { ALU } from '../diag/catalogue/alu.ts';
import { Rejected, reject } from '../diag/reject.ts';
import { scalarAlu } from '../domain/alu.ts';
import { Scalar } from '../domain/scalar.ts';
import { regBoundsSync } from '../domain/sync.ts';
import { slt64, ult64 } from '../domain/word.ts';
import type { VerifierEnv } from '../env.ts';
import { s64Text } from '../state/format.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { isPktPointer, markRegUnknown } from '../state/regs.ts';
import {
  S32_MAX,
  S32_MIN,
  U32_MAX,
  U32_MIN,
  A,
  B,
  C,
  FRAMENO,
  ID,
  OFF,
  REF_OBJ_ID,
  TYPE,
  loadScalar,
  s64ToNumber,
  storeScalar,
} from '../state/row.ts';
import { regRow } from '../state/state.ts';
import { checkMapAccess } from '../access/map-value.ts';
import { aluString } from './alu-name.ts';
import { type SanitizeInfo, commitPtrAlu, sanitizeCheckBounds, sanitizePtrAlu } from './sanitize.ts';
import { BPF_MAX_VAR_OFF } from '../../rules/limits.ts';

const ptrVal = new Scalar();
const moved = new Scalar();

/** Kinds of pointers that may move by any bounded number. */
const MOVABLE = new Set([
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_MAP_KEY,
  PTR_TO_STACK,
  PTR_TO_PACKET_META,
  PTR_TO_PACKET,
  PTR_TO_TP_BUFFER,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TO_BUF,
  PTR_TO_FUNC,
  CONST_PTR_TO_DYNPTR,
]);

/** check_reg_sane_offset for a number, or for a pointer at a fixed offset. */
function checkSaneOffset(env: VerifierEnv, s: Scalar, fixedOff: number, type: number): void {
  const name = regTypeStr(type);
  const smin = s64ToNumber(s.sminLo, s.sminHi);
  if (s.isConst()) {
    const val = s64ToNumber(s.valLo, s.valHi);
    if (val >= BPF_MAX_VAR_OFF || val <= -BPF_MAX_VAR_OFF) reject(env, ALU.MATH_CONST, name, s64Text(s.valLo, s.valHi));
  }
  if (fixedOff >= BPF_MAX_VAR_OFF || fixedOff <= -BPF_MAX_VAR_OFF) reject(env, ALU.PTR_OFFSET, name, fixedOff);
  if (s.sminHi === -0x80000000 && s.sminLo === 0) reject(env, ALU.MATH_UNBOUNDED, name);
  if (smin >= BPF_MAX_VAR_OFF || smin <= -BPF_MAX_VAR_OFF)
    reject(env, ALU.PTR_OUT_OF_BOUNDS, s64Text(s.sminLo, s.sminHi), name);
}

/** Dead branches can leave an offset whose bounds contradict each other: nothing is known of the result then. */
function tainted(off: Scalar): boolean {
  if (
    off.isConst() &&
    (off.sminLo !== off.smaxLo || off.sminHi !== off.smaxHi || off.uminLo !== off.umaxLo || off.uminHi !== off.umaxHi)
  )
    return true;
  return slt64(off.smaxLo, off.smaxHi, off.sminLo, off.sminHi) || ult64(off.umaxLo, off.umaxHi, off.uminLo, off.uminHi);
}

function checkMovable(env: VerifierEnv, op: number, type: number, off: Scalar): void {
  const dst = env.insns.dst[env.insnIdx];
  if (type & PTR_MAYBE_NULL) reject(env, ALU.PTR_MAYBE_NULL, dst, regTypeStr(type));
  const base = baseType(type);
  if (MOVABLE.has(base) || (base === PTR_TO_FLOW_KEYS && off.isConst())) return;
  const zeroAdd = off.isConst() && (off.valLo | off.valHi) === 0 && op === BPF_ADD;
  if ((base === PTR_TO_FLOW_KEYS || base === CONST_PTR_TO_MAP) && zeroAdd) return;
  reject(env, ALU.PTR_PROHIBITED, dst, regTypeStr(type));
}

/** The pointer in row `ptr` moves by `off` into the instruction's destination; `otherRow` is where the number stood, -1 for an immediate. */
export function adjustPtrMinMaxVals(env: VerifierEnv, ptr: number, otherRow: number, off: Scalar): void {
  const { rows } = env.state.frame;
  const code = env.insns.code[env.insnIdx];
  const op = bpfOp(code);
  const dstReg = env.insns.dst[env.insnIdx];
  const dst = regRow(dstReg);
  const offIsDst = otherRow === dst;
  if (tainted(off)) return markRegUnknown(env, rows, dst);
  if (bpfClass(code) !== BPF_ALU64) {
    if (op === BPF_SUB && env.allowPtrLeaks) return markRegUnknown(env, rows, dst);
    reject(env, ALU.PTR_ALU32, dstReg);
  }
  const type = rows[ptr + TYPE];
  // Reads of untrusted read-only memory are checked when they happen, so such pointers move freely.
  if (baseType(type) === PTR_TO_MEM && type & PTR_UNTRUSTED) return;
  checkMovable(env, op, type, off);
  loadScalar(ptrVal, rows, ptr);
  const ptrOff = rows[ptr + OFF];
  // A linked number's distance stands where a pointer has its fixed offset, and is looked at like one.
  checkSaneOffset(env, off, otherRow < 0 ? 0 : rows[otherRow + OFF], type);
  checkSaneOffset(env, ptrVal, ptrOff, type);
  const info: SanitizeInfo = { maskToLeft: false, aluState: 0, aluLimit: 0 };
  // Pointers carry no 32-bit bounds, and a mispredicted path that begins here sees them gone.
  if (ptr === dst) {
    rows[dst + U32_MIN] = 0;
    rows[dst + U32_MAX] = -1;
    rows[dst + S32_MIN] = -0x80000000;
    rows[dst + S32_MAX] = 0x7fffffff;
  }
  if (op === BPF_ADD || op === BPF_SUB) sanitizePtrAlu(env, ptr, off, dst, info);
  if (op === BPF_ADD || op === BPF_SUB) move(env, ptr, dst, off, offIsDst);
  else if (op === BPF_AND || op === BPF_OR || op === BPF_XOR) reject(env, ALU.PTR_BITWISE, dstReg, aluString(op));
  else reject(env, ALU.PTR_OPERATOR, dstReg, aluString(op));
  loadScalar(moved, rows, dst);
  checkSaneOffset(env, moved, rows[dst + OFF], type);
  regBoundsSync(moved);
  storeScalar(moved, rows, dst);
  sanitizeCheckBounds(env, rows, dst, (at) => mapRangeOk(env, dstReg, at));
  commitPtrAlu(env, rows, dst, info, !offIsDst);
}

/** Whether one byte at the pointer lies in its map value; what the check says is left in the log, as the kernel does. */
function mapRangeOk(env: VerifierEnv, regno: number, at: number): boolean {
  try {
    checkMapAccess(env, { regno, off: at, size: 1, zeroSizeAllowed: false });
    return true;
  } catch (e) {
    if (e instanceof Rejected) return false;
    throw e;
  }
}

/** Moves the pointer: by a constant into the fixed offset, otherwise into the variable part. */
function move(env: VerifierEnv, ptr: number, dst: number, off: Scalar, offIsDst: boolean): void {
  const { rows } = env.state.frame;
  const op = bpfOp(env.insns.code[env.insnIdx]);
  const dstReg = env.insns.dst[env.insnIdx];
  const type = rows[ptr + TYPE];
  if (op === BPF_SUB && offIsDst) reject(env, ALU.SUBTRACT_FROM_SCALAR, dstReg);
  if (op === BPF_SUB && baseType(type) === PTR_TO_STACK) reject(env, ALU.SUBTRACT_FROM_STACK, dstReg);
  const delta = s64ToNumber(off.sminLo, off.sminHi);
  const fixed = rows[ptr + OFF] + (op === BPF_ADD ? delta : -delta);
  const known = off.isConst() && fixed === (fixed | 0);
  loadScalar(moved, rows, ptr);
  // Pointers carry no 32-bit bounds.
  moved.setUnbounded32();
  if (!known) {
    scalarAlu(op, moved, off, true);
    moved.setUnbounded32();
  }
  if (ptr !== dst) takeIdentity(env, rows, ptr, dst);
  storeScalar(moved, rows, dst);
  rows[dst + OFF] = known ? fixed : rows[ptr + OFF];
  if (!known && isPktPointer(type)) {
    rows[dst + ID] = env.newId();
    // Moving forward by an unknown amount loses what was proved about the room behind the pointer.
    if (op === BPF_ADD || off.sminHi < 0) rows[dst + A] = 0;
  }
  // Where a pointer is that was found beyond the end of the packet, nobody knows once it moved.
  if (isPktPointer(type) && rows[dst + A] < 0 && env.fixed('PKT_END_MARKER')) rows[dst + A] = 0;
}

/** A number becomes the pointer that was added to it: its identity, without its place in the object. */
function takeIdentity(env: VerifierEnv, rows: Int32Array, from: number, to: number): void {
  for (const word of [TYPE, ID, A, B, C]) rows[to + word] = rows[from + word];
  // The number's own are those of no reference and of the first frame.
  const identified = (rows[from + REF_OBJ_ID] | rows[from + FRAMENO]) !== 0;
  const whole = !identified || env.fixed('NUMBER_PLUS_POINTER');
  for (const word of [REF_OBJ_ID, FRAMENO]) rows[to + word] = whole ? rows[from + word] : 0;
}
