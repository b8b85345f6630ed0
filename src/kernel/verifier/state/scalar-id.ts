/** Ids of scalars: copies of one unknown number are linked by one (assign_scalar_id_before_mov). */
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { BPF_ADD_CONST, ID, MASK_HI, MASK_LO, OFF, TYPE, UMAX_HI, UMAX_LO } from './row.ts';

/** get_reg_width(): bits that the value may need. */
export const regWidth = (rows: Int32Array, r: number): number =>
  rows[r + UMAX_HI] !== 0 ? 64 - Math.clz32(rows[r + UMAX_HI]) : 32 - Math.clz32(rows[r + UMAX_LO]);

/** assign_scalar_id_before_mov: copies of an unknown scalar share an id. */
export function assignScalarId(env: VerifierEnv, rows: Int32Array, r: number): void {
  if (rows[r + TYPE] !== SCALAR_VALUE) return;
  if (rows[r + ID] & BPF_ADD_CONST) rows[r + ID] = rows[r + OFF] = 0;
  if (rows[r + ID] === 0 && (rows[r + MASK_LO] | rows[r + MASK_HI]) !== 0) rows[r + ID] = env.newId();
}
