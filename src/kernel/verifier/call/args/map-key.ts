/** Constant keys of array lookups (get_constant_map_key): a key in range makes the result never NULL. */
import { PTR_TO_STACK } from '../../../rules/reg-types.ts';
import { BPF_MAP_TYPE } from '../../../../uapi/map-types.ts';
import type { VerifierEnv } from '../../env.ts';
import { isSpilledScalar, markChainPrecisionBatch } from '../../paths/backtrack.ts';
import {
  FRAMENO,
  OFF,
  STACK_SPILL,
  STACK_ZERO,
  TYPE,
  VALUE_HI,
  VALUE_LO,
  slotType,
  u64ToNumber,
  varOffConst,
} from '../../state/row.ts';
import { regRow, slotRow } from '../../state/state.ts';

/** can_elide_value_nullness: every index below max_entries has a value. */
export const canElideValueNullness = (mapType: number): boolean =>
  mapType === BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY || mapType === BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY;

/** The constant that the key on the stack is, or -1. A spilled constant is from then on tracked precisely. */
export function constantMapKey(env: VerifierEnv, regno: number, keySize: number): number {
  const regs = env.state.frame.rows;
  const k = regRow(regno);
  if (!env.bpfCapable || regs[k + TYPE] !== PTR_TO_STACK || !varOffConst(regs, k)) return -1;
  const frameno = regs[k + FRAMENO];
  const { rows } = env.state.frames[frameno];
  const slot = -(regs[k + OFF] + regs[k + VALUE_LO]) - 1;
  const spi = slot >> 3;
  const s = slotRow(spi);
  if (runOf(rows, s, slot & 7, STACK_ZERO) >= keySize) return 0;
  if (!isSpilledScalar(rows, s) || runOf(rows, s, slot & 7, STACK_SPILL) !== keySize) return -1;
  if (!varOffConst(rows, s)) return -1;
  env.bt.frame = env.state.curframe;
  env.bt.setFrameSlot(frameno, spi);
  markChainPrecisionBatch(env, env.state);
  const value = u64ToNumber(rows[s + VALUE_LO], rows[s + VALUE_HI]);
  return rows[s + VALUE_HI] < 0 ? -1 : value;
}

/** Bytes of one slot type from the pointer's address up to the end of the slot. */
function runOf(rows: Int32Array, s: number, from: number, type: number): number {
  let count = 0;
  for (let i = from; i >= 0 && slotType(rows, s, i) === type; i--) count++;
  return count;
}
