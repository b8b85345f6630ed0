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
import type { Access, CalleeMem } from './access.ts';
import { checkPtrToBtfAccess } from './btf.ts';
import { checkBufferAccess } from './buf.ts';
import { checkMapAccess, checkMapAccessType } from './map-value.ts';
import { checkMemAccess } from './mem.ts';
import { checkMemRegionAccess } from './mem-region.ts';
import { checkPacketAccess } from './packet.ts';
import { checkStackRangeInitialized } from './stack/range.ts';
import { BPF_MAX_VAR_SIZ } from '../../rules/limits.ts';

/** check_helper_mem_access: a callee may read (or write) the memory. */
export function checkHelperMemAccess(env: VerifierEnv, mem: CalleeMem, meta: CallMeta | undefined): void {
  const { regno, size, write } = mem;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const access: Access = {
    regno,
    off: rows[r + OFF],
    size,
    zeroSizeAllowed: mem.zeroSizeAllowed,
    insnIdx: env.insnIdx,
    write,
    valueRegno: -1,
    strictAlignment: false,
    signExtend: false,
  };
  switch (baseType(type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      return checkPacketAccess(env, access);
    case PTR_TO_MAP_KEY:
      if (write) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkMemRegionAccess(env, { ...access, zeroSizeAllowed: false }, env.maps[rows[r + A]].keySize);
    case PTR_TO_MAP_VALUE:
      checkMapAccessType(env, access);
      return checkMapAccess(env, access);
    case PTR_TO_MEM:
      if (write && type & MEM_RDONLY) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkMemRegionAccess(env, access, rows[r + A] >>> 0);
    case PTR_TO_BUF:
      if (write && type & MEM_RDONLY) reject(env, ARGS.CANNOT_WRITE_INTO, regno, regTypeStr(type));
      return checkBufferAccess(env, access);
    case PTR_TO_STACK:
      return checkStackRangeInitialized(env, access, meta);
    case PTR_TO_BTF_ID:
      return checkPtrToBtfAccess(env, { ...access, write: false });
    case PTR_TO_CTX:
      // A context that is not rewritten is memory as it stands: its last byte is checked, which bounds the rest.
      if (!env.ops.convertsCtx) {
        if (size > 0) checkMemAccess(env, { ...access, off: size - 1, size: 1, zeroSizeAllowed: false });
        return;
      }
  }
  // Nothing needs no memory.
  if (mem.zeroSizeAllowed && size === 0 && regIsNull(rows, r)) return;
  reject(env, ARGS.TYPE_MISMATCH, regno, regTypeStr(type), regTypeStr(PTR_TO_STACK));
}

/** check_mem_size_reg: register `regno` bounds the memory behind the register before it. */
export function checkMemSizeReg(
  env: VerifierEnv,
  regno: number,
  { write, zeroSizeAllowed }: Pick<CalleeMem, 'write' | 'zeroSizeAllowed'>,
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
  checkHelperMemAccess(env, { regno: regno - 1, size: umax, write, zeroSizeAllowed }, rawMeta);
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
  for (const write of [false, true])
    checkHelperMemAccess(env, { regno, size: memSize, write, zeroSizeAllowed: true }, undefined);
  if (saved !== undefined) rows.set(saved, r);
}
