/** Kernel functions that the program calls, found by their type in the kernel's BTF (bpf_add_kfunc_call). */
import { BTF_KIND } from '../../../btf/types.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { MAX_KFUNC_DESCS } from '../../rules/limits.ts';

/**
 * Resolves the call at `i`: name and type go to aux.extra; `seen` collects the different functions.
 * A call of type 0 is a weak function that does not exist: left for exploration.
 */
export function addKfunc(env: VerifierEnv, i: number, seen: Set<number>): void {
  const { insns, input, aux } = env;
  const id = insns.imm[i];
  const fdIdx = insns.off[i];
  const btf = kernelBtf(env);
  if (btf === undefined) reject(env, STRUCTURE.KFUNC_WITHOUT_BTF);
  if (!env.query.gplCompatible) reject(env, STRUCTURE.KFUNC_NOT_GPL);
  if (id === 0 && fdIdx === 0) return;
  if (seen.size >= MAX_KFUNC_DESCS && !seen.has(id)) reject(env, STRUCTURE.KFUNC_TOO_MANY);
  if (fdIdx !== 0) {
    if (fdIdx < 0) reject(env, STRUCTURE.KFUNC_OFFSET);
    if (input.fdArray === undefined) reject(env, STRUCTURE.KFUNC_NO_FD_ARRAY);
    reject(env, STRUCTURE.KFUNC_MODULE);
  }
  const func = btf.type(id);
  if (func?.kind !== BTF_KIND.FUNC) reject(env, STRUCTURE.KFUNC_NOT_FUNC, id);
  seen.add(id);
  if (func.name.startsWith('bpf_xdp_metadata_rx_')) reject(env, KFUNC.DEVICE_BOUND);
  const extra = aux.extraAt(i);
  extra.btf = 0;
  extra.btfId = id;
  extra.kfunc = func.name;
}
