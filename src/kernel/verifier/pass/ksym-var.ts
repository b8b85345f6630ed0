/** ld_imm64 of a kernel variable or function by its BTF type (check_pseudo_btf_id). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { MEM_PERCPU, MEM_RDONLY, PTR_TO_BTF_ID, PTR_TO_MEM } from '../../rules/reg-types.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';

/** Notes in aux.extra what kind of pointer the instruction at `i` yields. */
export function resolveKsymVar(env: VerifierEnv, i: number): void {
  const { insns, aux } = env;
  const id = insns.imm[i];
  if (insns.imm[i + 1] !== 0) reject(env, STRUCTURE.PSEUDO_BTF_MODULE);
  const btf = kernelBtf(env);
  if (btf === undefined) reject(env, STRUCTURE.NO_KERNEL_BTF);
  const t = btf.type(id);
  if (t === undefined) reject(env, STRUCTURE.PSEUDO_BTF_NO_TYPE, id);
  if (t.kind !== BTF_KIND.VAR && t.kind !== BTF_KIND.FUNC) reject(env, STRUCTURE.PSEUDO_BTF_KIND, id);
  const extra = aux.extraAt(i);
  extra.btf = 0;
  extra.btfId = id;
  extra.ksym = t.name;
  if (t.kind === BTF_KIND.FUNC) {
    extra.btfRegType = PTR_TO_MEM | MEM_RDONLY;
    extra.memSize = 0;
    return;
  }
  const typeId = btf.skipModifiers(t.type);
  const struct = btf.kind(typeId) === BTF_KIND.STRUCT || btf.kind(typeId) === BTF_KIND.UNION;
  if (isPercpuVar(btf, id)) {
    extra.btfRegType = PTR_TO_BTF_ID | MEM_PERCPU;
    extra.btfId = typeId;
  } else if (struct) {
    extra.btfRegType = PTR_TO_BTF_ID;
    extra.btfId = typeId;
  } else {
    const size = btf.sizeOf(typeId);
    if (size < 0) reject(env, STRUCTURE.PSEUDO_BTF_SIZE, btf.name(typeId), -22);
    extra.btfRegType = PTR_TO_MEM | MEM_RDONLY;
    extra.memSize = size;
  }
}

/** Whether the variable stands in the kernel's per-CPU section. */
function isPercpuVar(btf: Btf, id: number): boolean {
  const section = btf.find('.data..percpu', BTF_KIND.DATASEC);
  return section !== 0 && (btf.type(section)?.vars.some((v) => v.type === id) ?? false);
}
