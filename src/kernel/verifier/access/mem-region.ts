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
import type { MemSpan } from './access.ts';

/** __check_mem_access: false when the span, begun at `off`, is outside, which is then in the log. */
export function memAccessOk(env: VerifierEnv, span: MemSpan, off: number, memSize: number): boolean {
  const { regno, size } = span;
  if (off >= 0 && (size > 0 || (size === 0 && span.zeroSizeAllowed)) && off + size <= memSize) return true;
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
export function checkMemRegionAccess(env: VerifierEnv, span: MemSpan, memSize: number): void {
  const { regno, off } = span;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const smin = sminOf(rows, r);
  if (smin < 0) {
    const low = off + smin;
    if (low !== (low | 0) || low < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  }
  if (!memAccessOk(env, span, smin + off, memSize)) reject(env, ACCESS.MIN_OUTSIDE, regno);
  const umax = umaxOf(rows, r);
  if (umax >= BPF_MAX_VAR_OFF) reject(env, ACCESS.UNBOUNDED, regno);
  if (!memAccessOk(env, span, umax + off, memSize)) reject(env, ACCESS.MAX_OUTSIDE, regno);
}
