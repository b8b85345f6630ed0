/** Loads from the stack: fills restore what was spilled, other bytes are unknown or zero (check_stack_read_*). */
import { SCALAR_VALUE } from '../../../rules/reg-types.ts';
import { STACK } from '../../diag/catalogue/stack.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { pushInsnHistory, stackAccessFlags } from '../../paths/history.ts';
import { assignScalarId, regWidth } from '../../state/scalar-id.ts';
import { checkFastcallStackContract } from '../../pass/fastcall.ts';
import { scratchSlot } from '../../state/print.ts';
import { printLineInfo } from '../../state/print-insn.ts';
import {
  ID,
  OFF,
  SLOT_TYPES,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  SUBREG_DEF,
  TYPE,
  VALUE_HI,
  VALUE_LO,
  copyRow,
  slotType,
  smaxOf,
  sminOf,
  varOffConst,
} from '../../state/row.ts';
import { markRegConst, markRegUnknown } from '../../state/regs.ts';
import { type FuncState, regRow, slotRow } from '../../state/state.ts';
import type { Access } from '../access.ts';
import { checkStackRangeInitialized } from './range.ts';

/** __mark_reg_const_zero: a zero that is precise only where precision is not tracked. */
export function markRegConstZero(env: VerifierEnv, rows: Int32Array, r: number): void {
  markRegConst(env, rows, r, 0, 0);
}

/** Copies a spilled register into a register; the slot's byte types and the definition mark stay where they belong. */
function restore(rows: Int32Array, dst: number, from: Int32Array, slot: number): void {
  const subreg = rows[dst + SUBREG_DEF];
  copyRow(rows, dst, from, slot);
  rows[dst + SLOT_TYPES] = 0;
  rows[dst + SUBREG_DEF] = subreg;
}

/** mark_reg_stack_read: all zeroes read as zero, anything else as unknown. */
function markStackRead(env: VerifierEnv, frame: FuncState, min: number, max: number, dstRegno: number): void {
  const { rows } = env.state.frame;
  let zeros = true;
  for (let i = min; i < max && zeros; i++) {
    const at = -i - 1;
    scratchSlot(env, at >> 3);
    zeros = slotType(frame.rows, slotRow(at >> 3), at & 7) === STACK_ZERO;
  }
  if (zeros) markRegConstZero(env, rows, regRow(dstRegno));
  else markRegUnknown(env, rows, regRow(dstRegno));
}

/** check_stack_read_fixed_off. `dstRegno` -1: the value is used as a number by an atomic. */
export function readFixed(env: VerifierEnv, frame: FuncState, off: number, size: number, dstRegno: number): void {
  const first = -off - 1;
  const spi = first >> 3;
  const slot = slotRow(spi);
  const { rows } = frame;
  scratchSlot(env, spi);
  checkFastcallStackContract(env, env.state.frame.subprogno, env.insnIdx, off);
  env.stackLiveness?.markRead(frame.frameno, env.insnIdx, spi);
  if (slotType(rows, slot, 7) === STACK_SPILL) {
    if (readSpill(env, frame, off, size, dstRegno)) pushInsnHistory(env, stackAccessFlags(frame.frameno, spi));
    return;
  }
  for (let i = 0; i < size; i++) {
    const t = slotType(rows, slot, (first - i) & 7);
    if (t === STACK_MISC || t === STACK_ZERO || (t === STACK_INVALID && env.allowUninitStack)) continue;
    reject(env, STACK.READ_UNINIT, off, i, size);
  }
  if (dstRegno >= 0) markStackRead(env, frame, off, off + size, dstRegno);
}

/** A read of a slot that holds a register; true when the register itself, or zero known from it, was restored. */
function readSpill(env: VerifierEnv, frame: FuncState, off: number, size: number, dstRegno: number): boolean {
  const { rows } = frame;
  const slot = slotRow((-off - 1) >> 3);
  const cur = env.state.frame.rows;
  let spillSize = 1;
  for (let i = 7; i > 0 && slotType(rows, slot, i - 1) === STACK_SPILL; i--) spillSize++;
  if (size !== 8 || spillSize !== 8) {
    if (rows[slot + TYPE] !== SCALAR_VALUE) {
      printLineInfo(env, env.insnIdx);
      reject(env, STACK.FILL_SIZE);
    }
    if (dstRegno < 0) return false;
    const dst = regRow(dstRegno);
    if (size > spillSize || (off & 7) !== 0) return readMixedBytes(env, frame, off, size, dst);
    if (env.bpfCapable && size === 4 && spillSize === 4 && regWidth(rows, slot) <= 32) assignScalarId(env, rows, slot);
    restore(cur, dst, rows, slot);
    if (regWidth(cur, dst) > size * 8) cur[dst + ID] = cur[dst + OFF] = 0;
    return true;
  }
  if (dstRegno >= 0) {
    restore(cur, regRow(dstRegno), rows, slot);
  } else if (!env.allowPtrLeaks && rows[slot + TYPE] !== SCALAR_VALUE) reject(env, STACK.LEAKING_SPILL, off);
  return true;
}

/** A read that is no fill: bytes of a spill, zeroes and others together. */
function readMixedBytes(env: VerifierEnv, frame: FuncState, off: number, size: number, dst: number): boolean {
  const { rows } = frame;
  const first = -off - 1;
  const slot = slotRow(first >> 3);
  const cur = env.state.frame.rows;
  let spills = 0;
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    const t = slotType(rows, slot, (first - i) & 7);
    if (t === STACK_SPILL) spills++;
    else if (t === STACK_ZERO) zeros++;
    else if (t !== STACK_MISC && !(t === STACK_INVALID && env.allowUninitStack)) {
      reject(env, STACK.READ_UNINIT, off, i, size);
    }
  }
  if (spills === size && varOffConst(rows, slot) && (rows[slot + VALUE_LO] | rows[slot + VALUE_HI]) === 0) {
    markRegConstZero(env, cur, dst);
    return true;
  }
  if (zeros === size) markRegConstZero(env, cur, dst);
  else markRegUnknown(env, cur, dst);
  return false;
}

/** check_stack_read_var_off. */
export function readVar(env: VerifierEnv, frame: FuncState, access: Access): void {
  const { off, size } = access;
  checkStackRangeInitialized(env, access, undefined);
  const { rows } = env.state.frame;
  const ptr = regRow(access.regno);
  const min = sminOf(rows, ptr) + off;
  const max = smaxOf(rows, ptr) + off;
  markStackRead(env, frame, min, max + size, access.valueRegno);
  checkFastcallStackContract(env, frame.subprogno, env.insnIdx, min);
}
