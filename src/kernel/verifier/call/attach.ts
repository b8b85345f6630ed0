/** The kernel function that a program is attached to, by BTF (attach_func_proto). */
import type { BtfType } from '../../../btf/types.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../pass/kfuncs.ts';

/** Prototype of the attach function; undefined when the program names none. */
export function attachFuncProto(env: VerifierEnv): BtfType | undefined {
  const id = env.input.attachBtfId;
  if (id === 0) return undefined;
  const btf = kernelBtf(env);
  const func = btf?.type(id);
  const proto = func?.kind === BTF_KIND.FUNC ? btf?.type(func.type) : undefined;
  return proto?.kind === BTF_KIND.FUNC_PROTO ? proto : undefined;
}

/** The attach function returns nothing. */
export const attachReturnsVoid = (env: VerifierEnv): boolean => attachFuncProto(env)?.type === 0;
