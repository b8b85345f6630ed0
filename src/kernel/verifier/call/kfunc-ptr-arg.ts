/** Pointer arguments of kernel functions, one check for each kind (the second switch of check_kfunc_args). */
import {
  BPF_LIST_HEAD,
  BPF_LIST_NODE,
  BPF_RB_NODE,
  BPF_RB_ROOT,
  BPF_TASK_WORK,
  BPF_WORKQUEUE,
} from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { invariant } from '../../../util/errors.ts';
import {
  ARG_PTR_TO_DYNPTR,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_UNINIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  baseType,
  typeFlag,
} from '../../rules/reg-types.ts';
import { kfuncAllowedIn } from '../../rules/compile.ts';
import type { KfuncDynptr } from '../../rules/rows/kfuncs/row.ts';
import { checkPtrOffReg } from '../access/ctx.ts';
import { checkMemReg, checkMemSizeReg } from '../access/region.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { Rejected, reject, rejectAfter } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import {
  type DynptrSource,
  dynptrIdOf,
  dynptrPacketRefOf,
  dynptrRefObjIdOf,
  dynptrTypeOf,
  processDynptrArg,
} from '../resource/dynptr.ts';
import { inRbtreeLockRequiredCb, processGraphNode, processGraphRoot } from '../resource/graph.ts';
import { IRQ_LOCK, IRQ_NATIVE, processIrqFlag } from '../resource/irq.ts';
import { processIterArg } from '../resource/iter.ts';
import { isPtrAllocObj, regBtfRecord } from '../state/record.ts';
import { isNonOwningRef } from '../resource/refs.ts';
import { processSpinLock } from '../resource/spin-lock.ts';
import { checkMapFieldPointer } from '../resource/timer.ts';
import { REG_STRUCTS, TRUSTED_MODIFIERS, hasUnsafeModifiers, isTrustedReg } from '../state/pointer.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { A, B, OFF, REF_OBJ_ID, ROW, TYPE, VALUE_HI, VALUE_LO, varOffConst } from '../state/row.ts';
import { markPtrNotNullReg, regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { structIdsMatch } from '../access/struct-match.ts';
import { checkConstStr } from './args/const-str.ts';
import { isProjectionOf } from '../access/ctx-type.ts';
import { type KfuncArgKind, hasSuffix } from './kfunc-arg-kind.ts';
import { type KfuncMeta } from './kfunc-meta.ts';
import { btfKindName, isStructKind } from '../../../btf/kinds.ts';
import { CallMeta } from '../state/call-meta.ts';

const ALLOC = PTR_TO_BTF_ID | MEM_ALLOC;

/** The map test and the trust that KF_TRUSTED_ARGS and KF_RCU ask of objects. */
export function checkTrust(env: VerifierEnv, meta: KfuncMeta, regno: number, kind: KfuncArgKind): void {
  if (kind === 'map') takeMap(env, meta, regno);
  if (kind !== 'map' && kind !== 'alloc' && kind !== 'btf_id') return;
  if (!meta.isTrustedArgs && !meta.isRcu) return;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  if (isTrustedReg(rows, r)) return;
  if (!meta.isRcu) reject(env, KFUNC.NOT_TRUSTED, regno);
  if (!(rows[r + TYPE] & MEM_RCU)) reject(env, KFUNC.NOT_RCU, regno);
}

function takeMap(env: VerifierEnv, meta: KfuncMeta, regno: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const base = baseType(rows[r + TYPE]);
  const isMap = base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_VALUE;
  if (!isMap && base !== PTR_TO_BTF_ID) reject(env, KFUNC.NOT_MAP, regno);
  if (!isMap) return;
  const index = rows[r + A];
  const uid = rows[r + B];
  // Only functions that had a work queue or deferred work before know a map here: it must lie in this one.
  if (meta.mapIndex >= 0 && (meta.mapIndex !== index || meta.mapUid !== uid)) {
    const taskWork = (env.maps[index].record?.taskWorkOff ?? -1) >= 0;
    reject(env, taskWork ? KFUNC.TASK_WORK_MAP_MISMATCH : KFUNC.WQ_MAP_MISMATCH, meta.mapUid, uid);
  }
  meta.mapIndex = index;
  meta.mapUid = uid;
}

/** The check of one pointer argument; `ref` is what the parameter points to. */
export function checkKfuncPtrArg(env: VerifierEnv, meta: KfuncMeta, i: number, kind: KfuncArgKind, ref: number): void {
  const regno = i + 1;
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  switch (kind) {
    case 'ctx':
      return checkCtx(env, meta, i, type);
    case 'alloc':
      return checkAlloc(env, meta, i, r);
    case 'dynptr':
      return checkDynptr(env, meta, i);
    case 'iter':
      return checkIter(env, meta, i, ref);
    case 'list_head':
    case 'rb_root':
      return checkGraphRoot(env, meta, i, kind);
    case 'list_node':
      checkOwned(env, i, r);
      processGraphNode(env, regno, meta.listHead, BPF_LIST_NODE);
      return takeArg(meta, rows, r);
    case 'rb_node':
      return checkRbNode(env, meta, i, r);
    case 'map':
      return checkBtfId(env, meta, i, r, meta.btf.find('bpf_map', BTF_KIND.STRUCT));
    case 'btf_id':
      return checkBtfId(env, meta, i, r, ref);
    case 'mem':
      // Numbers and structs of numbers have a size.
      return checkMemReg(env, regno, meta.btf.sizeOf(ref));
    case 'mem_size':
      return checkMemPair(env, meta, i, r);
    case 'callback':
      if (type !== PTR_TO_FUNC) reject(env, KFUNC.NOT_FUNC, i);
      meta.subprogno = rows[r + A];
      return;
    case 'refcounted':
      return checkRefcounted(env, meta, i, r);
    case 'const_str':
      if (type !== PTR_TO_MAP_VALUE) reject(env, KFUNC.NOT_CONST_STR, i);
      return void checkConstStr(env, regno);
    case 'wq':
    case 'task_work':
      if (type !== PTR_TO_MAP_VALUE) reject(env, KFUNC.NOT_MAP_VALUE, i);
      checkMapFieldPointer(env, regno, kind === 'wq' ? BPF_WORKQUEUE : BPF_TASK_WORK);
      meta.mapIndex = rows[r + A];
      meta.mapUid = rows[r + B];
      return;
    case 'irq_flag':
      if (type !== PTR_TO_STACK) reject(env, KFUNC.NOT_IRQ_STACK, i);
      return checkIrqFlag(env, meta, regno);
    case 'res_spin_lock':
      if (type !== PTR_TO_MAP_VALUE && type !== ALLOC) reject(env, KFUNC.NOT_LOCK, i);
      return checkLock(env, meta, regno);
  }
}

function checkLock(env: VerifierEnv, meta: KfuncMeta, regno: number): void {
  const { effect } = meta.row;
  invariant(effect?.lock !== undefined, `lock of ${meta.name} without its effect`);
  processSpinLock(env, regno, effect.lock, effect.take);
}

/** A list or tree: in a map value, or in an allocated object that is owned. */
function checkGraphRoot(env: VerifierEnv, meta: KfuncMeta, i: number, kind: 'list_head' | 'rb_root'): void {
  const { rows } = env.state.frame;
  const r = regRow(i + 1);
  const type = rows[r + TYPE];
  if (type !== PTR_TO_MAP_VALUE && type !== ALLOC) reject(env, KFUNC.GRAPH_NOT_ROOT, i);
  if (type === ALLOC && rows[r + REF_OBJ_ID] === 0) reject(env, KFUNC.NOT_REFERENCED);
  if (kind === 'list_head') meta.listHead = processGraphRoot(env, i + 1, BPF_LIST_HEAD);
  else meta.rbRoot = processGraphRoot(env, i + 1, BPF_RB_ROOT);
}

/** An allocated object with a counter of references. */
function checkRefcounted(env: VerifierEnv, meta: KfuncMeta, i: number, r: number): void {
  const { rows } = env.state.frame;
  if (!isPtrAllocObj(rows[r + TYPE])) reject(env, KFUNC.NOT_REF, i);
  if (!isNonOwningRef(rows[r + TYPE])) meta.owningRef = true;
  const record = regBtfRecord(env, rows, r);
  if (record === undefined) reject(env, KFUNC.NO_RECORD);
  if (record.refcountOff < 0) reject(env, KFUNC.NO_REFCOUNT, i);
  if (rows[r + OFF] !== 0 && env.fixed('REFCOUNT_ACQUIRE_OFFSET')) checkPtrOffReg(env, i + 1);
  takeArg(meta, rows, r);
}

/** Remembers which object type the call works on. */
function takeArg(meta: KfuncMeta, rows: Int32Array, r: number): void {
  meta.argBtf = rows[r + A];
  meta.argBtfId = rows[r + B];
}

function checkCtx(env: VerifierEnv, meta: KfuncMeta, i: number, type: number): void {
  if (type !== PTR_TO_CTX) reject(env, KFUNC.NOT_CTX, i, regTypeStr(type));
  if (meta.row.makes !== 'kern-ctx') return;
  // struct bpf_ctx_convert pairs the context types of each program type: as programs see it, and as it is.
  const pairs = meta.btf.type(meta.btf.find('bpf_ctx_convert', BTF_KIND.STRUCT));
  const id = pairs?.members.find((m) => m.name === `${env.ops.name}_kern`)?.type ?? 0;
  if (!isStructKind(meta.btf.kind(id))) reject(env, KFUNC.NO_KERN_CTX, id);
  meta.argBtf = 0;
  meta.argBtfId = id;
}

function checkAlloc(env: VerifierEnv, meta: KfuncMeta, i: number, r: number): void {
  const { rows } = env.state.frame;
  const type = rows[r + TYPE];
  if (type === ALLOC) {
    if (meta.row.drops !== 'object') reject(env, KFUNC.FOR_OBJ_DROP, i, '');
  } else if (type === (ALLOC | MEM_PERCPU)) {
    if (meta.row.drops !== 'percpu-object') reject(env, KFUNC.FOR_OBJ_DROP, i, 'percpu_');
  } else reject(env, KFUNC.NOT_ALLOCATED, i);
  if (rows[r + REF_OBJ_ID] === 0) reject(env, KFUNC.NOT_REFERENCED);
  takeArg(meta, rows, r);
}

/** The register holds an allocated object that nothing else owns. */
function checkOwned(env: VerifierEnv, i: number, r: number): void {
  const { rows } = env.state.frame;
  if (rows[r + TYPE] !== ALLOC) reject(env, KFUNC.NOT_ALLOCATED, i);
  if (rows[r + REF_OBJ_ID] === 0) reject(env, KFUNC.NOT_REFERENCED);
}

function checkRbNode(env: VerifierEnv, meta: KfuncMeta, i: number, r: number): void {
  const { rows } = env.state.frame;
  if (meta.row.owns === i + 1) checkOwned(env, i, r);
  else {
    if (!isNonOwningRef(rows[r + TYPE]) && rows[r + REF_OBJ_ID] === 0) reject(env, KFUNC.RB_NODE_OWNING, meta.name);
    if (inRbtreeLockRequiredCb(env)) reject(env, KFUNC.RB_IN_CB, meta.name);
  }
  processGraphNode(env, i + 1, meta.rbRoot, BPF_RB_NODE);
  takeArg(meta, rows, r);
}

const DYNPTR_TYPES: Readonly<Record<KfuncDynptr, number>> = {
  skb: DYNPTR_TYPE_SKB,
  xdp: DYNPTR_TYPE_XDP,
  skb_meta: DYNPTR_TYPE_SKB_META,
  /** That of the dynptr that was passed. */
  clone: 0,
};

function checkDynptr(env: VerifierEnv, meta: KfuncMeta, i: number): void {
  const { rows } = env.state.frame;
  const r = regRow(i + 1);
  const uninit = hasSuffix(meta.params[i], '__uninit');
  const { makesDynptr } = meta.row;
  let argType = ARG_PTR_TO_DYNPTR | (makesDynptr === undefined ? 0 : DYNPTR_TYPES[makesDynptr]);
  let of: DynptrSource | undefined;
  if (rows[r + TYPE] === CONST_PTR_TO_DYNPTR) argType |= MEM_RDONLY;
  if (uninit) argType |= MEM_UNINIT;
  if (uninit && makesDynptr === 'clone') {
    invariant(meta.dynptrType !== 0, 'no dynptr type for parent of clone');
    argType |= meta.dynptrType;
    of = { refObjId: meta.dynptrRefObjId, packetRef: meta.dynptrPacketRef };
  } else if (uninit && makesDynptr === 'skb') of = { refObjId: 0, packetRef: meta.refObjId };
  processDynptrArg(env, i + 1, argType, of);
  if (uninit) return;
  meta.dynptrId = dynptrIdOf(env, rows, r);
  meta.dynptrType = dynptrTypeOf(env, rows, r);
  meta.dynptrRefObjId = dynptrRefObjIdOf(env, rows, r);
  meta.dynptrPacketRef = dynptrPacketRefOf(env, rows, r);
}

function checkIter(env: VerifierEnv, meta: KfuncMeta, i: number, ref: number): void {
  const { rows } = env.state.frame;
  if (!kfuncAllowedIn(meta.row, env.query)) reject(env, KFUNC.CSS_TASK_ITER);
  if (rows[regRow(i + 1) + TYPE] !== PTR_TO_STACK) reject(env, RESOURCE.ITER_NOT_STACK, i);
  const struct = meta.btf.name(ref);
  if (!struct.startsWith('bpf_iter_')) reject(env, RESOURCE.ITER_TYPE, i);
  const type = { btf: 0, id: ref, name: struct.slice('bpf_iter_'.length), slots: meta.btf.sizeOf(ref) >> 3 };
  const kind = meta.isIterNew ? 'new' : meta.isIterNext ? 'next' : meta.isIterDestroy ? 'destroy' : 'other';
  const call = { kind, func: meta.name, rcuProtected: meta.isRcuProtected } as const;
  const iter = processIterArg(env, i + 1, type, call);
  if (iter === undefined) return;
  meta.iter = iter;
  meta.refObjId = iter.refObjId;
}

/** process_kf_arg_ptr_to_btf_id. */
function checkBtfId(env: VerifierEnv, meta: KfuncMeta, i: number, r: number, ref: number): void {
  const { rows } = env.state.frame;
  const type = rows[r + TYPE];
  const base = baseType(type);
  const alias = REG_STRUCTS[base];
  const isBtf = base === PTR_TO_BTF_ID && (!hasUnsafeModifiers(type) || (type & MEM_RCU) !== 0);
  if (!isBtf && alias === undefined) {
    reject(env, KFUNC.BTF_REG, i, regTypeStr(type), regTypeStr(base | (typeFlag(type) & TRUSTED_MODIFIERS)));
  }
  const { btf } = meta;
  const regBtfIndex = alias === undefined ? rows[r + A] : 0;
  const regBtf = regBtfIndex === 0 ? btf : env.btfs[regBtfIndex];
  invariant(regBtf !== undefined, 'BTF pointer without BTF');
  const regId = regBtf.skipModifiers(alias === undefined ? rows[r + B] : btf.find(alias, BTF_KIND.STRUCT));
  const have = regBtf.name(regId);
  const want = btf.name(ref);
  const strict = (meta.isRelease && rows[r + REF_OBJ_ID] !== 0) || isNocastAlias(have, want);
  if (structIdsMatch(env, { btf: regBtfIndex, id: regId, off: rows[r + OFF] }, { btf: 0, id: ref }, strict)) return;
  // A function that takes the UAPI context struct casts it itself.
  if (isProjectionOf(want, have)) return;
  const wanted = `${btfKindName(btf, ref)} ${want}`;
  reject(env, KFUNC.BTF_MISMATCH, meta.name, i, wanted, i + 1, `${btfKindName(regBtf, regId)} ${have}`);
}

/** btf_type_ids_nocast_alias: `nf_conn` and `nf_conn___init` are not to be confused. */
const isNocastAlias = (a: string, b: string): boolean => a === `${b}___init` || b === `${a}___init`;

/** check_kfunc_mem_size_reg: memory and its size. */
function checkMemPair(env: VerifierEnv, meta: KfuncMeta, i: number, r: number): void {
  const { rows } = env.state.frame;
  const sizeReg = regRow(i + 2);
  if (!regIsNull(rows, r) || !hasSuffix(meta.params[i], '__opt')) {
    const mayBeNull = (rows[r + TYPE] & PTR_MAYBE_NULL) !== 0;
    const saved = mayBeNull ? rows.slice(r, r + ROW) : undefined;
    if (mayBeNull) markPtrNotNullReg(env, rows, r);
    try {
      for (const write of [false, true]) checkMemSizeReg(env, i + 2, { write, zeroSizeAllowed: true }, new CallMeta());
    } catch (e) {
      if (!(e instanceof Rejected)) throw e;
      rejectAfter(env, e, KFUNC.MEM_LEN_PAIR, i);
    }
    if (saved !== undefined) rows.set(saved, r);
  }
  if (!hasSuffix(meta.params[i + 1], '__szk')) return;
  if (!varOffConst(rows, sizeReg)) reject(env, KFUNC.NOT_CONSTANT, i + 2);
  meta.constFound = true;
  meta.constLo = rows[sizeReg + VALUE_LO];
  meta.constHi = rows[sizeReg + VALUE_HI];
}

function checkIrqFlag(env: VerifierEnv, meta: KfuncMeta, regno: number): void {
  const { effect } = meta.row;
  if (effect?.irq !== undefined) return processIrqFlag(env, regno, effect.irq === 'save', IRQ_NATIVE);
  invariant(effect?.lock === 'res-irq', `interrupt flag of ${meta.name} without its effect`);
  processIrqFlag(env, regno, effect.take, IRQ_LOCK);
}
