/** Functions that a helper calls back: put aside as a path that returns to the helper, or as a root of its own (push_callback_call). */
import { ERRNO } from '../../../uapi/errno.ts';
import { SUBPROG } from '../diag/catalogue/subprog.ts';
import { reject } from '../diag/reject.ts';
import { BPF_RB_ROOT } from '../../../btf/record.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import type { CallbackKind } from '../../rules/effects.ts';
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_LOCAL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  SCALAR_VALUE,
} from '../../rules/reg-types.ts';
import { invariant } from '../../../util/errors.ts';
import type { VerifierEnv } from '../env.ts';
import { pushAsyncCb, pushStack } from '../paths/worklist.ts';
import { markRegGraphNode, refSetNonOwning } from '../resource/graph.ts';
import { findField, regBtfRecord } from '../state/record.ts';
import { A, B, ID, OFF, TYPE, copyRow } from '../state/row.ts';
import { markRegPointer, markRegUnknownImprecise } from '../state/regs.ts';
import { type FuncState, regRow } from '../state/state.ts';
import { checkSubprogArgs, setupFuncEntry } from './subprog.ts';

const isAsync = (kind: CallbackKind): boolean => kind === 'timer' || kind === 'wq' || kind === 'task_work';

/** The callback `subprog` of the call at `insnIdx` will be explored; the current path goes on behind the call. */
export function pushCallbackCall(env: VerifierEnv, insnIdx: number, subprog: number, kind: CallbackKind): void {
  const { state } = env;
  const caller = state.frame;
  checkSubprogArgs(env, subprog);
  const sub = env.subprogs[subprog];
  sub.isCb = true;
  if (isAsync(kind)) {
    sub.isAsyncCb = true;
    const async = pushAsyncCb(env, sub.start, insnIdx, subprog, kind !== 'timer');
    async.frame.asyncEntryCnt = caller.asyncEntryCnt + 1;
    setCalleeState(env, kind, caller, async.frame);
    return;
  }
  const queued = pushStack(env, sub.start, insnIdx, false, ERRNO.ENOMEM);
  setupFuncEntry(env, queued, subprog, insnIdx, (callee) => setCalleeState(env, kind, caller, callee));
  queued.callbackUnrollDepth++;
  queued.frames[queued.curframe - 1].callbackDepth++;
  caller.callbackDepth = 0;
}

/** set_*_callback_state: the arguments that the kernel passes, from those of the helper call. */
function setCalleeState(env: VerifierEnv, kind: CallbackKind, caller: FuncState, callee: FuncState): void {
  const from = caller.rows;
  const to = callee.rows;
  const copy = (dst: number, src: number): void => copyRow(to, regRow(dst), from, regRow(src));
  const mapPtr = (regno: number, type: number): void => {
    markRegPointer(to, regRow(regno), type);
    to[regRow(regno) + A] = from[regRow(1) + A];
    to[regRow(regno) + B] = from[regRow(1) + B];
  };
  callee.callbackRetMin = 0;
  callee.callbackRetMax = isAsync(kind) ? 0 : 1;
  if (isAsync(kind)) callee.inAsyncCallbackFn = true;
  else callee.inCallbackFn = true;
  switch (kind) {
    case 'loop':
      markRegUnknownImprecise(to, regRow(1));
      to[regRow(1) + TYPE] = SCALAR_VALUE;
      copy(2, 3);
      break;
    case 'for_each_map_elem':
      if (env.input.rules.map(env.maps[from[regRow(1) + A]].type)?.forEach !== true) reject(env, SUBPROG.FOR_EACH_MAP);
      copy(1, 1);
      mapPtr(2, PTR_TO_MAP_KEY);
      mapPtr(3, PTR_TO_MAP_VALUE);
      copy(4, 3);
      break;
    case 'find_vma':
      copy(1, 1);
      markRegPointer(to, regRow(2), PTR_TO_BTF_ID);
      to[regRow(2) + A] = 0;
      to[regRow(2) + B] = env.input.vmlinux()?.find('vm_area_struct', BTF_KIND.STRUCT) ?? 0;
      copy(3, 4);
      break;
    case 'user_ringbuf_drain':
      markRegPointer(to, regRow(1), CONST_PTR_TO_DYNPTR);
      to[regRow(1) + ID] = env.newId();
      to[regRow(1) + A] = DYNPTR_TYPE_LOCAL;
      to[regRow(1) + B] = 1;
      copy(2, 3);
      break;
    case 'rbtree_add':
      setTreeArgs(env, from, to);
      break;
    default:
      mapPtr(1, CONST_PTR_TO_MAP);
      mapPtr(2, PTR_TO_MAP_KEY);
      mapPtr(3, PTR_TO_MAP_VALUE);
  }
}

/** set_rbtree_add_callback_state: both arguments are nodes of the tree in R1, whose lock is held. */
function setTreeArgs(env: VerifierEnv, from: Int32Array, to: Int32Array): void {
  const root = findField(regBtfRecord(env, from, regRow(1)), from[regRow(1) + OFF], BPF_RB_ROOT);
  invariant(root !== undefined, 'tree callback without its root');
  for (const regno of [1, 2]) {
    markRegGraphNode(env, to, regRow(regno), root);
    refSetNonOwning(env, to, regRow(regno));
  }
}
