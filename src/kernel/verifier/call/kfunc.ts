/** Calls of kernel functions (check_kfunc_call). */
import type { VerifierEnv } from '../env.ts';
import { InternalError } from '../../../util/errors.ts';

export function checkKfuncCall(_env: VerifierEnv, _idx: number): void {
  throw new InternalError('kfunc calls: SCOPE 122');
}
