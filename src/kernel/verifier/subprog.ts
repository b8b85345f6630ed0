/** Questions about the subprogram table. */
import type { VerifierEnv } from './env.ts';

/** Index of the subprogram that begins at `insnIdx`, or -1 (find_subprog). */
export function findSubprogAt(env: VerifierEnv, insnIdx: number): number {
  const i = findContainingSubprog(env, insnIdx);
  return i >= 0 && env.subprogs[i].start === insnIdx ? i : -1;
}

/** Index of the subprogram that contains `insnIdx`, or -1 (bpf_find_containing_subprog). */
export function findContainingSubprog(env: VerifierEnv, insnIdx: number): number {
  const { subprogs } = env;
  if (insnIdx < 0 || insnIdx >= env.insns.length) return -1;
  let lo = 0;
  let hi = subprogs.length - 1;
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (subprogs[mid].start <= insnIdx) lo = mid;
    else hi = mid - 1;
  }
  return lo;
}

/** First slot after subprogram `i`. */
export const subprogEnd = (env: VerifierEnv, i: number): number =>
  i + 1 < env.subprogs.length ? env.subprogs[i + 1].start : env.insns.length;
