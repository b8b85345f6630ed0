/** Memory that a helper or kfunc gets as an argument (check_helper_mem_access, check_mem_size_reg, check_mem_reg). */
import {
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  baseType,
} from '../../rules/reg-types.ts';
import { BPF_B } from '../../../isa/opcodes.ts';
import type { CallMeta } from '../state/call-meta.ts';
import { ARGS } from '../diag/catalogue/args.ts';
import { u64Text } from '../state/format.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { A, OFF, ROW, SMIN_HI, TYPE, UMAX_HI, UMAX_LO, UMIN_HI, UMIN_LO, umaxOf, varOffConst } from '../state/row.ts';
import { markPtrNotNullReg, regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkPtrToBtfAccess } from './btf.ts';
import { checkBufferAccess } from './buf.ts';
import { checkMapAccess, checkMapAccessType } from './map-value.ts';
import { checkMemAccess } from './mem.ts';
import { checkMemRegionAccess } from './mem-region.ts';
import { checkPacketAccess } from './packet.ts';
import { checkStackRangeInitialized } from './stack.ts';
import { BPF_MAX_VAR_SIZ } from '../../rules/limits.ts';

/** BPF_MAX_VAR_SIZ: no size argument may reach it. */

/** check_helper_mem_access: `accessSize` bytes behind register `regno` may be read (or written) by the callee. */
export function checkHelperMemAccess(
  env: VerifierEnv,
  regno: number,
  accessSize: number,
  write: boolean,
  zeroSizeAllowed: boolean,
  meta: CallMeta | undefined,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const off = rows[r + OFF];
  switch (baseType(type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      return checkPacketAccess(env, regno, off, accessSize, zeroSizeAllowed);
    case PTR_TO_MAP_KEY:
      if (write) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkMemRegionAccess(env, regno, off, accessSize, env.maps[rows[r + A]].keySize, false);
    case PTR_TO_MAP_VALUE:
      checkMapAccessType(env, regno, off, accessSize, write);
      return checkMapAccess(env, regno, off, accessSize, zeroSizeAllowed, write, true);
    case PTR_TO_MEM:
      if (write && type & MEM_RDONLY) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkMemRegionAccess(env, regno, off, accessSize, rows[r + A] >>> 0, zeroSizeAllowed);
    case PTR_TO_BUF:
      if (write && type & MEM_RDONLY) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkBufferAccess(env, regno, off, accessSize, zeroSizeAllowed);
    case PTR_TO_STACK:
      return checkStackRangeInitialized(env, regno, off, accessSize, zeroSizeAllowed, write, meta);
    case PTR_TO_BTF_ID:
      return checkPtrToBtfAccess(env, regno, off, accessSize, false, -1);
    case PTR_TO_CTX:
      // A context that is not rewritten is memory as it stands: its last byte is checked, which bounds the rest.
      if (!env.ops.convertsCtx) {
        if (accessSize > 0) checkMemAccess(env, env.insnIdx, regno, accessSize - 1, BPF_B, write, -1, false, false);
        return;
      }
  }
  // Nothing needs no memory.
  if (zeroSizeAllowed && accessSize === 0 && regIsNull(rows, r)) return;
  reject(env, ARGS.TYPE_MISMATCH, regno, regTypeStr(type), regTypeStr(PTR_TO_STACK));
}

/** check_mem_size_reg: register `regno` bounds the memory behind the register before it. */
export function checkMemSizeReg(
  env: VerifierEnv,
  regno: number,
  write: boolean,
  zeroSizeAllowed: boolean,
  meta: CallMeta,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  meta.msizeMaxLo = rows[r + UMAX_LO];
  meta.msizeMaxHi = rows[r + UMAX_HI];
  // A size that varies may leave a part of the memory as it was, so all of it must be initialised.
  const rawMeta = varOffConst(rows, r) ? meta : undefined;
  if (rows[r + SMIN_HI] < 0) reject(env, ARGS.SIZE_NEGATIVE, regno);
  if ((rows[r + UMIN_LO] | rows[r + UMIN_HI]) === 0 && !zeroSizeAllowed) {
    const umin = u64Text(rows[r + UMIN_LO], rows[r + UMIN_HI]);
    reject(env, ARGS.SIZE_ZERO, regno, umin, u64Text(rows[r + UMAX_LO], rows[r + UMAX_HI]));
  }
  const umax = umaxOf(rows, r);
  if (umax >= BPF_MAX_VAR_SIZ) reject(env, ARGS.SIZE_UNBOUNDED, regno);
  checkHelperMemAccess(env, regno - 1, umax, write, zeroSizeAllowed, rawMeta);
  markChainPrecision(env, regno);
}

/** check_mem_reg: a pointer argument of a global function leads to `memSize` bytes that may be read and written; NULL is fine too. */
export function checkMemReg(env: VerifierEnv, regno: number, memSize: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (regIsNull(rows, r)) return;
  const mayBeNull = (rows[r + TYPE] & PTR_MAYBE_NULL) !== 0;
  const saved = mayBeNull ? rows.slice(r, r + ROW) : undefined;
  if (mayBeNull) markPtrNotNullReg(env, rows, r);
  checkHelperMemAccess(env, regno, memSize, false, true, undefined);
  checkHelperMemAccess(env, regno, memSize, true, true, undefined);
  if (saved !== undefined) rows.set(saved, r);
}
