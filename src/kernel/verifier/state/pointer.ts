/** Questions about what kind of pointer a register holds. */
import {
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  NON_OWN_REF,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
  typeFlag,
  typeMayBeNull,
} from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { REF_OBJ_ID, TYPE } from './row.ts';
import { regRow } from './state.ts';

/** __is_pointer_value(false, reg): everything but a scalar. */
export const isPointerType = (type: number): boolean => type !== SCALAR_VALUE;

/** is_pointer_value(): a register whose value must not leak to the program's user. */
export const isPointerValue = (env: VerifierEnv, regno: number): boolean =>
  !env.allowPtrLeaks && isPointerType(env.state.frame.rows[regRow(regno) + TYPE]);

/** type_is_sk_pointer(). */
export const isSkPointer = (type: number): boolean =>
  type === PTR_TO_SOCKET || type === PTR_TO_SOCK_COMMON || type === PTR_TO_TCP_SOCK;

/** Kernel structs behind register types that are not BTF pointers (reg2btf_ids). */
export const REG_STRUCTS: Readonly<Record<number, string>> = {
  [PTR_TO_SOCKET]: 'sock',
  [PTR_TO_SOCK_COMMON]: 'sock_common',
  [PTR_TO_TCP_SOCK]: 'tcp_sock',
  [CONST_PTR_TO_MAP]: 'bpf_map',
};

/** BPF_REG_TRUSTED_MODIFIERS. */
export const TRUSTED_MODIFIERS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF;

/** bpf_type_has_unsafe_modifiers(). */
export const hasUnsafeModifiers = (type: number): boolean => (typeFlag(type) & ~TRUSTED_MODIFIERS) !== 0;

/** is_trusted_reg(): the object is certainly alive; one whose reference is held always is. */
export function isTrustedReg(rows: Int32Array, r: number): boolean {
  if (rows[r + REF_OBJ_ID] !== 0) return true;
  const type = rows[r + TYPE];
  if (hasUnsafeModifiers(type)) return false;
  return REG_STRUCTS[baseType(type)] !== undefined || (typeFlag(type) & TRUSTED_MODIFIERS) !== 0;
}

/** reg_not_null(): a pointer that is never NULL. */
export function regNotNull(rows: Int32Array, r: number): boolean {
  const type = rows[r + TYPE];
  if (typeMayBeNull(type)) return false;
  const base = baseType(type);
  return (
    base === PTR_TO_SOCKET ||
    base === PTR_TO_TCP_SOCK ||
    base === PTR_TO_MAP_VALUE ||
    base === PTR_TO_MAP_KEY ||
    base === PTR_TO_SOCK_COMMON ||
    (base === PTR_TO_BTF_ID && isTrustedReg(rows, r)) ||
    (base === PTR_TO_MEM && (type & PTR_UNTRUSTED) === 0) ||
    base === CONST_PTR_TO_MAP
  );
}
