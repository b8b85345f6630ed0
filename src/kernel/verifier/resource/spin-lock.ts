/** Locks in map values and allocated objects (process_spin_lock, acquire_lock_state, release_lock_state). */
import { BPF_RES_SPIN_LOCK, BPF_SPIN_LOCK } from '../../../btf/record.ts';
import type { LockKind } from '../../rules/effects.ts';
import { PTR_TO_MAP_VALUE } from '../../rules/reg-types.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, ID, OFF, TYPE, VALUE_HI, VALUE_LO, varOffConst } from '../state/row.ts';
import {
  REF_TYPE_LOCK,
  REF_TYPE_RES_LOCK,
  REF_TYPE_RES_LOCK_IRQ,
  type Ref,
  type VerifierState,
  regRow,
} from '../state/state.ts';
import { s64Text } from '../state/format.ts';
import { hasField, regBtfRecord } from '../state/record.ts';
import { invalidateNonOwningRefs, removeRef } from './refs.ts';

const LOCK_MASK = REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ;

const REF_TYPE_OF: Record<LockKind, number> = {
  spin: REF_TYPE_LOCK,
  res: REF_TYPE_RES_LOCK,
  'res-irq': REF_TYPE_RES_LOCK_IRQ,
};

/** The owner of a lock as one number: maps count up from 1, BTF objects down from -1. */
export const lockPtr = (rows: Int32Array, r: number): number =>
  rows[r + TYPE] === PTR_TO_MAP_VALUE ? rows[r + A] + 1 : -1 - rows[r + A];

/** find_lock_state. */
export const findLock = (state: VerifierState, type: number, id: number, ptr: number): Ref | undefined =>
  state.refs.find((ref) => (ref.type & type) !== 0 && ref.id === id && ref.ptr === ptr);

/** process_spin_lock: argument `regno` of a lock or unlock function. */
export function processSpinLock(env: VerifierEnv, regno: number, kind: LockKind, lock: boolean): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const name = kind === 'spin' ? 'bpf_spin' : 'bpf_res_spin';
  if (!varOffConst(rows, r)) reject(env, RESOURCE.LOCK_OFFSET_NOT_CONST, regno, name);
  const map = rows[r + TYPE] === PTR_TO_MAP_VALUE ? env.maps[rows[r + A]] : undefined;
  if (map !== undefined && map.btf === undefined) reject(env, RESOURCE.LOCK_MAP_NO_BTF, map.name, name);
  const record = regBtfRecord(env, rows, r);
  if (record === undefined || !hasField(record, kind === 'spin' ? BPF_SPIN_LOCK : BPF_RES_SPIN_LOCK)) {
    reject(env, RESOURCE.LOCK_NONE, map ? 'map' : 'local', map ? map.name : 'kptr', name);
  }
  const at = kind === 'spin' ? record.spinLockOff : record.resSpinLockOff;
  const off = s64Text(rows[r + VALUE_LO], rows[r + VALUE_HI], rows[r + OFF]);
  if (off !== String(at)) reject(env, RESOURCE.LOCK_OFFSET, off, name, at);
  if (lock) takeLock(env, kind, rows[r + ID], lockPtr(rows, r));
  else dropLock(env, kind, rows[r + ID], lockPtr(rows, r), name);
}

function takeLock(env: VerifierEnv, kind: LockKind, id: number, ptr: number): void {
  const { state } = env;
  // A plain lock under a lock is refused as a call under a lock, before it comes here.
  const held = kind !== 'spin' && findLock(state, REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ, id, ptr) !== undefined;
  if (state.activeLocks > 0 && held) reject(env, RESOURCE.LOCK_AA);
  state.refs = [...state.refs, { type: REF_TYPE_OF[kind], id, insnIdx: env.insnIdx, ptr }];
  state.activeLocks++;
  state.activeLockId = id;
  state.activeLockPtr = ptr;
}

function dropLock(env: VerifierEnv, kind: LockKind, id: number, ptr: number, name: string): void {
  const { state } = env;
  if (state.activeLocks === 0) reject(env, RESOURCE.UNLOCK_WITHOUT_LOCK, name);
  const ref = findLock(state, REF_TYPE_OF[kind], id, ptr);
  if (ref === undefined) reject(env, RESOURCE.UNLOCK_DIFFERENT, name);
  if (id !== state.activeLockId || ptr !== state.activeLockPtr) reject(env, RESOURCE.UNLOCK_ORDER, name);
  const index = state.refs.indexOf(ref);
  const outer = state.refs.slice(0, index).findLast((held) => (held.type & LOCK_MASK) !== 0);
  removeRef(state, index);
  state.activeLocks--;
  state.activeLockId = outer?.id ?? 0;
  state.activeLockPtr = outer?.ptr ?? 0;
  invalidateNonOwningRefs(env);
}
