/** Memory accesses of instructions: one page that leads to the file of each kind of pointer (check_mem_access). */
import { bpfSizeBytes } from '../../../isa/opcodes.ts';
import {
  CONST_PTR_TO_MAP,
  MEM_RDONLY,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
  typeMayBeNull,
} from '../../rules/reg-types.ts';
import { FLOW_KEYS_SIZE, isValidSockAccess } from '../../rules/rows/ctx/pointers.ts';
import { mayAccessDirectPktData } from './direct-pkt.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import { coerceToSize, coerceToSizeSx } from '../domain/cast.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import { isPointerValue } from '../state/pointer.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { A, OFF, TYPE, loadScalar, sminOf, storeScalar } from '../state/row.ts';
import { markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkPtrAlignment } from './align.ts';
import { checkPtrToBtfAccess, checkPtrToMapAccess } from './btf.ts';
import { checkBufferAccess } from './buf.ts';
import { accessCtx } from './ctx.ts';
import { accessMapValue } from './map-value.ts';
import { checkMemRegionAccess } from './mem-region.ts';
import { checkPacketAccess } from './packet.ts';
import { checkStackAccess } from './stack.ts';

const loaded = new Scalar();

/**
 * One access of `bpfSize` (a BPF_W.. code) at register `regno` + `off`. `valueRegno`: the register that is loaded or stored,
 * -1 for an immediate or an atomic's memory.
 */
export function checkMemAccess(
  env: VerifierEnv,
  insnIdx: number,
  regno: number,
  off: number,
  bpfSize: number,
  write: boolean,
  valueRegno: number,
  strictAlignmentOnce: boolean,
  isLdsx: boolean,
): void {
  const size = bpfSizeBytes(bpfSize);
  const { rows } = env.state.frame;
  checkPtrAlignment(env, regno, off, size, strictAlignmentOnce);
  dispatch(env, insnIdx, regno, off + rows[regRow(regno) + OFF], size, write, valueRegno, isLdsx);
  if (size === 8 || valueRegno < 0 || write) return;
  const d = regRow(valueRegno);
  if (rows[d + TYPE] !== SCALAR_VALUE) return;
  loadScalar(loaded, rows, d);
  if (isLdsx) coerceToSizeSx(loaded, size);
  else coerceToSize(loaded, size);
  storeScalar(loaded, rows, d);
}

function dispatch(
  env: VerifierEnv,
  insnIdx: number,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueRegno: number,
  isLdsx: boolean,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  switch (typeMayBeNull(type) ? -1 : baseType(type)) {
    case PTR_TO_MAP_VALUE:
      return accessMapValue(env, regno, off, size, write, valueRegno, isLdsx);
    case PTR_TO_CTX:
      return accessCtx(env, insnIdx, regno, off, size, write, valueRegno, isLdsx);
    case PTR_TO_STACK:
      return checkStackAccess(env, regno, off, size, write, valueRegno, insnIdx);
    case PTR_TO_BTF_ID:
      return checkPtrToBtfAccess(env, regno, off, size, write, valueRegno);
    case CONST_PTR_TO_MAP:
      return checkPtrToMapAccess(env, regno, off, size, write, valueRegno);
    case PTR_TO_MAP_KEY:
      if (write) reject(env, ACCESS.WRITE_MAP_KEY, regno);
      checkMemRegionAccess(env, regno, off, size, env.maps[rows[r + A]].keySize, false);
      break;
    case PTR_TO_MEM:
      accessMem(env, regno, off, size, write, valueRegno);
      break;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      if (write && !mayAccessDirectPktData(env, undefined, true)) reject(env, ACCESS.PACKET_WRITE);
      if (write && valueRegno >= 0 && isPointerValue(env, valueRegno)) reject(env, ACCESS.LEAK_PACKET, valueRegno);
      checkPacketAccess(env, regno, off, size, false);
      break;
    case PTR_TO_FLOW_KEYS:
      if (write && valueRegno >= 0 && isPointerValue(env, valueRegno)) reject(env, ACCESS.LEAK_FLOW_KEYS, valueRegno);
      if (off < 0 || off + size > FLOW_KEYS_SIZE) reject(env, ACCESS.FLOW_KEYS, off, size);
      break;
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      accessSock(env, insnIdx, regno, off, size, write);
      break;
    case PTR_TO_TP_BUFFER:
      checkBufferAccess(env, regno, off, size, false);
      break;
    case PTR_TO_BUF:
      if (write && type & MEM_RDONLY) reject(env, ACCESS.CANNOT_WRITE, regno, regTypeStr(type));
      checkBufferAccess(env, regno, off, size, false);
      break;
    case PTR_TO_ARENA:
      break;
    default:
      reject(env, ACCESS.INVALID_MEM_ACCESS, regno, regTypeStr(type));
  }
  if (!write && valueRegno >= 0) markRegUnknown(env, rows, regRow(valueRegno));
}

/** PTR_TO_MEM: memory of a known size, or untrusted memory that is probed. */
function accessMem(
  env: VerifierEnv,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueRegno: number,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  const rdonly = (type & MEM_RDONLY) !== 0;
  if (write && rdonly) reject(env, ACCESS.CANNOT_WRITE, regno, regTypeStr(type));
  if (write && valueRegno >= 0 && isPointerValue(env, valueRegno)) reject(env, ACCESS.LEAK_MEM, valueRegno);
  if (!(rdonly && type & PTR_UNTRUSTED)) checkMemRegionAccess(env, regno, off, size, rows[r + A] >>> 0, false);
}

/** check_sock_access. */
function accessSock(env: VerifierEnv, insnIdx: number, regno: number, off: number, size: number, write: boolean): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  if (write) reject(env, ACCESS.CANNOT_WRITE, regno, regTypeStr(type));
  if (sminOf(rows, r) < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  const access = { regType: SCALAR_VALUE, ctxFieldSize: 0 };
  if (!isValidSockAccess(baseType(type), off, size, access)) {
    reject(env, ACCESS.SOCK, regno, regTypeStr(type), off, size);
  }
  env.aux.ctxFieldSize[insnIdx] = access.ctxFieldSize;
}
