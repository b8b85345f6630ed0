/** Buffers whose size is checked at run time: tracepoint buffers and those of iterators (check_buffer_access, check_tp_buffer_access). */
import { MEM_RDONLY, PTR_TO_TP_BUFFER, baseType } from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { formatTnum } from '../state/format.ts';
import { TYPE, varOffZero } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import type { MemSpan } from './access.ts';

export function checkBufferAccess(env: VerifierEnv, { regno, off, size }: MemSpan): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const what = baseType(type) === PTR_TO_TP_BUFFER ? 'tracepoint' : type & MEM_RDONLY ? 'rdonly' : 'rdwr';
  if (off < 0) reject(env, ACCESS.BUFFER_NEGATIVE, regno, what, off, size);
  if (!varOffZero(rows, r)) reject(env, ACCESS.BUFFER_VARIABLE, regno, off, formatTnum(rows, r));
  env.bufferAccess[what] = Math.max(env.bufferAccess[what], off + size);
}
