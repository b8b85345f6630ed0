/** Accesses through context and BTF pointers become what runs: kernel struct accesses, and loads that may fault (convert_ctx_accesses). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import {
  BPF_ATOMIC,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PROBE_ATOMIC,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEMSX,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfMode,
} from '../../../isa/opcodes.ts';
import {
  MEM_ALLOC,
  MEM_RDONLY,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_UNTRUSTED,
  baseType,
  typeFlag,
} from '../../rules/reg-types.ts';
import { REWRITE } from '../diag/catalogue/rewrite.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import { conversionOf, convertAccess, type Layout } from './ctx-access.ts';
import { applyEdits, type Edit } from './patch.ts';

/** Pointers whose loads may fault: BTF pointers that nothing keeps alive, and untrusted memory. */
function mayFault(ptrType: number): boolean {
  const flags = typeFlag(ptrType);
  if (baseType(ptrType) === PTR_TO_BTF_ID)
    return flags === 0 || flags === PTR_UNTRUSTED || flags === (MEM_ALLOC | PTR_UNTRUSTED);
  return baseType(ptrType) === PTR_TO_MEM && flags === (MEM_RDONLY | PTR_UNTRUSTED);
}

/** Walks all loads and stores by the pointer type that exploration noted in aux.ptrType. */
export function convertCtxAccesses(env: VerifierEnv): void {
  const { insns, aux } = env;
  const layout = layoutOf(env);
  const options = { tstampTypeAccess: usesTstampType(env) };
  const edits: Edit[] = [];
  for (let i = 0; i < insns.length; i++) {
    if (isLdImm64(insns, i)) {
      i++;
      continue;
    }
    const ptrType = aux.ptrType[i];
    const cls = bpfClass(insns.code[i]);
    if (ptrType === 0 || (cls !== BPF_LDX && cls !== BPF_ST && cls !== BPF_STX)) continue;
    if (baseType(ptrType) === PTR_TO_ARENA) {
      markArenaAccess(env, i);
    } else if (mayFault(ptrType)) {
      if (cls === BPF_LDX) {
        const mode = bpfMode(insns.code[i]) === BPF_MEMSX ? BPF_PROBE_MEMSX : BPF_PROBE_MEM;
        insns.code[i] = (insns.code[i] & 0x1f) | mode;
      }
    } else {
      const conversion = conversionOf(ptrType, env.query);
      if (conversion === undefined) continue;
      const insert = convertAccess(conversion, insns.get(i), aux.ctxFieldSize[i], layout, options);
      if (insert.length === 0) reject(env, REWRITE.CTX_NOT_CONVERTED, i);
      edits.push({ at: i, remove: 1, insert });
    }
  }
  applyEdits(env, edits);
}

function markArenaAccess(env: VerifierEnv, i: number): void {
  const { insns } = env;
  const mode = bpfMode(insns.code[i]);
  if (mode === BPF_ATOMIC) insns.code[i] = (insns.code[i] & 0x1f) | BPF_PROBE_ATOMIC;
  else if (mode === BPF_MEM) insns.code[i] = (insns.code[i] & 0x1f) | BPF_PROBE_MEM32;
}

const TSTAMP_TYPE_OFF = 180;

/** The program looks at skb->tstamp_type, so it knows both clocks and gets tstamp as it is. */
function usesTstampType(env: VerifierEnv): boolean {
  const { insns, aux } = env;
  if (env.ops.ctxStruct !== '__sk_buff') return false;
  for (let i = 0; i < insns.length; i++)
    if (insns.off[i] === TSTAMP_TYPE_OFF && conversionOf(aux.ptrType[i], env.query) !== undefined) return true;
  return false;
}

/** Members of kernel structs in the kernel's BTF, read when they are first needed. */
function layoutOf(env: VerifierEnv): Layout {
  const found = new Map<string, { offset: number; size: number }>();
  return (struct, path) => {
    const key = `${struct}.${path.join('.')}`;
    let place = found.get(key);
    if (place === undefined) {
      const btf = kernelBtf(env);
      place = btf && memberOf(btf, struct, path);
      if (place === undefined) reject(env, REWRITE.NO_LAYOUT, struct, path.join('.'));
      found.set(key, place);
    }
    return place;
  };
}

function memberOf(btf: Btf, struct: string, path: readonly string[]): { offset: number; size: number } | undefined {
  const id = btf.find(struct, BTF_KIND.STRUCT);
  return id === 0 ? undefined : btf.memberOffset(id, path.join('.'));
}
