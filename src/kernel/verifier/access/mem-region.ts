/** Bounds of memory with a known size (check_mem_region_access). */
import {
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
} from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { ID, TYPE, sminOf, umaxOf } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import { BPF_MAX_VAR_OFF } from '../../rules/limits.ts';

/** __check_mem_access: false when [off, off + size) is outside, which is then in the log. */
export function memAccessOk(
  env: VerifierEnv,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroSizeAllowed: boolean,
): boolean {
  if (off >= 0 && (size > 0 || (size === 0 && zeroSizeAllowed)) && off + size <= memSize) return true;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  switch (rows[r + TYPE]) {
    case PTR_TO_MAP_KEY:
      env.log.line(`invalid access to map key, key_size=${memSize} off=${off} size=${size}`);
      break;
    case PTR_TO_MAP_VALUE:
      env.log.line(`invalid access to map value, value_size=${memSize} off=${off} size=${size}`);
      break;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      env.log.line(
        `invalid access to packet, off=${off} size=${size}, R${regno}(id=${rows[r + ID]},off=${off},r=${memSize})`,
      );
      break;
    default:
      env.log.line(`invalid access to memory, mem_size=${memSize} off=${off} size=${size}`);
  }
  return false;
}

/** The lowest and the highest place that the pointer may be at must both be inside. */
export function checkMemRegionAccess(
  env: VerifierEnv,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroSizeAllowed: boolean,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const smin = sminOf(rows, r);
  if (smin < 0) {
    const low = off + smin;
    if (low !== (low | 0) || low < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  }
  if (!memAccessOk(env, regno, smin + off, size, memSize, zeroSizeAllowed)) reject(env, ACCESS.MIN_OUTSIDE, regno);
  const umax = umaxOf(rows, r);
  if (umax >= BPF_MAX_VAR_OFF) reject(env, ACCESS.UNBOUNDED, regno);
  if (!memAccessOk(env, regno, umax + off, size, memSize, zeroSizeAllowed)) reject(env, ACCESS.MAX_OUTSIDE, regno);
}
