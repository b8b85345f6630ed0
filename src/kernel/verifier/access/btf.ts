/** Pointers to kernel structures, and what may be trusted of pointers read from them (check_ptr_to_btf_access). */
import { BTF_KIND } from '../../../btf/types.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from '../../rules/reg-types.ts';
import { MAP_BTF_STRUCTS, fieldTrust } from '../../rules/btf-trust.ts';
import { BTF_ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { inRcuCs } from '../state/context.ts';
import { fieldTypeName, isPtrAllocObj, structRecord } from '../state/record.ts';
import { formatTnum } from '../state/format.ts';
import { A, B, REF_OBJ_ID, TYPE, varOffZero } from '../state/row.ts';
import { markBtfLdReg, markRegPointer, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import type { Access } from './access.ts';
import { type WalkResult, btfStructWalk } from './btf-walk.ts';
import { checkKernelWrite } from './kernel-write.ts';

/** The target of a pointer to anything but a struct: memory of unknown size, whose faults read as 0. */
const UNTRUSTED_MEM = PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED;
const TRUST_FLAGS = PTR_TRUSTED | MEM_RCU;

/** A load or store through PTR_TO_BTF_ID. */
export function checkPtrToBtfAccess(env: VerifierEnv, access: Access): void {
  const { regno, off, size, write, valueRegno } = access;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const btfIndex = rows[r + A];
  const btf = env.btfs[btfIndex] ?? env.input.vmlinux();
  if (btf === undefined) return reject(env, BTF_ACCESS.NO_BTF);
  const id = rows[r + B];
  const name = btf.name(id);
  if (!env.allowPtrLeaks) reject(env, BTF_ACCESS.PERFMON, name);
  if (!env.query.gplCompatible && btfIndex === 0) reject(env, BTF_ACCESS.GPL, name);
  if (off < 0) reject(env, BTF_ACCESS.NEGATIVE, regno, name, off);
  if (!varOffZero(rows, r)) reject(env, BTF_ACCESS.VARIABLE, regno, name, off, formatTnum(rows, r));
  if (type & MEM_USER) reject(env, BTF_ACCESS.USER, regno, name, off);
  if (type & MEM_PERCPU) reject(env, BTF_ACCESS.PERCPU, regno, name, off);
  if (write && type & PTR_UNTRUSTED) reject(env, BTF_ACCESS.READ_ONLY);
  if (write && !isPtrAllocObj(type)) return checkKernelWrite(env, btf, id, off, size);
  const allocated = (type & MEM_ALLOC) !== 0;
  if (allocated) checkSpecialFields(env, btfIndex, id, off, size);
  const found = btfStructWalk(env, btf, id, off, size);
  if (write || valueRegno < 0) return;
  const target = regRow(valueRegno);
  if (found.untrustedMem) return markRegPointer(rows, target, UNTRUSTED_MEM);
  // What a program stored in its own object is a number, whatever its type says.
  if (found.btfId === 0 || allocated) return markRegUnknown(env, rows, target);
  const flags = trustOf(env, rows, r, name, found);
  markBtfLdReg(env, rows, target, { btf: btfIndex, id: found.btfId }, flags);
}

/** Locks, nodes, kptrs in an allocated object are touched by their functions only (btf_struct_access). */
function checkSpecialFields(env: VerifierEnv, btfIndex: number, id: number, off: number, size: number): void {
  for (const field of structRecord(env, btfIndex, id)?.fields ?? []) {
    if (off < field.offset + field.size && field.offset < off + size) {
      reject(env, BTF_ACCESS.SPECIAL_FIELD, fieldTypeName(field.type));
    }
  }
}

/** Flags of a pointer `found` in the structure `struct`, behind the pointer in row `r`. */
function trustOf(env: VerifierEnv, rows: Int32Array, r: number, struct: string, found: WalkResult): number {
  const type = rows[r + TYPE];
  const tags = found.flags;
  if (type & PTR_UNTRUSTED) return PTR_UNTRUSTED;
  const trusted = rows[r + REF_OBJ_ID] !== 0 || (type & (PTR_TRUSTED | MEM_ALLOC)) !== 0;
  if (!trusted && (type & MEM_RCU) === 0) return tags & ~TRUST_FLAGS;
  const kind = fieldTrust(struct, found.fieldName);
  if (kind === 'trusted') return tags | PTR_TRUSTED;
  if (kind === 'trusted-or-null') return tags | PTR_TRUSTED | PTR_MAYBE_NULL;
  if (!inRcuCs(env) || type & PTR_MAYBE_NULL) return PTR_UNTRUSTED;
  if (kind === 'rcu') return tags | MEM_RCU;
  if (tags & MEM_RCU || kind === 'rcu-or-null') return (tags | MEM_RCU | PTR_MAYBE_NULL) & ~PTR_UNTRUSTED;
  if (tags & (MEM_PERCPU | MEM_USER)) return tags;
  return tags & ~TRUST_FLAGS;
}

/** check_ptr_to_map_access: a map pointer read as the kernel's structure of that map type. */
export function checkPtrToMapAccess(env: VerifierEnv, access: Access): void {
  const { regno, off, size, write, valueRegno } = access;
  const { rows } = env.state.frame;
  const map = env.maps[rows[regRow(regno) + A]];
  const btf = env.input.vmlinux();
  if (btf === undefined) return reject(env, BTF_ACCESS.NO_BTF);
  const name = MAP_BTF_STRUCTS.get(map.type) ?? '';
  const id = name === '' ? 0 : btf.find(name, BTF_KIND.STRUCT);
  if (id === 0) reject(env, BTF_ACCESS.MAP_TYPE, map.type);
  if (!env.allowPtrLeaks) reject(env, BTF_ACCESS.PERFMON, name);
  if (off < 0) reject(env, BTF_ACCESS.MAP_NEGATIVE, regno, name, off);
  if (write) reject(env, BTF_ACCESS.MAP_READ_ONLY, name);
  const found = btfStructWalk(env, btf, id, off, size);
  if (valueRegno < 0) return;
  const target = regRow(valueRegno);
  if (found.untrustedMem) return markRegPointer(rows, target, UNTRUSTED_MEM);
  if (found.btfId === 0) return markRegUnknown(env, rows, target);
  markBtfLdReg(env, rows, target, { btf: 0, id: found.btfId }, found.flags & ~TRUST_FLAGS);
}
