/** Everything after acceptance, in the kernel's order: what is dead goes, what is abstract becomes concrete. */
import type { VerifierEnv } from '../env.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import type { VerifiedProgram } from '../result.ts';
import { convertCtxAccesses } from './convert.ts';
import { hardWireDeadBranches, removeDeadCode, removeNops, sanitizeDeadCode } from './dead-code.ts';
import { finishProgram } from './finish.ts';
import { doMiscFixups, resolveAddresses } from './fixups.ts';

/** Rewrites env.insns and gives the result. Stack depths are checked before (checkMaxStackDepth). */
export function rewriteProgram(env: VerifierEnv): VerifiedProgram {
  const mapCount = markSecondSlots(env);
  if (env.bpfCapable) {
    hardWireDeadBranches(env);
    removeDeadCode(env);
    removeNops(env);
  } else {
    sanitizeDeadCode(env);
  }
  convertCtxAccesses(env);
  doMiscFixups(env);
  resolveAddresses(env);
  return finishProgram(env, mapCount);
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
