/** Offsets that a pointer argument may have (check_func_arg_reg_off, check_ptr_off_reg). */
import {
  ARG_PTR_TO_DYNPTR,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NON_OWN_REF,
  OBJ_RELEASE,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../../rules/reg-types.ts';
import { checkPtrOffReg } from '../../access/ctx.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { OFF, TYPE } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';

/** Pointers into memory of a known size: any offset is a matter of the bounds check. */
const ANY_OFFSET: ReadonlySet<number> = new Set([
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RDONLY,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BUF | MEM_RDONLY,
  PTR_TO_ARENA,
  SCALAR_VALUE,
]);

/** Pointers to kernel objects: a member's address is fine, an index is not. */
const FIXED_OFFSET: ReadonlySet<number> = new Set([
  PTR_TO_BTF_ID,
  PTR_TO_BTF_ID | MEM_ALLOC,
  PTR_TO_BTF_ID | PTR_TRUSTED,
  PTR_TO_BTF_ID | MEM_RCU,
  PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF,
  PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF | MEM_RCU,
]);

/** check_func_arg_reg_off. */
export function checkArgRegOff(env: VerifierEnv, regno: number, argType: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  if (argType & OBJ_RELEASE) {
    // A dynptr on the stack is not itself the object that is released.
    if (baseType(argType) === ARG_PTR_TO_DYNPTR && type === PTR_TO_STACK) return;
    if (rows[r + OFF] !== 0) reject(env, ARGS.RELEASE_OFFSET, regno);
    return checkPtrOffReg(env, regno, false);
  }
  if (ANY_OFFSET.has(type)) return;
  checkPtrOffReg(env, regno, FIXED_OFFSET.has(type));
}
