/** r0 after a helper call: its type by the prototype, references, refined ranges (RET_*, do_refine_retval_range). */
import { BPF_RES_SPIN_LOCK, BPF_SPIN_LOCK } from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { InternalError, invariant } from '../../../util/errors.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import type { FuncProto } from '../../rules/proto.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  RET_INTEGER,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_MAP_VALUE,
  RET_PTR_TO_MEM,
  RET_PTR_TO_MEM_OR_BTF_ID,
  RET_PTR_TO_SOCKET,
  RET_PTR_TO_SOCK_COMMON,
  RET_PTR_TO_TCP_SOCK,
  RET_VOID,
  baseType,
  typeFlag,
} from '../../rules/reg-types.ts';
import { BPF_KPTR_PERCPU } from '../../../btf/record.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import { regBoundsSync } from '../domain/sync.ts';
import type { VerifierEnv } from '../env.ts';
import { checkBounds } from '../state/sanity.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { hasField } from '../state/record.ts';
import { acquireReference } from '../resource/refs.ts';
import { A, B, C, ID, REF_OBJ_ID, SUBREG_DEF, TYPE, loadScalar, storeScalar } from '../state/row.ts';
import { markRegPointer, markRegUnknown } from '../state/regs.ts';
import { kptrTarget } from '../access/kptr-match.ts';
import { canElideValueNullness } from './args/map-key.ts';
import type { CallMeta } from '../state/call-meta.ts';
import { MAX_ERRNO } from '../../rules/limits.ts';

const F = BPF_FUNC;
const R0 = 0;
const scratch = new Scalar();

/** is_acquire_function: the result must be released. */
function isAcquire(fn: FuncProto, map: MapDesc | undefined): boolean {
  if (fn.acquires !== 'from-sockmap') return fn.acquires === 'always';
  return map?.type === BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKMAP || map?.type === BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKHASH;
}

/** Sets r0 after the call. `percpuAlloc`: R1 was an allocated per-CPU object. */
export function setHelperResult(
  env: VerifierEnv,
  fn: FuncProto,
  meta: CallMeta,
  insnIdx: number,
  percpuAlloc: boolean,
): void {
  const { rows } = env.state.frame;
  rows[R0 + SUBREG_DEF] = 0;
  setType(env, rows, fn, meta, percpuAlloc);
  if (rows[R0 + TYPE] & PTR_MAYBE_NULL) rows[R0 + ID] = env.newId();
  if (fn.id === F.BPF_FUNC_dynptr_data) {
    rows[R0 + B] = meta.dynptrId;
    rows[R0 + C] = meta.dynptrPacketRef;
  }
  if (fn.id === F.BPF_FUNC_dynptr_data || fn.returns === 'cast') {
    rows[R0 + REF_OBJ_ID] = meta.refObjId;
  } else if (isAcquire(fn, meta.map)) {
    const id = acquireReference(env, insnIdx);
    rows[R0 + ID] = id;
    rows[R0 + REF_OBJ_ID] = id;
  }
  refineRange(env, rows, fn, meta);
}

function setType(env: VerifierEnv, rows: Int32Array, fn: FuncProto, meta: CallMeta, percpuAlloc: boolean): void {
  const flags = typeFlag(fn.ret);
  switch (baseType(fn.ret)) {
    case RET_INTEGER:
      return markRegUnknown(env, rows, R0);
    case RET_VOID:
      rows[R0 + TYPE] = NOT_INIT;
      return;
    case RET_PTR_TO_MAP_VALUE:
      return setMapValue(env, rows, fn, meta);
    case RET_PTR_TO_SOCKET:
      return markRegPointer(rows, R0, PTR_TO_SOCKET | flags);
    case RET_PTR_TO_SOCK_COMMON:
      return markRegPointer(rows, R0, PTR_TO_SOCK_COMMON | flags);
    case RET_PTR_TO_TCP_SOCK:
      return markRegPointer(rows, R0, PTR_TO_TCP_SOCK | flags);
    case RET_PTR_TO_MEM:
      markRegPointer(rows, R0, PTR_TO_MEM | flags);
      rows[R0 + A] = meta.memSize;
      return;
    case RET_PTR_TO_MEM_OR_BTF_ID:
      return setMemOrBtf(env, rows, flags, meta, percpuAlloc);
    case RET_PTR_TO_BTF_ID:
      return setBtf(env, rows, fn, meta);
    default:
      throw new InternalError(`unknown return type ${fn.ret} of func ${fn.name}#${fn.id}`);
  }
}

function setMapValue(env: VerifierEnv, rows: Int32Array, fn: FuncProto, meta: CallMeta): void {
  const { map } = meta;
  invariant(map !== undefined, 'unexpected null map_ptr');
  let flags = typeFlag(fn.ret);
  // Every index of an array has a value.
  const present =
    fn.id === F.BPF_FUNC_map_lookup_elem &&
    canElideValueNullness(map.type) &&
    meta.constMapKey >= 0 &&
    meta.constMapKey < map.maxEntries;
  if (present) flags &= ~PTR_MAYBE_NULL;
  markRegPointer(rows, R0, PTR_TO_MAP_VALUE | flags);
  rows[R0 + A] = meta.mapIndex;
  rows[R0 + B] = meta.mapUid;
  // An id tells locks of different values apart.
  if (!(flags & PTR_MAYBE_NULL) && hasField(map.record, BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK)) rows[R0 + ID] = env.newId();
}

function setMemOrBtf(env: VerifierEnv, rows: Int32Array, flags: number, meta: CallMeta, percpuAlloc: boolean): void {
  const btf = meta.retBtf === 0 ? kernelBtf(env) : env.btfs[meta.retBtf];
  invariant(btf !== undefined, 'per-CPU pointer without BTF');
  const id = btf.skipModifiers(meta.retBtfId);
  if (btf.kind(id) !== BTF_KIND.STRUCT && btf.kind(id) !== BTF_KIND.UNION) {
    const size = btf.sizeOf(id);
    if (size < 0) reject(env, CALL.TYPE_SIZE, btf.name(id), -ERRNO.EINVAL);
    markRegPointer(rows, R0, PTR_TO_MEM | flags);
    rows[R0 + A] = size;
    return;
  }
  // Kernel structs are read-only anyway.
  markRegPointer(rows, R0, percpuAlloc ? PTR_TO_BTF_ID | MEM_ALLOC | MEM_RCU : PTR_TO_BTF_ID | (flags & ~MEM_RDONLY));
  rows[R0 + A] = meta.retBtf;
  rows[R0 + B] = meta.retBtfId;
}

function setBtf(env: VerifierEnv, rows: Int32Array, fn: FuncProto, meta: CallMeta): void {
  let type = PTR_TO_BTF_ID | typeFlag(fn.ret);
  let btf = 0;
  let id: number;
  if (fn.id === F.BPF_FUNC_kptr_xchg) {
    invariant(meta.kptrField !== undefined, 'exchange without kptr');
    const target = kptrTarget(env, meta.kptrField);
    ({ btf, id } = target);
    if (btf !== 0) {
      type |= MEM_ALLOC;
      if (meta.kptrField.type === BPF_KPTR_PERCPU) type |= MEM_PERCPU;
    }
  } else {
    invariant(fn.retBtf !== undefined, `func ${fn.name} has no return struct`);
    id = kernelBtf(env)?.find(fn.retBtf, BTF_KIND.STRUCT) ?? 0;
  }
  markRegPointer(rows, R0, type);
  rows[R0 + A] = btf;
  rows[R0 + B] = id;
}

/** do_refine_retval_range: what is known of a returned number. */
function refineRange(env: VerifierEnv, rows: Int32Array, fn: FuncProto, meta: CallMeta): void {
  if (fn.ret !== RET_INTEGER) return;
  const s = scratch;
  loadScalar(s, rows, R0);
  if (fn.returns === 'size') {
    s.smaxLo = meta.msizeMaxLo;
    s.smaxHi = meta.msizeMaxHi;
    s.s32max = meta.msizeMaxLo;
    s.sminLo = s.s32min = -MAX_ERRNO;
    s.sminHi = -1;
  } else if (fn.returns === 'cpu') {
    const last = (env.input.nrCpuIds ?? 2) - 1;
    s.umaxLo = s.smaxLo = s.u32max = s.s32max = last;
    s.umaxHi = s.smaxHi = 0;
    s.uminLo = s.uminHi = s.sminLo = s.sminHi = s.u32min = s.s32min = 0;
  } else return;
  regBoundsSync(s);
  checkBounds(env, s, 'retval');
  storeScalar(s, rows, R0);
}
