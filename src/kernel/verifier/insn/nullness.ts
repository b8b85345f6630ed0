/** Compares of or-null pointers with NULL decide all copies of the pointer at once (mark_ptr_or_null_regs). */
import { BPF_RES_SPIN_LOCK, BPF_SPIN_LOCK } from '../../../btf/record.ts';
import {
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_RCU,
  NON_OWN_REF,
  SCALAR_VALUE,
  baseType,
  typeMayBeNull,
} from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { A, FRAMENO, ID, OFF, PRECISE, REF_OBJ_ID, TYPE, varOffZero } from '../state/row.ts';
import { hasField, regBtfRecord } from '../state/record.ts';
import { forEachReg } from '../state/each.ts';
import { markPtrNotNullReg } from '../state/regs.ts';
import { type VerifierState, regRow } from '../state/state.ts';

/** reg_may_point_to_spin_lock(): the id still tells which object's lock it is. */
const mayPointToSpinLock = (env: VerifierEnv, rows: Int32Array, r: number): boolean =>
  hasField(regBtfRecord(env, rows, r), BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK);

/** mark_ptr_or_null_regs for one branch. */
export function markPtrOrNullRegs(env: VerifierEnv, state: VerifierState, regno: number, isNull: boolean): void {
  const regs = state.frame.rows;
  const id = regs[regRow(regno) + ID];
  const refObjId = regs[regRow(regno) + REF_OBJ_ID];
  if (refObjId !== 0 && refObjId === id && isNull) {
    // Nothing was acquired after all.
    state.refs = state.refs.filter((ref) => ref.id !== id);
  }
  forEachReg(state, (rows, r) => markPtrOrNullReg(env, rows, r, id, isNull));
}

function markPtrOrNullReg(env: VerifierEnv, rows: Int32Array, r: number, id: number, isNull: boolean): void {
  const type = rows[r + TYPE];
  if (!typeMayBeNull(type) || rows[r + ID] !== id || (id === 0 && (type & MEM_RCU) === 0)) return;
  // Arithmetic on or-null pointers is refused, so a moved one is left as it is.
  if (!varOffZero(rows, r)) return;
  const localKptr = (type & (MEM_ALLOC | NON_OWN_REF)) !== 0;
  if (!localKptr && rows[r + OFF] !== 0) return;
  if (isNull) {
    // What it would have pointed to stays noted, and strict comparisons of states see it.
    rows.fill(0, r, r + A);
    rows[r + TYPE] = SCALAR_VALUE;
    rows[r + FRAMENO] = rows[r + PRECISE] = 0;
    return;
  }
  markPtrNotNullReg(env, rows, r);
  // Sockets, maps and memory need no id once they are known to exist; values with a lock do.
  if (baseType(rows[r + TYPE]) === CONST_PTR_TO_MAP || !mayPointToSpinLock(env, rows, r)) rows[r + ID] = 0;
}
