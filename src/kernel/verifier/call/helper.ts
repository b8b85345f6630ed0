/** Calls of helper functions (check_helper_call). */
import { BPF_ATTACH_TYPE } from '../../../uapi/attach-types.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { invariant } from '../../../util/errors.ts';
import { LSM_SLEEPABLE } from '../../rules/attach.ts';
import { helperAllowedIn } from '../../rules/helper-allowed.ts';
import type { FuncProto } from '../../rules/proto.ts';
import { ARG_PTR_TO_CTX, ARG_PTR_TO_DYNPTR, MEM_ALLOC, MEM_PERCPU, MEM_RCU, baseType } from '../../rules/reg-types.ts';
import { checkCalleeWrite } from '../access/mem.ts';
import { AUX_NON_SLEEPABLE, AUX_STORAGE_GET_FUNC_ATOMIC } from '../insn-aux.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { inRcuCs, inSleepable, inSleepableContext } from '../state/context.ts';
import { unmarkStackSlotsDynptr } from '../resource/dynptr.ts';
import { releaseReference, releaseReferenceNomark } from '../resource/refs.ts';
import { markRegInvalid } from '../state/regs.ts';
import { forEachReg } from '../state/each.ts';
import { endPacketViews } from '../state/dynptr-slot.ts';
import { REF_OBJ_ID, TYPE } from '../state/row.ts';
import { clearCallerSaved, regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkFuncArg } from './args/check.ts';
import { clearAllPktPointers } from '../state/packet.ts';
import { setHelperResult } from './helper-ret.ts';
import { checkSpecialHelper } from './helper-special.ts';
import { checkMapFuncCompatibility } from './map-compat.ts';
import { CallMeta } from '../state/call-meta.ts';
import { helperName } from './name.ts';
import { recordFuncKey, recordFuncMap } from './record-map.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';

const { BPF_MODIFY_RETURN, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT } = BPF_ATTACH_TYPE;
const { BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACING } = BPF_PROG_TYPE;

const F = BPF_FUNC;
/** __BPF_FUNC_MAX_ID. */
const HELPER_COUNT = Math.max(...Object.values(BPF_FUNC)) + 1;

/** check_helper_call: the call instruction at `insnIdx`, on the current state. */
export function checkHelperCall(env: VerifierEnv, insnIdx: number): void {
  const fn = findProto(env, env.insns.imm[insnIdx]);
  checkPlace(env, fn, insnIdx);
  const meta = new CallMeta();
  meta.funcId = fn.id;
  meta.pktAccess = fn.pktAccess === true;
  for (let i = 0; i < 5; i++) checkFuncArg(env, i, meta, fn);
  recordFuncMap(env, fn, meta, insnIdx);
  recordFuncKey(env, meta, insnIdx);
  // Stack memory that the helper fills counts as written.
  for (let i = 0; i < meta.accessSize; i++) {
    checkCalleeWrite(env, insnIdx, meta.regno, i, 1);
  }
  if (meta.releaseRegno !== 0) releaseArg(env, fn, meta);
  const special = checkSpecialHelper(env, fn, meta, insnIdx);
  clearCallerSaved(env, env.state.frame);
  env.scratchedRegs |= 0x3f;
  setHelperResult(env, fn, meta, insnIdx, special.percpuAlloc);
  checkMapFuncCompatibility(env, meta.map, fn.id);
  if (fn.id === F.BPF_FUNC_get_func_ip) checkGetFuncIp(env);
  // After a tail call that failed the packet is as it was.
  const changes = fn.changesPktData === true && fn.id !== F.BPF_FUNC_tail_call;
  if (changes || special.changesPktData) clearAllPktPointers(env);
}

/** get_helper_proto. */
function findProto(env: VerifierEnv, id: number): FuncProto {
  const name = helperName(id);
  if (id < 0 || id >= HELPER_COUNT) reject(env, CALL.INVALID_FUNC, name, id);
  const fn = env.ops.funcProto(id, env.query);
  if (fn === undefined) reject(env, CALL.HELPER_NOT_ALLOWED, name, id);
  return fn;
}

/** Whether the helper may be called by this program, here. */
function checkPlace(env: VerifierEnv, fn: FuncProto, insnIdx: number): void {
  const { state, query, aux } = env;
  if (fn.gplOnly && !query.gplCompatible) reject(env, CALL.GPL_ONLY);
  if (!helperAllowedIn(fn, query, LSM_SLEEPABLE.has(query.attachBtfName))) reject(env, CALL.NOT_IN_PROBE);
  if (fn.mightSleep && !inSleepable(env)) reject(env, CALL.MIGHT_SLEEP);
  invariant(!fn.changesPktData || baseType(fn.args[0] ?? 0) === ARG_PTR_TO_CTX, `func ${fn.name}: r1 != ctx`);
  if (fn.mightSleep) {
    const name = helperName(fn.id);
    if (state.activeRcuLocks > 0) reject(env, CALL.SLEEPABLE_IN, name, fn.id, 'rcu_read_lock');
    if (state.activePreemptLocks > 0) reject(env, CALL.SLEEPABLE_IN, name, fn.id, 'non-preemptible');
    if (state.activeIrqId !== 0) reject(env, CALL.SLEEPABLE_IN, name, fn.id, 'IRQ-disabled');
  }
  if (!inSleepableContext(env)) {
    aux.flags[insnIdx] |= AUX_NON_SLEEPABLE;
    if (inSleepable(env) && fn.allocates === true) aux.flags[insnIdx] |= AUX_STORAGE_GET_FUNC_ATOMIC;
  }
}

/** The helper takes the object over: every register that holds it is spoiled. */
function releaseArg(env: VerifierEnv, fn: FuncProto, meta: CallMeta): void {
  const { rows } = env.state.frame;
  let released: boolean;
  if (baseType(fn.args[meta.releaseRegno - 1]) === ARG_PTR_TO_DYNPTR) {
    released = unmarkStackSlotsDynptr(env, meta.releaseRegno);
  } else if (fn.id === F.BPF_FUNC_kptr_xchg && meta.refObjId !== 0) {
    released = giveAway(env, meta.refObjId);
  } else if (meta.refObjId !== 0) {
    released = releaseReference(env, meta.refObjId);
  } else {
    released = regIsNull(rows, regRow(meta.releaseRegno));
  }
  if (!released) reject(env, CALL.NOT_ACQUIRED, helperName(fn.id), fn.id);
}

/** bpf_kptr_xchg stores the object in the map; under RCU a per-CPU one may still be read. */
function giveAway(env: VerifierEnv, ref: number): boolean {
  const rcu = inRcuCs(env);
  if (!releaseReferenceNomark(env.state, ref)) return false;
  forEachReg(env.state, (rows, r) => {
    if (rows[r + REF_OBJ_ID] !== ref) return;
    if (rcu && rows[r + TYPE] & MEM_ALLOC && rows[r + TYPE] & MEM_PERCPU) {
      rows[r + REF_OBJ_ID] = 0;
      rows[r + TYPE] = (rows[r + TYPE] & ~MEM_ALLOC) | MEM_RCU;
    } else markRegInvalid(env, rows, r);
  });
  endPacketViews(env, ref);
  return true;
}

const TRAMPOLINES: ReadonlySet<number> = new Set([BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN]);

/** check_get_func_ip. */
function checkGetFuncIp(env: VerifierEnv): void {
  const { progType, expectedAttachType } = env.query;
  const id = F.BPF_FUNC_get_func_ip;
  if (progType === BPF_PROG_TYPE_TRACING) {
    if (!TRAMPOLINES.has(expectedAttachType)) reject(env, CALL.FUNC_IP_TRACING, helperName(id), id);
  } else if (progType !== BPF_PROG_TYPE_KPROBE) reject(env, CALL.FUNC_IP_TYPE, helperName(id), id, progType);
}
