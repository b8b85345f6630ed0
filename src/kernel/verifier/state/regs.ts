/** The small verbs on registers: what a register is after it was written (mark_reg_* of the kernel). */
import {
  CONST_PTR_TO_MAP,
  MEM_RDONLY,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
  baseType,
  typeFlag,
} from '../../rules/reg-types.ts';
import { REGS } from '../diag/catalogue/regs.ts';
import { reject } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import {
  A,
  B,
  C,
  FRAMENO,
  ID,
  OFF,
  PRECISE,
  REF_OBJ_ID,
  ROW,
  SLOT_TYPES,
  TYPE,
  SUBREG_DEF,
  VALUE_LO,
  storeScalar,
} from './row.ts';
import { type FuncState, MAX_REGS, clearFrame, regRow } from './state.ts';

const UNKNOWN = new Scalar();
UNKNOWN.setUnknown();
const ZERO = new Scalar();
ZERO.setConst(0, 0);
const scratch = new Scalar();

/** Empties a row; the precise mark goes too. */
export function clearRow(rows: Int32Array, r: number): void {
  rows.fill(0, r, r + ROW);
}

/** __mark_reg_not_init: nothing may read it. */
export function markRegNotInit(env: VerifierEnv, rows: Int32Array, r: number): void {
  markRegUnknown(env, rows, r);
  rows[r + TYPE] = NOT_INIT;
}

/** __mark_reg_unknown: a scalar of any value; precise from the start when precision is not tracked (no CAP_BPF). */
export function markRegUnknown(env: VerifierEnv, rows: Int32Array, r: number): void {
  markRegUnknownImprecise(rows, r);
  rows[r + PRECISE] = env.bpfCapable ? 0 : 1;
}

/** A constant, as __mark_reg_known() makes it of a register that __mark_reg_unknown() made anew. */
export function markRegConst(env: VerifierEnv, rows: Int32Array, r: number, lo: number, hi: number): void {
  clearAround(rows, r, SCALAR_VALUE);
  rows[r + PRECISE] = env.bpfCapable ? 0 : 1;
  scratch.setConst(lo, hi);
  storeScalar(scratch, rows, r);
}

/** __mark_reg_unknown_imprecise. */
export function markRegUnknownImprecise(rows: Int32Array, r: number): void {
  clearAround(rows, r, SCALAR_VALUE);
  storeScalar(UNKNOWN, rows, r);
}

/** Gives a row its type and clears the rest but the abstract value and what defined the low half. */
function clearAround(rows: Int32Array, r: number, type: number): void {
  rows[r + TYPE] = type;
  rows[r + OFF] = rows[r + ID] = rows[r + REF_OBJ_ID] = 0;
  rows[r + A] = rows[r + B] = rows[r + C] = rows[r + FRAMENO] = 0;
  rows[r + PRECISE] = rows[r + SLOT_TYPES] = 0;
}

/** __mark_reg_known: value bits and bounds become one constant; offset, ids and the words by type are cleared, the type stays. */
export function markRegKnown(rows: Int32Array, r: number, lo: number, hi: number): void {
  rows[r + OFF] = rows[r + ID] = rows[r + REF_OBJ_ID] = 0;
  rows[r + A] = rows[r + B] = rows[r + C] = 0;
  scratch.setConst(lo, hi);
  storeScalar(scratch, rows, r);
}

/** mark_reg_known_zero: keeps the type, var_off becomes 0, fixed offset 0. Pointers start like this. */
export function markRegKnownZero(rows: Int32Array, r: number): void {
  markRegPointer(rows, r, rows[r + TYPE]);
}

/** Makes the row a fresh pointer of a type, with zero offsets. */
export function markRegPointer(rows: Int32Array, r: number, type: number): void {
  clearAround(rows, r, type);
  storeScalar(ZERO, rows, r);
}

/** A struct by the index of its BTF in env.btfs and its id there. */
export interface StructRef {
  readonly btf: number;
  readonly id: number;
}

/** mark_btf_ld_reg for pointers: a PTR_TO_BTF_ID with flags, loaded through a BTF pointer. */
export function markBtfLdReg(env: VerifierEnv, rows: Int32Array, r: number, to: StructRef, flags: number): void {
  markRegPointer(rows, r, PTR_TO_BTF_ID | flags);
  rows[r + A] = to.btf;
  rows[r + B] = to.id;
  if (flags & PTR_MAYBE_NULL) rows[r + ID] = env.newId();
}

/** mark_ptr_not_null_reg: what an or-null pointer is once it was compared with NULL. */
export function markPtrNotNullReg(env: VerifierEnv, rows: Int32Array, r: number): void {
  if (baseType(rows[r + TYPE]) === PTR_TO_MAP_VALUE) {
    const map = env.maps[rows[r + A]];
    const lookup = env.input.rules.map(map.type)?.lookup;
    if (map.inner !== undefined) {
      let index = env.maps.indexOf(map.inner);
      if (index < 0) index = env.maps.push(map.inner) - 1;
      rows[r + TYPE] = CONST_PTR_TO_MAP;
      rows[r + A] = index;
      // An inner map with a lock or a timer is told apart from its siblings by the lookup that gave it.
      if (map.inner.record !== undefined && hasUidField(map.inner.record.mask)) rows[r + B] = rows[r + ID];
    } else if (lookup === 'xdp-sock') {
      rows[r + TYPE] = PTR_TO_XDP_SOCK;
      rows[r + C] = FROM_MAP;
    } else if (lookup === 'socket') {
      rows[r + TYPE] = PTR_TO_SOCKET;
      rows[r + C] = FROM_MAP;
    } else {
      rows[r + TYPE] = PTR_TO_MAP_VALUE;
    }
    return;
  }
  rows[r + TYPE] &= ~PTR_MAYBE_NULL;
}

/** A socket that a map gave still names the map, so that states tell it from the socket of a helper. */
const FROM_MAP = 1;

/** Timers, work queues and task work tie an inner map to its own identity. */
const hasUidField = (mask: number): boolean => (mask & ((1 << 1) | (1 << 10) | (1 << 13))) !== 0;

/** Whether a register is a pointer into packet data or its metadata (reg_is_pkt_pointer). */
export const isPktPointer = (type: number): boolean =>
  baseType(type) === PTR_TO_PACKET || baseType(type) === PTR_TO_PACKET_META;

/** register_is_null: a scalar that is known to be 0. */
export function regIsNull(rows: Int32Array, r: number): boolean {
  return (
    rows[r + TYPE] === SCALAR_VALUE &&
    (rows[r + VALUE_LO] | rows[r + VALUE_LO + 1] | rows[r + VALUE_LO + 2] | rows[r + VALUE_LO + 3]) === 0
  );
}

/** init_reg_state and init_func_state: a frame at its function's first instruction. */
export function initFrame(
  env: VerifierEnv,
  frame: FuncState,
  callsite: number,
  frameno: number,
  subprogno: number,
): void {
  clearFrame(frame.rows);
  frame.allocatedStack = 0;
  frame.callsite = callsite;
  frame.frameno = frameno;
  frame.subprogno = subprogno;
  frame.asyncEntryCnt = 0;
  frame.callbackDepth = 0;
  frame.inCallbackFn = false;
  frame.inAsyncCallbackFn = false;
  frame.inExceptionCallbackFn = false;
  frame.callbackRetMin = 0;
  frame.callbackRetMax = 0;
  for (let i = 0; i < MAX_REGS; i++) markRegNotInit(env, frame.rows, regRow(i));
  // The log shows a new frame whole.
  env.scratchedRegs = env.scratchedSlotsLo = env.scratchedSlotsHi = -1;
  const fp = regRow(10);
  markRegPointer(frame.rows, fp, PTR_TO_STACK);
  frame.rows[fp + FRAMENO] = frameno;
}

/** check_reg_arg(SRC_OP): the register may be read. */
export function checkRegRead(env: VerifierEnv, regno: number): void {
  if (regno >= MAX_REGS) reject(env, REGS.REG_INVALID, regno);
  env.scratchedRegs |= 1 << regno;
  if (env.state.frame.rows[regRow(regno) + TYPE] === NOT_INIT) reject(env, REGS.REG_NOT_READABLE, regno);
}

/** check_reg_arg(DST_OP_NO_MARK): the register may be written. `is64`: all 64 bits are defined. */
export function checkRegWrite(env: VerifierEnv, regno: number, is64 = true): void {
  if (regno >= MAX_REGS) reject(env, REGS.REG_INVALID, regno);
  env.scratchedRegs |= 1 << regno;
  if (regno === 10) reject(env, REGS.FRAME_POINTER_READ_ONLY);
  env.state.frame.rows[regRow(regno) + SUBREG_DEF] = is64 ? 0 : env.insnIdx + 1;
}

/** check_reg_arg(DST_OP): the register may be written, and holds an unknown number from here on. */
export function defineReg(env: VerifierEnv, regno: number, is64 = true): void {
  checkRegWrite(env, regno, is64);
  markRegUnknown(env, env.state.frame.rows, regRow(regno));
}

/** Registers that a call clobbers. */
export function clearCallerSaved(env: VerifierEnv, frame: FuncState): void {
  for (let i = 0; i <= 5; i++) markRegNotInit(env, frame.rows, regRow(i));
}

/** Whether a type may carry PTR_MAYBE_NULL into memory: pointers that may be spilled (is_spillable_regtype). */
export const isReadOnlyType = (type: number): boolean => (typeFlag(type) & MEM_RDONLY) !== 0;

/** mark_reg_invalid: what the register held is gone. Those who may see addresses keep it as a number. */
export function markRegInvalid(env: VerifierEnv, rows: Int32Array, r: number): void {
  if (env.allowPtrLeaks) keepSlotTypes(rows, r, () => markRegUnknown(env, rows, r));
  else keepSlotTypes(rows, r, () => markRegNotInit(env, rows, r));
}

/** Runs `change` on the register of a stack slot, whose byte types are not part of it. */
export function keepSlotTypes(rows: Int32Array, r: number, change: () => void): void {
  const types = rows[r + SLOT_TYPES];
  change();
  rows[r + SLOT_TYPES] = types;
}
