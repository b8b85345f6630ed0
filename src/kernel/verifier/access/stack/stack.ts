/** Accesses to the stack: the dispatch to reads and writes (check_mem_access of PTR_TO_STACK). */
import { STACK } from '../../diag/catalogue/stack.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { formatTnum } from '../../state/format.ts';
import { VALUE_LO, varOffConst } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { Access } from '../access.ts';
import { checkWithinBounds, frameOf } from '../stack-bounds.ts';
import { readFixed, readVar } from './read.ts';
import { writeFixed, writeVar } from './write.ts';

/** A load or store through PTR_TO_STACK. */
export function checkStackAccess(env: VerifierEnv, access: Access): void {
  const { off, size, write, valueRegno } = access;
  checkWithinBounds(env, access);
  const { rows } = env.state.frame;
  const r = regRow(access.regno);
  const frame = frameOf(env, rows, r);
  if (!varOffConst(rows, r)) {
    if (write) writeVar(env, frame, access);
    else {
      if (valueRegno < 0) reject(env, STACK.VAR_TO_HELPER, formatTnum(rows, r), off, size);
      readVar(env, frame, access);
    }
    return;
  }
  const at = off + rows[r + VALUE_LO];
  if (write) writeFixed(env, frame, at, access);
  else readFixed(env, frame, at, size, valueRegno);
}
