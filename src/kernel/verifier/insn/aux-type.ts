/** One memory instruction is rewritten for one kind of pointer, whichever path reaches it (save_aux_ptr_type). */
import {
  MEM_RCU,
  MEM_RDONLY,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_MEM,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  baseType,
} from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

/** reg_type_mismatch_ok() negated: kinds whose accesses are rewritten. */
const REWRITTEN: ReadonlySet<number> = new Set([
  PTR_TO_CTX,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TO_BTF_ID,
  PTR_TO_ARENA,
]);

const isRewritten = (type: number): boolean => REWRITTEN.has(baseType(type));

/** Kinds that read by probing, and may share an instruction. */
const isProbed = (type: number): boolean =>
  baseType(type) === PTR_TO_BTF_ID ||
  (baseType(type) === PTR_TO_MEM && (type & MEM_RDONLY) !== 0 && (type & PTR_UNTRUSTED) !== 0);

/** Remembers the pointer type that the instruction went through, or rejects a second kind. */
export function saveAuxPtrType(env: VerifierEnv, type: number, allowTrustMismatch: boolean): void {
  const { ptrType } = env.aux;
  const idx = env.insnIdx;
  const prev = ptrType[idx];
  if (prev === 0) {
    ptrType[idx] = type;
    return;
  }
  if (type === prev || (!isRewritten(type) && !isRewritten(prev))) return;
  if (allowTrustMismatch && isProbed(type) && isProbed(prev)) {
    // What one path may not trust is probed on all.
    const trusted = (t: number): boolean => (t & (PTR_TRUSTED | MEM_RCU)) !== 0 && (t & PTR_UNTRUSTED) === 0;
    if (!trusted(type) || !trusted(prev)) ptrType[idx] = PTR_TO_BTF_ID | PTR_UNTRUSTED;
    return;
  }
  reject(env, ACCESS.DIFFERENT_POINTERS);
}
