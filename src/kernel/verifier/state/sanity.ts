/** Bounds that contradict each other are a fault of the verifier, made harmless by forgetting them (reg_bounds_sanity_check). */
import { ERRNO } from '../../../uapi/errno.ts';
import { Rejected } from '../diag/reject.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import type { Scalar } from '../domain/scalar.ts';
import { regBoundsFault } from '../domain/sync.ts';
import type { VerifierEnv } from '../env.ts';
import { hex64 } from './format.ts';

/** Forgets the bounds of `s` when they contradict each other, and says so; with BPF_F_TEST_REG_INVARIANTS the program is refused. */
export function checkBounds(env: VerifierEnv, s: Scalar, context: string): boolean {
  const fault = regBoundsFault(s);
  if (fault === '') return false;
  env.log.line(
    `verifier bug: REG INVARIANTS VIOLATION (${context}): ${fault} u64=[${hex64(s.uminLo, s.uminHi)}, ${hex64(s.umaxLo, s.umaxHi)}] ` +
      `s64=[${hex64(s.sminLo, s.sminHi)}, ${hex64(s.smaxLo, s.smaxHi)}] u32=[${hex64(s.u32min, 0)}, ${hex64(s.u32max, 0)}] ` +
      `s32=[${hex64(s.s32min, 0)}, ${hex64(s.s32max, 0)}] var_off=(${hex64(s.valLo, s.valHi)}, ${hex64(s.maskLo, s.maskHi)})`,
  );
  if (env.testRegInvariants) throw new Rejected(EXPLORE.INVARIANTS_VIOLATION, ERRNO.EFAULT);
  s.setUnbounded();
  return true;
}
