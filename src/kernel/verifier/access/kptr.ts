/** Loads and stores of kernel pointers that live in map values (check_map_kptr_access). */
import { BPF_KPTR_PERCPU, BPF_KPTR_REF, BPF_UPTR, type BtfField } from '../../../btf/record.ts';
import { BPF_LDX, BPF_MEM, BPF_STX, bpfClass, bpfMode } from '../../../isa/opcodes.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_UNTRUSTED,
  baseType,
} from '../../spec/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { inRcuCs } from '../resource/context.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { A, B, ID, TYPE } from '../state/row.ts';
import { markBtfLdReg, markRegPointer, regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';

export function checkMapKptrAccess(
  env: VerifierEnv,
  _regno: number,
  valueRegno: number,
  write: boolean,
  field: BtfField,
): void {
  const code = env.insns.code[env.insnIdx];
  if (bpfMode(code) !== BPF_MEM) reject(env, ACCESS.KPTR_INSN);
  const { rows } = env.state.frame;
  if (write && field.type & (BPF_KPTR_REF | BPF_KPTR_PERCPU)) reject(env, ACCESS.KPTR_STORE);
  if (write && field.type & BPF_UPTR) reject(env, ACCESS.KPTR_STORE_UPTR);
  const btf = field.local === true ? 1 : 0;
  if (bpfClass(code) === BPF_LDX) {
    const r = regRow(valueRegno);
    if (field.type & BPF_UPTR) {
      markRegPointer(rows, r, PTR_TO_MEM | PTR_MAYBE_NULL);
      rows[r + A] = Math.max(0, env.btfs[btf]?.sizeOf(field.typeId ?? 0) ?? 0);
      rows[r + ID] = env.newId();
      return;
    }
    let flags = PTR_MAYBE_NULL;
    if (field.type & (BPF_KPTR_REF | BPF_KPTR_PERCPU) && inRcuCs(env)) {
      flags |= field.type & BPF_KPTR_PERCPU ? MEM_RCU | MEM_PERCPU : MEM_RCU;
      if (btf === 1) flags |= MEM_ALLOC;
    } else flags |= PTR_UNTRUSTED;
    markBtfLdReg(env, rows, r, PTR_TO_BTF_ID, btf, field.typeId ?? 0, flags);
  } else if (bpfClass(code) === BPF_STX) {
    const r = regRow(valueRegno);
    if (regIsNull(rows, r)) return;
    const name = env.btfs[btf]?.name(field.typeId ?? 0) ?? '';
    const expected = `${regTypeStr(PTR_TO_BTF_ID)}${name}`;
    const type = rows[r + TYPE];
    const allowed = PTR_MAYBE_NULL | PTR_UNTRUSTED | MEM_RCU | (1 << 20);
    const same = rows[r + A] === btf && rows[r + B] === field.typeId;
    if (baseType(type) !== PTR_TO_BTF_ID || (type & ~(0xff | allowed)) !== 0 || !same) {
      const has = baseType(type) === PTR_TO_BTF_ID ? (env.btfs[rows[r + A]]?.name(rows[r + B]) ?? '') : '';
      reject(env, ACCESS.KPTR_TYPE, valueRegno, regTypeStr(type) + has, expected);
    }
  } else if (env.insns.imm[env.insnIdx] !== 0) reject(env, ACCESS.KPTR_IMM, field.offset);
}
