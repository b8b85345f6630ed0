/** Packet data: only what comparisons with the end of the packet have proved (check_packet_access). */
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, sminOf } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import type { MemSpan } from './access.ts';
import { memAccessOk } from './mem-region.ts';

/** The variable part of the offset is covered by the range itself. */
export function checkPacketAccess(env: VerifierEnv, span: MemSpan): void {
  const { regno } = span;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (sminOf(rows, r) < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  const range = rows[r + A];
  if (range < 0) reject(env, ACCESS.PACKET_PAST_END, regno);
  if (!memAccessOk(env, span, span.off, range)) reject(env, ACCESS.PACKET_RANGE, regno);
}
