/** Lists and trees of allocated objects under a lock (process_kf_arg_ptr_to_graph_root, ..._graph_node, ref_set_non_owning). */
import type { BtfField, BtfRecord } from '../../../btf/record.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { invariant } from '../../../util/errors.ts';
import { MEM_ALLOC, MEM_RCU, NON_OWN_REF, PTR_TO_BTF_ID } from '../../rules/reg-types.ts';
import { structAt, structIdsMatch } from '../access/struct-match.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kfuncRow } from '../pass/kfuncs.ts';
import { forEachReg } from '../state/each.ts';
import { A, B, ID, OFF, REF_OBJ_ID, TYPE, VALUE_LO, varOffConst } from '../state/row.ts';
import { markRegPointer } from '../state/regs.ts';
import { REF_TYPE_LOCK, REF_TYPE_RES_LOCK, REF_TYPE_RES_LOCK_IRQ, regRow } from '../state/state.ts';
import { fieldTypeName, findField, regBtfRecord } from '../state/record.ts';
import { findLock, lockPtr } from './spin-lock.ts';

const ANY_LOCK = REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ;

/** in_rbtree_lock_required_cb: inside the comparison callback of a tree. */
export function inRbtreeLockRequiredCb(env: VerifierEnv): boolean {
  const { state } = env;
  if (state.curframe === 0 || !state.frame.inCallbackFn) return false;
  return kfuncRow(env, state.frame.callsite)?.callback?.sync === 'rbtree_add';
}

/** The list head or tree root that register `regno` points to, whose lock must be held. */
export function processGraphRoot(env: VerifierEnv, regno: number, rootType: number): BtfField {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const name = fieldTypeName(rootType);
  if (!varOffConst(rows, r)) reject(env, KFUNC.GRAPH_OFFSET, regno, name);
  const record = regBtfRecord(env, rows, r);
  const off = (rows[r + OFF] + rows[r + VALUE_LO]) | 0;
  const field = findField(record, off, rootType);
  if (field === undefined || record === undefined) reject(env, KFUNC.GRAPH_NOT_FOUND, name, off);
  if (env.state.activeLocks === 0) reject(env, KFUNC.GRAPH_UNLOCKED, shownLockOff(record), name);
  if (findLock(env.state, ANY_LOCK, rows[r + ID], lockPtr(rows, r)) === undefined) {
    reject(env, KFUNC.GRAPH_OTHER_LOCK, shownLockOff(record), name);
  }
  return field;
}

/** The offset of a missing bpf_spin_lock in the kernel's record: -EINVAL. */
const shownLockOff = (record: BtfRecord): number => (record.spinLockOff < 0 ? -ERRNO.EINVAL : record.spinLockOff);

/** The node in an object that register `regno` points to must be the one that `root` chains. */
export function processGraphNode(env: VerifierEnv, regno: number, root: BtfField | undefined, nodeType: number): void {
  invariant(root !== undefined, 'graph node without its root');
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const name = fieldTypeName(nodeType);
  if (!varOffConst(rows, r)) reject(env, KFUNC.GRAPH_OFFSET, regno, name);
  const off = (rows[r + OFF] + rows[r + VALUE_LO]) | 0;
  if (findField(regBtfRecord(env, rows, r), off, nodeType) === undefined) reject(env, KFUNC.GRAPH_NOT_FOUND, name, off);
  const want = root.nodeOffset ?? 0;
  const wantType = root.typeName ?? '';
  if (
    !structIdsMatch(env, { ...structAt(rows, r), off: 0 }, { btf: env.btfIndex(root.btf), id: root.typeId ?? 0 }, true)
  ) {
    const have = { struct: env.btfs[rows[r + A]]?.name(rows[r + B]) ?? '', off };
    reject(env, KFUNC.GRAPH_NODE_TYPE, fieldTypeName(root.type), name, { struct: wantType, off: want }, have);
  }
  if (off !== want) reject(env, KFUNC.GRAPH_NODE_OFFSET, off, name, want, wantType);
}

/** mark_reg_graph_node: the register points to the node inside an object of a list or tree. */
export function markRegGraphNode(env: VerifierEnv, rows: Int32Array, r: number, root: BtfField): void {
  markRegPointer(rows, r, PTR_TO_BTF_ID | MEM_ALLOC);
  rows[r + A] = env.btfIndex(root.btf);
  rows[r + B] = root.typeId ?? 0;
  rows[r + OFF] = root.nodeOffset ?? 0;
}

/** ref_set_non_owning: the object belongs to a list or tree, and is safe to use while the lock is held. */
export function refSetNonOwning(env: VerifierEnv, rows: Int32Array, r: number): void {
  invariant(env.state.activeLocks > 0, 'non-owning reference without a lock');
  invariant((rows[r + TYPE] & NON_OWN_REF) === 0, 'reference is non-owning already');
  rows[r + TYPE] |= NON_OWN_REF;
  if ((regBtfRecord(env, rows, r)?.refcountOff ?? -1) >= 0) rows[r + TYPE] |= MEM_RCU;
}

/** ref_convert_owning_non_owning: what was added to a list or tree is owned by it from now on. */
export function convertOwningToNonOwning(env: VerifierEnv, refObjId: number): void {
  forEachReg(env.state, (rows, r) => {
    if (rows[r + REF_OBJ_ID] !== refObjId) return;
    rows[r + REF_OBJ_ID] = 0;
    refSetNonOwning(env, rows, r);
  });
}
