/** The function that runs after bpf_throw, named by a decl tag on the main program (bpf_find_exception_callback_insn_off). */
import { BTF_KIND, BTF_LINKAGE } from '../../../btf/types.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

const TAG = 'exception_callback:';

/** First instruction of the exception callback, 0 when the program has none. */
export function exceptionCallbackStart(env: VerifierEnv): number {
  const { btf, funcInfo } = env.input;
  if (btf === undefined || funcInfo === undefined || funcInfo.length === 0) return 0;
  const tags = btf.declTags(funcInfo[0].typeId, -1).filter((tag) => tag.startsWith(TAG));
  if (tags.length === 0) return 0;
  if (tags.length > 1) reject(env, STRUCTURE.EXCEPTION_CB_MULTIPLE);
  const name = tags[0].slice(TAG.length);
  const id = btf.find(name, BTF_KIND.FUNC);
  if (id === 0) reject(env, STRUCTURE.EXCEPTION_CB_NOT_FOUND, name);
  if (btf.type(id)?.linkage !== BTF_LINKAGE.GLOBAL) reject(env, STRUCTURE.EXCEPTION_CB_LINKAGE, name);
  const info = funcInfo.findLast((f) => f.typeId === id);
  if (info === undefined) reject(env, STRUCTURE.EXCEPTION_CB_NO_INFO);
  if (info.insnOff === 0) reject(env, STRUCTURE.EXCEPTION_CB_FIRST);
  return info.insnOff;
}
