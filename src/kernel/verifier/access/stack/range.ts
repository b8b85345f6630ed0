/** Stack memory that is handed to a helper, or read at a variable offset (check_stack_range_initialized). */
import { SCALAR_VALUE } from '../../../rules/reg-types.ts';
import { STACK } from '../../diag/catalogue/stack.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { formatTnum } from '../../state/format.ts';
import {
  FRAMENO,
  SLOT_TYPES,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  TYPE,
  VALUE_LO,
  setSlotType,
  slotType,
  smaxOf,
  sminOf,
  varOffConst,
} from '../../state/row.ts';
import { markRegUnknown } from '../../state/regs.ts';
import { type FuncState, regRow, slotRow } from '../../state/state.ts';
import type { Access } from '../access.ts';
import { checkWithinBounds } from '../stack-bounds.ts';
import { scrubSlot } from './write.ts';

/** The caller's questions about memory that a helper fills (part of struct bpf_call_arg_meta). */
export interface RawMemory {
  /** The memory may be uninitialised: the helper writes it. Cleared here when offsets vary. */
  rawMode: boolean;
  accessSize: number;
  regno: number;
}

/** Every byte must be readable; when the access writes, the callee writes it too. */
export function checkStackRangeInitialized(env: VerifierEnv, access: Access, meta: RawMemory | undefined): void {
  const { regno, off, size, write } = access;
  if (size === 0 && !access.zeroSizeAllowed) reject(env, STACK.ZERO_SIZED_READ);
  checkWithinBounds(env, access);
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const frame = env.state.frames[rows[r + FRAMENO]];
  const isConst = varOffConst(rows, r);
  let min: number;
  let max: number;
  let raw = meta?.rawMode ?? false;
  if (isConst) min = max = rows[r + VALUE_LO] + off;
  else {
    // Only memory at a known place can be left to the helper to initialise.
    raw = false;
    min = sminOf(rows, r) + off;
    max = smaxOf(rows, r) + off;
  }
  if (raw && meta !== undefined) {
    for (let i = min; i < max + size; i++) {
      const at = -i - 1;
      if (frame.allocatedStack > at && slotType(frame.rows, slotRow(at >> 3), at & 7) === STACK_DYNPTR) {
        reject(env, STACK.DYNPTR_WRITE, i);
      }
    }
    meta.accessSize = size;
    meta.regno = regno;
    return;
  }
  for (let i = min; i < max + size; i++) {
    if (checkByte(env, frame, i, write)) continue;
    if (isConst) reject(env, STACK.READ_UNINIT_REG, regno, min, i - min, size);
    reject(env, STACK.READ_UNINIT_VAR, regno, formatTnum(rows, r), i - min, size);
  }
}

/** Whether one byte may be read; a helper that writes leaves it unknown. */
function checkByte(env: VerifierEnv, frame: FuncState, i: number, clobber: boolean): boolean {
  const { rows } = frame;
  const at = -i - 1;
  const spi = at >> 3;
  const slot = slotRow(spi);
  const type = slotType(rows, slot, at & 7);
  if (type === STACK_ZERO || (type === STACK_INVALID && env.allowUninitStack)) {
    if (clobber) setSlotType(rows, slot, at & 7, STACK_MISC);
  } else if (type !== STACK_MISC) {
    const spilled = slotType(rows, slot, 7) === STACK_SPILL;
    if (!spilled || (rows[slot + TYPE] !== SCALAR_VALUE && !env.allowPtrLeaks)) return false;
    if (clobber) {
      const types = rows[slot + SLOT_TYPES];
      markRegUnknown(env, rows, slot);
      rows[slot + SLOT_TYPES] = types;
      scrubSlot(rows, slot);
    }
  }
  env.stackLiveness?.markRead(frame.frameno, env.insnIdx, spi);
  return true;
}
