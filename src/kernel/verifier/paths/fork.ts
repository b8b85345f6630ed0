/** A value that is 0 or -1 is explored as each, so that a mask made of it keeps its meaning (maybe_fork_scalars). */
import { forkWidth, markKnownOn } from '../domain/fork.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import { loadScalar, storeScalar } from '../state/row.ts';
import { pushStack } from './worklist.ts';

const dst = new Scalar();

/** Splits `rows[d]` before an AND or OR with a constant: the other path repeats the instruction with 0, this one goes on with -1. */
export function maybeForkScalars(env: VerifierEnv, op: number, rows: Int32Array, d: number, src: Scalar): void {
  loadScalar(dst, rows, d);
  const width = forkWidth(op, dst, src);
  if (width === 0) return;
  const other = pushStack(env, env.insnIdx, env.insnIdx, false);
  markKnownOn(dst, width, 0);
  storeScalar(dst, other.frame.rows, d);
  markKnownOn(dst, width, -1);
  storeScalar(dst, rows, d);
}
