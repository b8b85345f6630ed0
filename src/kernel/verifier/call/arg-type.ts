/** The checks of an argument's type and offset, for functions of the program as well as for helpers. */
import type { VerifierEnv } from '../env.ts';
import { checkRegType as checkHelperRegType } from './args/types.ts';
import { CallMeta } from '../state/call-meta.ts';

export { checkArgRegOff as checkFuncArgRegOff } from './args/offset.ts';

/** check_reg_type of a BTF pointer that a global function takes; `btfId` in the kernel's BTF. */
export const checkRegType = (env: VerifierEnv, regno: number, argType: number, btfId: number): void =>
  checkHelperRegType(env, regno, argType, btfId, new CallMeta());
