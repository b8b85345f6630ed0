/** Everything after acceptance, in the kernel's order: what is dead goes, what is abstract becomes concrete. */
import { BPF_PSEUDO_FUNC } from '../../../isa/opcodes.ts';
import { REWRITE } from '../diag/catalogue/rewrite.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import type { VerifiedProgram } from '../result.ts';
import { findSubprogAt } from '../subprog.ts';
import { convertCtxAccesses } from './convert.ts';
import { hardWireDeadBranches, removeDeadCode, removeNops, sanitizeDeadCode } from './dead-code.ts';
import { finishProgram } from './finish.ts';
import { doMiscFixups, resolveAddresses } from './fixups.ts';

/** Rewrites env.insns and gives the result. Stack depths are checked before (checkMaxStackDepth). */
export function rewriteProgram(env: VerifierEnv): VerifiedProgram {
  const mapCount = markSecondSlots(env);
  if (env.input.testing?.asWritten) {
    // Nothing is taken away.
  } else if (env.bpfCapable) {
    hardWireDeadBranches(env);
    removeDeadCode(env);
    removeNops(env);
  } else {
    sanitizeDeadCode(env);
  }
  convertCtxAccesses(env);
  doMiscFixups(env);
  checkFunctionPointers(env);
  resolveAddresses(env);
  return finishProgram(env, mapCount);
}

/** jit_subprogs: what takes the address of a function must still find one. */
function checkFunctionPointers(env: VerifierEnv): void {
  const { insns, subprogs } = env;
  if (subprogs.length <= 1) return;
  for (let i = 0; i < insns.length; i++) {
    if (!isLdImm64(insns, i)) continue;
    if (insns.src[i] === BPF_PSEUDO_FUNC && findSubprogAt(env, i + insns.imm[i] + 1) < 0) {
      reject(env, REWRITE.DANGLING_FUNCTION, i);
    }
    i++;
  }
}

/** The second slot of an ld_imm64 is reached when the first is; counts the maps that the program names, which stand first in env.maps. */
function markSecondSlots(env: VerifierEnv): number {
  const { insns, aux } = env;
  let maps = 0;
  for (let i = 0; i + 1 < insns.length; i++) {
    if (!isLdImm64(insns, i)) continue;
    aux.seen[i + 1] = aux.seen[i];
    maps = Math.max(maps, aux.mapIndex[i] + 1);
    i++;
  }
  return maps;
}
