/** r0 after a call of a kernel function (the last part of check_kfunc_call, check_special_kfunc). */
import { BPF_RES_SPIN_LOCK, BPF_SPIN_LOCK } from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { invariant } from '../../../util/errors.ts';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from '../../rules/reg-types.ts';
import type { KfuncResult } from '../../rules/rows/kfuncs/row.ts';
import { markRegConstZero } from '../access/stack/read.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { u64Text } from '../state/format.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markRegGraphNode, refSetNonOwning } from '../resource/graph.ts';
import { hasField, regBtfRecord, structRecord } from '../state/record.ts';
import { acquireReference } from '../resource/refs.ts';
import { A, B, C, ID, REF_OBJ_ID, SUBREG_DEF, TYPE } from '../state/row.ts';
import { markRegPointer, markRegUnknown } from '../state/regs.ts';
import { regRow, slotRow } from '../state/state.ts';
import { mayAccessDirectPktData } from '../access/direct-pkt.ts';
import { isScalarStruct } from './kfunc-arg-kind.ts';
import { type KfuncMeta } from './kfunc-meta.ts';
import { btfKindName, isScalarKind, isStructKind } from '../../../btf/kinds.ts';
import { BPF_GLOBAL_PERCPU_MA_MAX_SIZE } from '../../rules/limits.ts';

const R0 = regRow(0);
/** Results whose struct the prototype does not name. */
const UNTYPED: ReadonlySet<KfuncResult | undefined> = new Set<KfuncResult>(['object', 'percpu-object', 'reference']);

/** Sets r0 by the function's return type. */
export function setKfuncResult(env: VerifierEnv, meta: KfuncMeta, insnIdx: number): void {
  const { btf } = meta;
  const { rows } = env.state.frame;
  const type = btf.skipModifiers(meta.proto.type);
  const kind = btf.kind(type);
  const pointee = kind === BTF_KIND.PTR ? btf.skipModifiers(btf.ref(type)) : 0;
  if (meta.isAcquire && !isStructKind(btf.kind(pointee)) && !UNTYPED.has(meta.row.makes)) {
    reject(env, KFUNC.NOT_BTF_ACQUIRE);
  }
  if (isScalarKind(kind)) {
    markRegUnknown(env, rows, R0);
    // The path on which the lock could not be taken was put aside.
    if (meta.row.effect?.take === true) markRegConstZero(env, rows, R0);
    rows[R0 + SUBREG_DEF] = btf.sizeOf(type) === 8 ? 0 : insnIdx + 1;
  } else if (kind === BTF_KIND.PTR) {
    setPointer(env, meta, insnIdx, pointee);
  }
}

function setPointer(env: VerifierEnv, meta: KfuncMeta, insnIdx: number, pointee: number): void {
  const { btf } = meta;
  const { rows } = env.state.frame;
  if (!setSpecial(env, meta, insnIdx, pointee)) {
    if (pointee === 0) markRegUnknown(env, rows, R0);
    else if (btf.kind(pointee) === BTF_KIND.STRUCT) setStruct(env, meta, pointee);
    else setMem(env, meta, pointee);
  }
  if (meta.isRetNull) {
    rows[R0 + TYPE] |= PTR_MAYBE_NULL;
    rows[R0 + ID] = env.newId();
  }
  rows[R0 + SUBREG_DEF] = 0;
  if (meta.isAcquire) {
    const id = acquireReference(env, insnIdx);
    if (meta.isRetNull) rows[R0 + ID] = id;
    rows[R0 + REF_OBJ_ID] = id;
  } else if (isNode(btf.name(pointee))) {
    refSetNonOwning(env, rows, R0);
  }
  const mayLock = hasField(regBtfRecord(env, rows, R0), BPF_SPIN_LOCK | BPF_RES_SPIN_LOCK);
  if (mayLock && rows[R0 + ID] === 0) rows[R0 + ID] = env.newId();
}

const isNode = (name: string): boolean => name === 'bpf_list_node' || name === 'bpf_rb_node';

/** Memory of a known size. */
function setMem(env: VerifierEnv, meta: KfuncMeta, pointee: number): void {
  const { btf } = meta;
  const { rows } = env.state.frame;
  if (meta.r0Size === 0) {
    const size = btf.sizeOf(pointee);
    if (size > 0) {
      meta.r0Size = size;
      meta.r0Rdonly = meta.row.makes !== 'writable';
    }
  }
  if (meta.r0Size === 0) reject(env, KFUNC.RETURN_TYPE, meta.name, btfKindName(btf, pointee), btf.name(pointee));
  const rcu = meta.isRcuProtected ? MEM_RCU : 0;
  markRegPointer(rows, R0, PTR_TO_MEM | (meta.r0Rdonly ? MEM_RDONLY : 0) | rcu);
  rows[R0 + A] = meta.r0Size;
  // The memory goes away with the object that it was taken from.
  if (meta.refObjId !== 0) rows[R0 + REF_OBJ_ID] = meta.refObjId;
}

function setStruct(env: VerifierEnv, meta: KfuncMeta, pointee: number): void {
  const { rows } = env.state.frame;
  // An acquired object is trusted for its reference, not by a flag.
  let trust = 0;
  if (meta.row.makes === 'untrusted') trust = PTR_UNTRUSTED;
  else if (meta.isRcuProtected) trust = MEM_RCU;
  if (meta.isIterNext) trust |= iterIsRcu(env, meta) ? MEM_RCU : PTR_TRUSTED;
  markRegPointer(rows, R0, PTR_TO_BTF_ID | trust);
  rows[R0 + A] = 0;
  rows[R0 + B] = pointee;
}

/** The iterator was made under RCU, which protects its elements. */
function iterIsRcu(env: VerifierEnv, meta: KfuncMeta): boolean {
  if (meta.iter === undefined) return false;
  return (env.state.frames[meta.iter.frameno].rows[slotRow(meta.iter.spi) + TYPE] & MEM_RCU) !== 0;
}

/** check_special_kfunc: results that the prototype does not describe; false for ordinary functions. */
function setSpecial(env: VerifierEnv, meta: KfuncMeta, insnIdx: number, pointee: number): boolean {
  const { rows } = env.state.frame;
  switch (meta.row.makes) {
    case 'object':
    case 'percpu-object':
      setNewObject(env, meta, insnIdx);
      return true;
    case 'reference':
      markRegPointer(rows, R0, PTR_TO_BTF_ID | MEM_ALLOC);
      rows[R0 + A] = meta.argBtf;
      rows[R0 + B] = meta.argBtfId;
      return true;
    case 'kern-ctx':
      markRegPointer(rows, R0, PTR_TO_BTF_ID | PTR_TRUSTED);
      rows[R0 + A] = 0;
      rows[R0 + B] = meta.argBtfId;
      return true;
    case 'cast':
      setCast(env, meta);
      return true;
    case 'slice':
    case 'slice-rdwr':
      setSlice(env, meta);
      return true;
  }
  const name = meta.btf.name(pointee);
  const root = name === 'bpf_list_node' ? meta.listHead : name === 'bpf_rb_node' ? meta.rbRoot : undefined;
  if (!isNode(name)) return false;
  invariant(root !== undefined, 'graph node without its root');
  markRegGraphNode(env, rows, R0, root);
  return true;
}

function setNewObject(env: VerifierEnv, meta: KfuncMeta, insnIdx: number): void {
  const { rows } = env.state.frame;
  const percpu = meta.row.makes === 'percpu-object';
  if (meta.constHi !== 0) reject(env, KFUNC.LOCAL_TYPE_RANGE);
  const { btf } = env.input;
  if (btf === undefined) reject(env, KFUNC.LOCAL_TYPE_NO_BTF);
  const id = meta.constLo;
  const kind = id < 0 || id >= btf.nrTypes ? 0 : btf.kind(id);
  if (kind !== BTF_KIND.STRUCT) reject(env, KFUNC.LOCAL_TYPE_STRUCT);
  const size = btf.sizeOf(id);
  if (percpu) {
    if (size > BPF_GLOBAL_PERCPU_MA_MAX_SIZE) reject(env, KFUNC.PERCPU_SIZE, size, BPF_GLOBAL_PERCPU_MA_MAX_SIZE);
    if (size === 0) reject(env, KFUNC.PERCPU_EMPTY);
    if (!isScalarStruct(env, btf, id)) reject(env, KFUNC.PERCPU_SCALARS);
    if (structRecord(env, 1, id) !== undefined) reject(env, KFUNC.PERCPU_FIELDS);
  }
  markRegPointer(rows, R0, PTR_TO_BTF_ID | MEM_ALLOC | (percpu ? MEM_PERCPU : 0));
  rows[R0 + A] = 1;
  rows[R0 + B] = id;
  env.aux.extraAt(insnIdx).objNewSize = size;
}

function setCast(env: VerifierEnv, meta: KfuncMeta): void {
  const { rows } = env.state.frame;
  const { btf } = meta;
  const known = meta.constHi === 0 && meta.constLo >= 0 && meta.constLo < btf.nrTypes;
  if (!known) reject(env, KFUNC.CAST_UNKNOWN_TYPE, u64Text(meta.constLo, meta.constHi));
  if (isStructKind(btf.kind(meta.constLo))) {
    markRegPointer(rows, R0, PTR_TO_BTF_ID | PTR_UNTRUSTED);
    rows[R0 + A] = 0;
    rows[R0 + B] = meta.constLo;
  } else if (meta.constLo === 0) {
    markRegPointer(rows, R0, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED);
  } else reject(env, KFUNC.CAST_NOT_STRUCT);
}

/** A slice of a dynptr: memory of the constant size, as long as the dynptr lives. */
function setSlice(env: VerifierEnv, meta: KfuncMeta): void {
  const { rows } = env.state.frame;
  invariant(meta.constFound, 'bpf_dynptr_slice(_rdwr) no constant size');
  const readOnly = meta.row.makes === 'slice';
  markRegPointer(rows, R0, PTR_TO_MEM | meta.dynptrType | (readOnly ? MEM_RDONLY : 0));
  rows[R0 + A] = meta.constLo;
  rows[R0 + B] = meta.dynptrId;
  rows[R0 + C] = meta.dynptrPacketRef;
  if (!readOnly && !mayAccessDirectPktData(env, undefined, true)) reject(env, KFUNC.PACKET_WRITES);
}
