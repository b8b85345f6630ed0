/** Last replacements: LD_ABS and LD_IND, and the constants that stand for maps and kernel symbols (do_misc_fixups, convert_pseudo_ld_imm64). */
import {
  BPF_ABS,
  BPF_IND,
  BPF_LD,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  bpfClass,
  bpfMode,
} from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import { genLdAbs } from './ld-abs.ts';
import { applyEdits, type Edit } from './patch.ts';

/** Expands packet loads of classic BPF. Division by zero, helpers, bpf_loop and may_goto stay: both engines know them. */
export function doMiscFixups(env: VerifierEnv): void {
  const { insns } = env;
  const edits: Edit[] = [];
  for (let i = 0; i < insns.length; i++) {
    if (isLdImm64(insns, i)) {
      i++;
      continue;
    }
    const mode = bpfMode(insns.code[i]);
    if (bpfClass(insns.code[i]) === BPF_LD && (mode === BPF_ABS || mode === BPF_IND))
      edits.push({ at: i, remove: 1, insert: genLdAbs(insns.get(i)) });
  }
  applyEdits(env, edits);
}

/** Map pointers and map values become guest addresses in plain 64-bit loads; addresses of functions stay relative. */
export function resolveAddresses(env: VerifierEnv): void {
  const { insns, aux, maps } = env;
  for (let i = 0; i < insns.length; i++) {
    if (!isLdImm64(insns, i)) continue;
    const kind = insns.src[i];
    if (kind === BPF_PSEUDO_BTF_ID) {
      // No kernel image, no address: the variable reads as zeros.
      insns.src[i] = 0;
      insns.imm[i] = insns.imm[i + 1] = 0;
    } else if (kind !== 0 && kind !== BPF_PSEUDO_FUNC) {
      const map = maps[aux.mapIndex[i]];
      const value = kind === BPF_PSEUDO_MAP_VALUE || kind === BPF_PSEUDO_MAP_IDX_VALUE;
      insns.src[i] = 0;
      insns.imm[i] = value ? map.valuesAddr + aux.mapOff[i] : map.addr;
      insns.imm[i + 1] = 0;
    }
    i++;
  }
}
