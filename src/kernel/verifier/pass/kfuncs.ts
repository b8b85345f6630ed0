/** Kernel functions that the program calls, found by their type in the kernel's BTF (bpf_add_kfunc_call). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import type { KfuncRow } from '../../rules/rows/kfuncs/row.ts';
import { kfuncFor } from '../../rules/compile.ts';
import type { ProgQuery } from '../../rules/prog-type.ts';
import { attachPoint } from '../attach-point.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { MAX_KFUNC_DESCS } from '../../rules/limits.ts';
import type { CalledKfunc } from '../insn-aux.ts';

/**
 * Resolves the call at `i`: what it calls goes to aux.extra; `seen` collects the different functions by type.
 * A call of type 0 is a weak function that does not exist: left for exploration.
 */
export function addKfunc(env: VerifierEnv, i: number, seen: Map<number, CalledKfunc>): void {
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
  let kfunc = seen.get(id);
  if (kfunc === undefined) seen.set(id, (kfunc = resolve(env, btf, id)));
  const extra = aux.extraAt(i);
  extra.btf = 0;
  extra.btfId = id;
  extra.kfunc = kfunc;
}

function resolve(env: VerifierEnv, btf: Btf, id: number): CalledKfunc {
  const func = btf.type(id);
  if (func?.kind !== BTF_KIND.FUNC) reject(env, STRUCTURE.KFUNC_NOT_FUNC, id);
  const { name } = func;
  const { rules } = env.input;
  const row = rules.kfunc(name);
  if (row?.deviceBound === true) reject(env, KFUNC.DEVICE_BOUND);
  return { name, id, row, allowed: kfuncFor(rules, name, calledFrom(env)) !== undefined };
}

/** The program as the filters of kernel functions see it: the operation that it implements has not been checked yet. */
function calledFrom(env: VerifierEnv): ProgQuery {
  const at = attachPoint(env);
  return at?.structOps === undefined ? env.query : { ...env.query, attachBtfName: `${at.structOps}.${at.name}` };
}

/** The kernel function that the instruction at `i` calls; undefined for other instructions and a weak function that does not exist. */
export const calledKfunc = (env: VerifierEnv, i: number): CalledKfunc | undefined => env.aux.extra.get(i)?.kfunc;

/** The effect of a call of a kernel function, for every caller. */
export const kfuncRow = (env: VerifierEnv, i: number): KfuncRow | undefined => env.aux.extra.get(i)?.kfunc?.row;
