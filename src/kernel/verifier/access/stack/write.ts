/** Stores to the stack: spills keep what is known of the register, other bytes are remembered by kind (check_stack_write_*). */
import { BPF_MEM, BPF_ST, bpfClass, bpfMode } from '../../../../isa/opcodes.ts';
import {
  NOT_INIT,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  CONST_PTR_TO_DYNPTR,
  SCALAR_VALUE,
  baseType,
} from '../../../rules/reg-types.ts';
import { AUX_NOSPEC_RESULT } from '../../insn-aux.ts';
import { STACK } from '../../diag/catalogue/stack.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { isSpilledScalar, markChainPrecision } from '../../paths/backtrack.ts';
import { pushInsnHistory, stackAccessFlags } from '../../paths/history.ts';
import { assignScalarId, regWidth } from '../../state/scalar-id.ts';
import { checkFastcallStackContract } from '../../pass/fastcall.ts';
import { destroyIfDynptrSlot } from '../../state/dynptr-slot.ts';
import { scratchSlot } from '../../state/print.ts';
import { printLineInfo } from '../../state/print-insn.ts';
import {
  ID,
  ROW,
  SLOT_TYPES,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  TYPE,
  VALUE_HI,
  VALUE_LO,
  copyRow,
  setSlotType,
  slotType,
  smaxOf,
  sminOf,
  varOffConst,
} from '../../state/row.ts';
import type { Access } from '../access.ts';
import { markRegKnown, regIsNull } from '../../state/regs.ts';
import { type FuncState, regRow, slotRow } from '../../state/state.ts';

const fake = new Int32Array(ROW);

/** is_spillable_regtype(): pointers that the stack can keep. */
function isSpillable(type: number): boolean {
  const base = baseType(type);
  return base !== NOT_INIT && base !== SCALAR_VALUE && base !== PTR_TO_TP_BUFFER && base !== CONST_PTR_TO_DYNPTR;
}

/** mark_stack_slot_misc(): a byte that nobody wrote stays unwritten, or it could be read without privileges. */
export function markByteMisc(rows: Int32Array, r: number, i: number): void {
  const t = slotType(rows, r, i);
  if (t === STACK_ZERO || t === STACK_INVALID) return;
  setSlotType(rows, r, i, STACK_MISC);
}

/** scrub_special_slot over a whole slot: bytes that were part of something become plain. */
export function scrubSlot(rows: Int32Array, r: number): void {
  for (let i = 0; i < 8; i++) if (slotType(rows, r, i) !== STACK_INVALID) setSlotType(rows, r, i, STACK_MISC);
}

/** is_bpf_st_mem of the instruction being checked. */
function isStoreImm(env: VerifierEnv): boolean {
  const code = env.insns.code[env.insnIdx];
  return bpfClass(code) === BPF_ST && bpfMode(code) === BPF_MEM;
}

/** save_register_state: the slot's lowest `size` bytes hold the register. */
function saveRegister(rows: Int32Array, slot: number, from: Int32Array, reg: number, size: number): void {
  const types = rows[slot + SLOT_TYPES];
  copyRow(rows, slot, from, reg);
  rows[slot + SLOT_TYPES] = types;
  for (let i = 7; i > 7 - size; i--) setSlotType(rows, slot, i, STACK_SPILL);
  for (let i = 7 - size; i >= 0; i--) markByteMisc(rows, slot, i);
}

/** check_stack_write_fixed_off. */
export function writeFixed(env: VerifierEnv, frame: FuncState, off: number, access: Access): void {
  const { size, valueRegno, insnIdx } = access;
  const spi = (-off - 1) >> 3;
  const slot = slotRow(spi);
  const { rows } = frame;
  const cur = env.state.frame;
  const reg = valueRegno >= 0 ? regRow(valueRegno) : -1;
  const spilled = slotType(rows, slot, 7) === STACK_SPILL;
  if (!env.allowPtrLeaks && spilled && !isSpilledScalar(rows, slot) && size !== 8) reject(env, STACK.CORRUPT_SPILL);
  if (!env.bypassSpecV4) noteSpeculativeStore(env, frame, off, access);
  destroyIfDynptrSlot(env, frame, spi);
  checkFastcallStackContract(env, frame.subprogno, insnIdx, off);
  scratchSlot(env, spi);
  if (size === 8) env.stackLiveness?.markWrite(frame.frameno, spi);
  const aligned = (off & 7) === 0;
  const type = reg >= 0 ? cur.rows[reg + TYPE] : NOT_INIT;
  if (reg >= 0 && aligned && type === SCALAR_VALUE && env.bpfCapable) {
    const fits = regWidth(cur.rows, reg) <= 8 * size;
    if (fits) assignScalarId(env, cur.rows, reg);
    saveRegister(rows, slot, cur.rows, reg, size);
    if (!fits) rows[slot + ID] = 0;
  } else if (reg < 0 && aligned && isStoreImm(env) && env.bpfCapable) {
    const imm = env.insns.imm[env.insnIdx];
    fake.fill(0);
    fake[TYPE] = SCALAR_VALUE;
    markRegKnown(fake, 0, imm, imm >> 31);
    saveRegister(rows, slot, fake, 0, size);
  } else if (reg >= 0 && isSpillable(type)) {
    if (size !== 8) {
      printLineInfo(env, insnIdx);
      reject(env, STACK.SPILL_SIZE);
    }
    if (frame !== cur && type === PTR_TO_STACK) reject(env, STACK.SPILL_TO_CALLER);
    saveRegister(rows, slot, cur.rows, reg, size);
  } else {
    writeBytes(env, frame, off, size, valueRegno);
    return;
  }
  pushInsnHistory(env, stackAccessFlags(frame.frameno, spi));
}

/** Bytes that hold nothing to remember but whether they are zero. */
function writeBytes(env: VerifierEnv, frame: FuncState, off: number, size: number, valueRegno: number): void {
  const { rows } = frame;
  const first = -off - 1;
  const slot = slotRow(first >> 3);
  const last = slotType(rows, slot, 7);
  rows[slot + TYPE] = NOT_INIT;
  if (last === STACK_SPILL || last === STACK_DYNPTR || last === STACK_ITER || last === STACK_IRQ_FLAG)
    scrubSlot(rows, slot);
  let type = STACK_MISC;
  const zero =
    valueRegno >= 0
      ? regIsNull(env.state.frame.rows, regRow(valueRegno))
      : isStoreImm(env) && env.insns.imm[env.insnIdx] === 0;
  if (zero) {
    // The zeroes are only zero as long as the register is known to be.
    if (valueRegno >= 0) markChainPrecision(env, valueRegno);
    type = STACK_ZERO;
  }
  for (let i = 0; i < size; i++) setSlotType(rows, slot, (first - i) & 7, type);
}

/** Without CAP_PERFMON a store that a processor may skip over needs a barrier behind it. */
function noteSpeculativeStore(env: VerifierEnv, frame: FuncState, off: number, access: Access): void {
  const { size, valueRegno } = access;
  const slot = slotRow((-off - 1) >> 3);
  let sanitize = valueRegno >= 0 && isSpillable(env.state.frame.rows[regRow(valueRegno) + TYPE]);
  for (let i = 0; i < size && !sanitize; i++) {
    const t = slotType(frame.rows, slot, (-off - 1 - i) & 7);
    if (t !== STACK_MISC && t !== STACK_ZERO) sanitize = true;
  }
  if (sanitize) env.aux.flags[access.insnIdx] |= AUX_NOSPEC_RESULT;
}

/** check_stack_write_var_off: every byte that may be hit loses what was known of it. */
export function writeVar(env: VerifierEnv, frame: FuncState, access: Access): void {
  const { off, size, valueRegno, insnIdx } = access;
  const cur = env.state.frame;
  const ptr = regRow(access.regno);
  const min = sminOf(cur.rows, ptr) + off;
  const max = smaxOf(cur.rows, ptr) + off + size;
  const writingZero =
    valueRegno >= 0 ? regIsNull(cur.rows, regRow(valueRegno)) : isStoreImm(env) && env.insns.imm[env.insnIdx] === 0;
  for (let i = min; i < max; i++) destroyIfDynptrSlot(env, frame, (-i - 1) >> 3);
  checkFastcallStackContract(env, frame.subprogno, insnIdx, min);
  let zeroUsed = false;
  for (let i = min; i < max; i++) if (overwriteByte(env, frame, i, writingZero, insnIdx)) zeroUsed = true;
  if (zeroUsed && valueRegno >= 0) markChainPrecision(env, valueRegno);
}

/** One byte that a variable write may hit; true when it stays zero because zero is written. */
function overwriteByte(env: VerifierEnv, frame: FuncState, i: number, writingZero: boolean, insnIdx: number): boolean {
  const { rows } = frame;
  const at = -i - 1;
  const slot = slotRow(at >> 3);
  const type = slotType(rows, slot, at & 7);
  scratchSlot(env, at >> 3);
  if (!env.allowPtrLeaks && type !== STACK_MISC && type !== STACK_ZERO) {
    reject(env, STACK.VAR_WRITE_OVER_SPILL, insnIdx, i);
  }
  if (writingZero && type === STACK_SPILL && isSpilledScalar(rows, slot)) {
    if (varOffConst(rows, slot) && (rows[slot + VALUE_LO] | rows[slot + VALUE_HI]) === 0) return true;
  }
  // No part of a spill is left that could be filled again.
  if (slotType(rows, slot, 7) === STACK_SPILL) scrubSlot(rows, slot);
  rows[slot + TYPE] = NOT_INIT;
  const zero = writingZero && type === STACK_ZERO;
  setSlotType(rows, slot, at & 7, zero ? STACK_ZERO : STACK_MISC);
  return zero;
}
