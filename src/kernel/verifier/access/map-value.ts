/** Map values: bounds, fields that belong to the kernel, read-only contents that are known (check_map_access). */
import {
  BPF_KPTR_PERCPU,
  BPF_KPTR_REF,
  BPF_KPTR_UNREF,
  BPF_LIST_HEAD,
  BPF_LIST_NODE,
  BPF_RB_NODE,
  BPF_RB_ROOT,
  BPF_REFCOUNT,
  BPF_RES_SPIN_LOCK,
  BPF_SPIN_LOCK,
  BPF_TASK_WORK,
  BPF_TIMER,
  BPF_UPTR,
  BPF_WORKQUEUE,
} from '../../../btf/record.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { isPointerValue } from '../state/pointer.ts';
import { A, TYPE, VALUE_LO, sminOf, umaxOf, varOffConst } from '../state/row.ts';
import { markRegKnown, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import type { Access, MemSpan } from './access.ts';
import { checkMapKptrAccess } from './kptr.ts';
import { checkMemRegionAccess } from './mem-region.ts';
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../../../uapi/flags.ts';

export const KPTR_FIELDS = BPF_KPTR_UNREF | BPF_KPTR_REF | BPF_KPTR_PERCPU | BPF_UPTR;

const FIELD_NAMES: ReadonlyMap<number, string> = new Map([
  [BPF_SPIN_LOCK, 'bpf_spin_lock'],
  [BPF_RES_SPIN_LOCK, 'bpf_res_spin_lock'],
  [BPF_TIMER, 'bpf_timer'],
  [BPF_WORKQUEUE, 'bpf_wq'],
  [BPF_KPTR_UNREF, 'kptr'],
  [BPF_KPTR_REF, 'kptr'],
  [BPF_KPTR_PERCPU, 'percpu_kptr'],
  [BPF_UPTR, 'uptr'],
  [BPF_LIST_HEAD, 'bpf_list_head'],
  [BPF_LIST_NODE, 'bpf_list_node'],
  [BPF_RB_ROOT, 'bpf_rb_root'],
  [BPF_RB_NODE, 'bpf_rb_node'],
  [BPF_REFCOUNT, 'bpf_refcount'],
  [BPF_TASK_WORK, 'bpf_task_work'],
]);
/** btf_field_type_name(). */
export const fieldName = (type: number): string => FIELD_NAMES.get(type) ?? 'unknown';

/** check_map_access_type: what programs may do with the map at all. */
export function checkMapAccessType(env: VerifierEnv, { regno, off, size, write }: Access): void {
  const map = env.maps[env.state.frame.rows[regRow(regno) + A]];
  if (write && map.flags & BPF_F_RDONLY_PROG) reject(env, ACCESS.MAP_WRITE_FORBIDDEN, map.valueSize, off, size);
  if (!write && map.flags & BPF_F_WRONLY_PROG) reject(env, ACCESS.MAP_READ_FORBIDDEN, map.valueSize, off, size);
}

/** check_map_access of memory that goes to a callee (ACCESS_HELPER). */
export const checkMapAccess = (env: VerifierEnv, span: MemSpan): void => checkBoundsAndFields(env, span, true);

/** The bytes lie in the value, and touch no field of the kernel's but whole kptrs in loads and stores. */
function checkBoundsAndFields(env: VerifierEnv, span: MemSpan, callee: boolean): void {
  const { regno, off, size } = span;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const map = env.maps[rows[r + A]];
  checkMemRegionAccess(env, span, map.valueSize);
  if (map.record === undefined) return;
  const low = sminOf(rows, r) + off;
  const high = umaxOf(rows, r) + off + size;
  for (const field of map.record.fields) {
    const p = field.offset;
    if (low >= p + field.size || p >= high) continue;
    const name = fieldName(field.type);
    if ((field.type & KPTR_FIELDS) === 0) reject(env, ACCESS.FIELD_DIRECT, name);
    if (callee) reject(env, ACCESS.FIELD_INDIRECT, name);
    if (!varOffConst(rows, r)) reject(env, ACCESS.FIELD_VARIABLE, name);
    if (p !== off + rows[r + VALUE_LO]) reject(env, ACCESS.FIELD_MISALIGNED, name, p, off + rows[r + VALUE_LO]);
    if (size !== 8) reject(env, ACCESS.FIELD_SIZE, name);
  }
}

/** A load or store through PTR_TO_MAP_VALUE. */
export function accessMapValue(env: VerifierEnv, access: Access): void {
  const { size, write, valueRegno } = access;
  const { rows } = env.state.frame;
  const r = regRow(access.regno);
  if (write && valueRegno >= 0 && isPointerValue(env, valueRegno)) reject(env, ACCESS.LEAK_MAP, valueRegno);
  checkMapAccessType(env, access);
  checkBoundsAndFields(env, access, false);
  const map = env.maps[rows[r + A]];
  const isConst = varOffConst(rows, r);
  const at = access.off + rows[r + VALUE_LO];
  const kptr = isConst ? map.record?.fields.find((f) => f.offset === at && f.type & KPTR_FIELDS) : undefined;
  if (kptr !== undefined) {
    checkMapKptrAccess(env, valueRegno, write, kptr);
    return;
  }
  if (write || valueRegno < 0) return;
  const d = regRow(valueRegno);
  const bytes = isConst && map.flags & BPF_F_RDONLY_PROG && map.frozen ? map.readConst?.(at, size) : undefined;
  markRegUnknown(env, rows, d);
  if (bytes === undefined) return;
  const [lo, hi] = readNumber(bytes, access.signExtend);
  rows[d + TYPE] = SCALAR_VALUE;
  markRegKnown(rows, d, lo, hi);
}

/** Little-endian bytes as the halves of a 64-bit number. */
function readNumber(bytes: Uint8Array, signed: boolean): [number, number] {
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (i < 4) lo |= bytes[i] << (8 * i);
    else hi |= bytes[i] << (8 * (i - 4));
  }
  if (signed && bytes.length < 8) {
    if (bytes.length < 4) lo = (lo << (32 - 8 * bytes.length)) >> (32 - 8 * bytes.length);
    hi = lo >> 31;
  }
  return [lo, hi];
}
