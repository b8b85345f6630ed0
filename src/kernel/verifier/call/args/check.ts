/** One argument of a helper call against its prototype (check_func_arg). */
import {
  ARG_ANYTHING,
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_DONTCARE,
  ARG_KPTR_XCHG_DEST,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_TIMER,
  MEM_ALIGNED,
  MEM_FIXED_SIZE,
  MEM_UNINIT,
  MEM_WRITE,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  PTR_TO_STACK,
  baseType,
  typeFlag,
} from '../../../rules/reg-types.ts';
import type { FuncProto } from '../../../rules/proto.ts';
import { BPF_FUNC } from '../../../../uapi/helper-ids.ts';
import { BPF_MAP_TYPE } from '../../../../uapi/map-types.ts';
import { invariant } from '../../../../util/errors.ts';
import type { CalleeMem } from '../../access/access.ts';
import { checkPtrAlignment } from '../../access/align.ts';
import { checkHelperMemAccess, checkMemSizeReg } from '../../access/region.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { markChainPrecision } from '../../paths/backtrack.ts';
import { dynptrGetSpi, processDynptrArg } from '../../resource/dynptr.ts';
import { processSpinLock } from '../../resource/spin-lock.ts';
import { processTimerArg } from '../../resource/timer.ts';
import { isPointerValue } from '../../state/pointer.ts';
import { A, B, FRAMENO, REF_OBJ_ID, TYPE, VALUE_LO, varOffConst } from '../../state/row.ts';
import { checkRegRead, isPktPointer, regIsNull } from '../../state/regs.ts';
import { regRow, slotRow } from '../../state/state.ts';
import { inRbtreeLockRequiredCb } from '../../resource/graph.ts';
import { mayAccessDirectPktData } from '../../access/direct-pkt.ts';
import type { CallMeta } from '../../state/call-meta.ts';
import { checkConstStr } from './const-str.ts';
import { processKptrDest } from './kptr.ts';
import { canElideValueNullness, constantMapKey } from './map-key.ts';
import { checkArgRegOff } from './offset.ts';
import { checkRegType } from './types.ts';

/** check_func_arg: argument `arg` (0 to 4) of helper `fn`. */
export function checkFuncArg(env: VerifierEnv, arg: number, meta: CallMeta, fn: FuncProto): void {
  const regno = arg + 1;
  let argType = fn.args[arg] ?? ARG_DONTCARE;
  if (argType === ARG_DONTCARE) return;
  checkRegRead(env, regno);
  if (argType === ARG_ANYTHING) {
    if (isPointerValue(env, regno)) reject(env, ARGS.LEAKS_ADDR_INTO_HELPER, regno);
    return;
  }
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (isPktPointer(rows[r + TYPE]) && !mayAccessDirectPktData(env, meta, false)) {
    reject(env, ARGS.PACKET_NOT_ALLOWED);
  }
  if (baseType(argType) === ARG_PTR_TO_MAP_VALUE) argType = resolveMapArgType(env, meta, argType);
  if (!(regIsNull(rows, r) && argType & PTR_MAYBE_NULL)) {
    checkRegType(env, regno, argType, fn.argBtf?.[arg], meta);
    checkArgRegOff(env, regno, argType);
  }
  if (argType & OBJ_RELEASE) checkRelease(env, regno, argType, meta);
  if (rows[r + REF_OBJ_ID] !== 0 && baseType(argType) !== ARG_KPTR_XCHG_DEST) {
    const before = meta.refObjId;
    if (!meta.takeRefObjId(rows, r)) reject(env, ARGS.MANY_REFERENCED, regno, rows[r + REF_OBJ_ID], before);
  }
  checkKind(env, arg, argType, meta, fn);
}

/** An argument that the helper releases must hold a reference, or be NULL. */
function checkRelease(env: VerifierEnv, regno: number, argType: number, meta: CallMeta): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (baseType(argType) === ARG_PTR_TO_DYNPTR) {
    if (rows[r + TYPE] !== PTR_TO_STACK) reject(env, ARGS.RELEASE_CONST_DYNPTR);
    const spi = dynptrGetSpi(env, rows, r);
    const stack = env.state.frames[rows[r + FRAMENO]].rows;
    if (spi < 0 || stack[slotRow(spi) + REF_OBJ_ID] === 0) reject(env, ARGS.UNACQUIRED_DYNPTR, regno);
  } else if (rows[r + REF_OBJ_ID] === 0 && !regIsNull(rows, r)) {
    reject(env, ARGS.NOT_REFERENCED, regno);
  }
  invariant(meta.releaseRegno === 0, 'more than one release argument');
  meta.releaseRegno = regno;
}

/** resolve_map_arg_type: what a map value argument is for maps whose values are not plain memory. */
function resolveMapArgType(env: VerifierEnv, meta: CallMeta, argType: number): number {
  const map = meta.map;
  invariant(map !== undefined, 'invalid map_ptr to access map->type');
  const { BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_BLOOM_FILTER } = BPF_MAP_TYPE;
  if (map.type === BPF_MAP_TYPE_SOCKMAP || map.type === BPF_MAP_TYPE_SOCKHASH) {
    if (argType !== ARG_PTR_TO_MAP_VALUE) reject(env, ARGS.SOCKMAP_ARG);
    return ARG_PTR_TO_BTF_ID_SOCK_COMMON;
  }
  // Peeking into a bloom filter asks about a value, so it is read.
  if (map.type === BPF_MAP_TYPE_BLOOM_FILTER && meta.funcId === BPF_FUNC.BPF_FUNC_map_peek_elem) {
    return ARG_PTR_TO_MAP_VALUE;
  }
  return argType;
}

/** Checks of each kind of argument beyond its type. */
function checkKind(env: VerifierEnv, arg: number, argType: number, meta: CallMeta, fn: FuncProto): void {
  const regno = arg + 1;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  switch (baseType(argType)) {
    case ARG_CONST_MAP_PTR:
      return takeMap(env, r, meta);
    case ARG_PTR_TO_MAP_KEY:
      return checkMapKey(env, regno, meta);
    case ARG_PTR_TO_MAP_VALUE:
      if (argType & PTR_MAYBE_NULL && regIsNull(rows, r)) return;
      invariant(meta.map !== undefined, 'invalid map_ptr to access map->value');
      meta.rawMode = (argType & MEM_UNINIT) !== 0;
      return checkHelperMemAccess(env, calleeMem(regno, meta.map.valueSize, argType), meta);
    case ARG_PTR_TO_PERCPU_BTF_ID:
      meta.retBtf = rows[r + A];
      meta.retBtfId = rows[r + B];
      return;
    case ARG_PTR_TO_SPIN_LOCK:
      if (inRbtreeLockRequiredCb(env)) reject(env, ARGS.RBTREE_CB_LOCK);
      return processSpinLock(env, regno, 'spin', fn.effect?.take === true);
    case ARG_PTR_TO_TIMER:
      return processTimerArg(env, regno, meta);
    case ARG_PTR_TO_FUNC:
      meta.subprogno = rows[r + A];
      return;
    case ARG_PTR_TO_MEM:
      return checkMem(env, arg, argType, meta, fn);
    case ARG_CONST_SIZE:
    case ARG_CONST_SIZE_OR_ZERO: {
      const write = (fn.args[arg - 1] & MEM_WRITE) !== 0;
      const zeroSizeAllowed = baseType(argType) === ARG_CONST_SIZE_OR_ZERO;
      return checkMemSizeReg(env, regno, { write, zeroSizeAllowed }, meta);
    }
    case ARG_PTR_TO_DYNPTR:
      return processDynptrArg(env, regno, argType);
    case ARG_CONST_ALLOC_SIZE_OR_ZERO:
      if (!varOffConst(rows, r)) reject(env, ARGS.NOT_CONSTANT, regno);
      meta.memSize = rows[r + VALUE_LO];
      return markChainPrecision(env, regno);
    case ARG_PTR_TO_CONST_STR:
      return void checkConstStr(env, regno);
    case ARG_KPTR_XCHG_DEST:
      return processKptrDest(env, regno, meta);
  }
}

/** The memory of an argument. */
const calleeMem = (regno: number, size: number, argType: number): CalleeMem => ({
  regno,
  size,
  write: (argType & MEM_WRITE) !== 0,
  zeroSizeAllowed: false,
});

/** The map argument; a helper with two of them (timers) must get the same one twice. */
function takeMap(env: VerifierEnv, r: number, meta: CallMeta): void {
  const { rows } = env.state.frame;
  const index = rows[r + A];
  const uid = rows[r + B];
  if (meta.map !== undefined && (meta.mapIndex !== index || meta.mapUid !== uid)) {
    reject(env, ARGS.TIMER_MAP_MISMATCH, meta.mapUid, uid);
  }
  meta.map = env.maps[index];
  meta.mapIndex = index;
  meta.mapUid = uid;
}

function checkMapKey(env: VerifierEnv, regno: number, meta: CallMeta): void {
  const { map } = meta;
  invariant(map !== undefined, 'invalid map_ptr to access map->key');
  checkHelperMemAccess(env, calleeMem(regno, map.keySize, 0), undefined);
  if (canElideValueNullness(map.type)) meta.constMapKey = constantMapKey(env, regno, map.keySize);
}

/** Memory whose size is the next argument, or fixed by the prototype. */
function checkMem(env: VerifierEnv, arg: number, argType: number, meta: CallMeta, fn: FuncProto): void {
  const regno = arg + 1;
  meta.rawMode = (argType & MEM_UNINIT) !== 0;
  if (!(typeFlag(argType) & MEM_FIXED_SIZE)) return;
  const size = fn.argSize?.[arg] ?? 0;
  checkHelperMemAccess(env, calleeMem(regno, size, argType), meta);
  if (argType & MEM_ALIGNED) checkPtrAlignment(env, regno, 0, size, true);
}
