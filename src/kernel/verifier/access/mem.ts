/** Memory accesses of instructions: one page that leads to the file of each kind of pointer (check_mem_access). */
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
import type { Access } from './access.ts';
import { checkPtrAlignment } from './align.ts';
import { checkPtrToBtfAccess, checkPtrToMapAccess } from './btf.ts';
import { checkBufferAccess } from './buf.ts';
import { accessCtx } from './ctx.ts';
import { accessMapValue } from './map-value.ts';
import { checkMemRegionAccess } from './mem-region.ts';
import { checkPacketAccess } from './packet.ts';
import { checkStackAccess } from './stack/stack.ts';

const loaded = new Scalar();

/** The access of an instruction; `access.off` comes without the pointer's fixed offset, which is added here. */
export function checkMemAccess(env: VerifierEnv, access: Access): void {
  const { regno, size, valueRegno } = access;
  const { rows } = env.state.frame;
  checkPtrAlignment(env, regno, access.off, size, access.strictAlignment);
  access.off += rows[regRow(regno) + OFF];
  dispatch(env, access);
  if (size === 8 || valueRegno < 0 || access.write) return;
  const d = regRow(valueRegno);
  if (rows[d + TYPE] !== SCALAR_VALUE) return;
  loadScalar(loaded, rows, d);
  if (access.signExtend) coerceToSizeSx(loaded, size);
  else coerceToSize(loaded, size);
  storeScalar(loaded, rows, d);
}

/** A callee writes `size` bytes, `off` behind the pointer in `regno`. */
export function checkCalleeWrite(env: VerifierEnv, insnIdx: number, regno: number, off: number, size: number): void {
  checkMemAccess(env, {
    regno,
    off,
    size,
    zeroSizeAllowed: false,
    insnIdx,
    write: true,
    valueRegno: -1,
    strictAlignment: false,
    signExtend: false,
  });
}

/** Leads to the file of the pointer's kind. Kinds that say themselves what a load leaves return at once. */
function dispatch(env: VerifierEnv, access: Access): void {
  const { rows } = env.state.frame;
  const type = rows[regRow(access.regno) + TYPE];
  switch (typeMayBeNull(type) ? -1 : baseType(type)) {
    case PTR_TO_MAP_VALUE:
      return accessMapValue(env, access);
    case PTR_TO_CTX:
      return accessCtx(env, access);
    case PTR_TO_STACK:
      return checkStackAccess(env, access);
    case PTR_TO_BTF_ID:
      return checkPtrToBtfAccess(env, access);
    case CONST_PTR_TO_MAP:
      return checkPtrToMapAccess(env, access);
    case PTR_TO_MAP_KEY:
      accessMapKey(env, access);
      break;
    case PTR_TO_MEM:
      accessMem(env, access);
      break;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      accessPacket(env, access);
      break;
    case PTR_TO_FLOW_KEYS:
      accessFlowKeys(env, access);
      break;
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      accessSock(env, access);
      break;
    case PTR_TO_TP_BUFFER:
    case PTR_TO_BUF:
      accessBuffer(env, access);
      break;
    case PTR_TO_ARENA:
      break;
    default:
      reject(env, ACCESS.INVALID_MEM_ACCESS, access.regno, regTypeStr(type));
  }
  if (!access.write && access.valueRegno >= 0) markRegUnknown(env, rows, regRow(access.valueRegno));
}

/** A store of a register that holds a pointer, which the program may not reveal. */
const leaks = (env: VerifierEnv, { write, valueRegno }: Access): boolean =>
  write && valueRegno >= 0 && isPointerValue(env, valueRegno);

function accessMapKey(env: VerifierEnv, access: Access): void {
  if (access.write) reject(env, ACCESS.WRITE_MAP_KEY, access.regno);
  checkMemRegionAccess(env, access, env.maps[env.state.frame.rows[regRow(access.regno) + A]].keySize);
}

/** PTR_TO_MEM: memory of a known size, or untrusted memory that is probed. */
function accessMem(env: VerifierEnv, access: Access): void {
  const { rows } = env.state.frame;
  const r = regRow(access.regno);
  const type = rows[r + TYPE];
  const rdonly = (type & MEM_RDONLY) !== 0;
  if (access.write && rdonly) reject(env, ACCESS.CANNOT_WRITE, access.regno, regTypeStr(type));
  if (leaks(env, access)) reject(env, ACCESS.LEAK_MEM, access.valueRegno);
  if (!(rdonly && type & PTR_UNTRUSTED)) checkMemRegionAccess(env, access, rows[r + A] >>> 0);
}

function accessPacket(env: VerifierEnv, access: Access): void {
  if (access.write && !mayAccessDirectPktData(env, undefined, true)) reject(env, ACCESS.PACKET_WRITE);
  if (leaks(env, access)) reject(env, ACCESS.LEAK_PACKET, access.valueRegno);
  checkPacketAccess(env, access);
}

/** check_flow_keys_access. */
function accessFlowKeys(env: VerifierEnv, access: Access): void {
  const { off, size } = access;
  if (leaks(env, access)) reject(env, ACCESS.LEAK_FLOW_KEYS, access.valueRegno);
  if (off < 0 || off + size > FLOW_KEYS_SIZE) reject(env, ACCESS.FLOW_KEYS, off, size);
}

function accessBuffer(env: VerifierEnv, access: Access): void {
  const type = env.state.frame.rows[regRow(access.regno) + TYPE];
  if (access.write && baseType(type) === PTR_TO_BUF && type & MEM_RDONLY)
    reject(env, ACCESS.CANNOT_WRITE, access.regno, regTypeStr(type));
  checkBufferAccess(env, access);
}

/** check_sock_access. */
function accessSock(env: VerifierEnv, access: Access): void {
  const { regno, off, size } = access;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  if (access.write) reject(env, ACCESS.CANNOT_WRITE, regno, regTypeStr(type));
  if (sminOf(rows, r) < 0) reject(env, ACCESS.NEGATIVE_INDEX, regno);
  const field = { regType: SCALAR_VALUE, ctxFieldSize: 0 };
  if (!isValidSockAccess(baseType(type), { off, size, write: false, signExtend: false }, field)) {
    reject(env, ACCESS.SOCK, regno, regTypeStr(type), off, size);
  }
  env.aux.ctxFieldSize[access.insnIdx] = field.ctxFieldSize;
}
