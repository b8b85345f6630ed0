/** Packet data: only what comparisons with the end of the packet have proved (check_packet_access). */
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, sminOf } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import { memAccessOk } from './mem-region.ts';

/** `off` includes the pointer's fixed offset; the variable part is covered by the range itself. */
export function checkPacketAccess(
  env: VerifierEnv,
  regno: number,
  off: number,
  size: number,
  zeroSizeAllowed: boolean,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (sminOf(rows, r) < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  const range = rows[r + A];
  if (range < 0) reject(env, ACCESS.PACKET_PAST_END, regno);
  if (!memAccessOk(env, regno, off, size, range, zeroSizeAllowed)) reject(env, ACCESS.PACKET_RANGE, regno);
}
