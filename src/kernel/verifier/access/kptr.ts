/** Loads and stores of kernel pointers that live in map values (check_map_kptr_access). */
import {
  BPF_KPTR_PERCPU,
  BPF_KPTR_REF,
  BPF_LIST_NODE,
  BPF_RB_NODE,
  BPF_UPTR,
  type BtfField,
} from '../../../btf/record.ts';
import { BPF_LDX, BPF_MEM, BPF_STX, bpfClass, bpfMode } from '../../../isa/opcodes.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_MEM,
  PTR_UNTRUSTED,
} from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { checkKptrMatch, kptrTarget } from './kptr-match.ts';
import { hasField, structRecord } from '../state/record.ts';
import { inRcuCs } from '../state/context.ts';
import { A, ID } from '../state/row.ts';
import { markBtfLdReg, markRegPointer, regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';

export function checkMapKptrAccess(env: VerifierEnv, valueRegno: number, write: boolean, field: BtfField): void {
  const code = env.insns.code[env.insnIdx];
  if (bpfMode(code) !== BPF_MEM) reject(env, ACCESS.KPTR_INSN);
  const { rows } = env.state.frame;
  if (write && field.type & (BPF_KPTR_REF | BPF_KPTR_PERCPU)) reject(env, ACCESS.KPTR_STORE);
  if (write && field.type & BPF_UPTR) reject(env, ACCESS.KPTR_STORE_UPTR);
  const r = regRow(valueRegno);
  if (bpfClass(code) === BPF_LDX) {
    const target = kptrTarget(env, field);
    if (field.type & BPF_UPTR) {
      markRegPointer(rows, r, PTR_TO_MEM | PTR_MAYBE_NULL);
      rows[r + A] = Math.max(0, field.btf?.sizeOf(field.typeId ?? 0) ?? 0);
      rows[r + ID] = env.newId();
      return;
    }
    markBtfLdReg(env, rows, r, target, kptrLoadFlags(env, field, target));
  } else if (bpfClass(code) === BPF_STX) {
    if (!regIsNull(rows, r)) checkKptrMatch(env, valueRegno, field);
  } else if (env.insns.imm[env.insnIdx] !== 0) reject(env, ACCESS.KPTR_IMM, field.offset);
}

/** Kernel structs that RCU keeps readable after their last reference (rcu_protected_types). */
const RCU_PROTECTED: ReadonlySet<string> = new Set([
  'prog_test_ref_kfunc',
  'cgroup',
  'bpf_cpumask',
  'task_struct',
  'bpf_crypto_ctx',
]);

/** btf_ld_kptr_type. */
function kptrLoadFlags(env: VerifierEnv, field: BtfField, target: { btf: number; id: number }): number {
  const local = target.btf !== 0;
  const safe =
    field.type === BPF_KPTR_PERCPU ||
    (field.type === BPF_KPTR_REF && (local || RCU_PROTECTED.has(env.btfs[0]?.name(target.id) ?? '')));
  if (!safe || !inRcuCs(env)) return PTR_MAYBE_NULL | PTR_UNTRUSTED;
  let flags = PTR_MAYBE_NULL | MEM_RCU;
  if (field.type === BPF_KPTR_PERCPU) flags |= MEM_PERCPU;
  else if (local) flags |= MEM_ALLOC;
  if (local && hasField(structRecord(env, target.btf, target.id), BPF_LIST_NODE | BPF_RB_NODE)) flags |= NON_OWN_REF;
  return flags;
}
