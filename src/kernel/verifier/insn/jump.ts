/** Jumps, calls and exits (the BPF_JMP part of do_check_insn). */
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP32,
  BPF_K,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  bpfClass,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { checkHelperCall } from '../call/helper.ts';
import { checkKfuncCall } from '../call/kfunc.ts';
import { checkReturnCode } from '../call/ret.ts';
import { checkFuncCall, prepareFuncExit } from '../call/subprog.ts';
import { BRANCH } from '../diag/catalogue/branch.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { checkCondJmpOp } from './branch.ts';
import { calledKfunc, kfuncRow } from '../pass/kfuncs.ts';
import { pushStack } from '../paths/worklist.ts';
import { clearAllPktPointers } from '../state/packet.ts';
import { markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkResourceLeak } from '../resource/refs.ts';

/** The walk's next step after an instruction: the next one, an explicit one, or the end of the path. */
export type Next = 'advance' | 'moved' | 'returned' | 'exit';

/** One instruction of class JMP or JMP32. */
export function checkJump(env: VerifierEnv): Next {
  const { insns, insnIdx: idx } = env;
  const op = bpfOp(insns.code[idx]);
  const cls = bpfClass(insns.code[idx]);
  env.jmpsProcessed++;
  if (op === BPF_CALL) return checkCall(env, cls);
  if (op === BPF_JA) {
    const is32 = cls === BPF_JMP32;
    if (
      bpfSrc(insns.code[idx]) !== BPF_K ||
      insns.src[idx] !== 0 ||
      insns.dst[idx] !== 0 ||
      (is32 ? insns.off[idx] !== 0 : insns.imm[idx] !== 0)
    ) {
      reject(env, BRANCH.JA_RESERVED_FIELDS);
    }
    env.insnIdx += (is32 ? insns.imm[idx] : insns.off[idx]) + 1;
    return 'moved';
  }
  if (op === BPF_EXIT) {
    if (
      bpfSrc(insns.code[idx]) !== BPF_K ||
      insns.imm[idx] !== 0 ||
      insns.src[idx] !== 0 ||
      insns.dst[idx] !== 0 ||
      cls === BPF_JMP32
    ) {
      reject(env, BRANCH.EXIT_RESERVED_FIELDS);
    }
    return leave(env);
  }
  checkCondJmpOp(env);
  return 'advance';
}

function checkCall(env: VerifierEnv, cls: number): Next {
  const { insns, insnIdx: idx } = env;
  const src = insns.src[idx];
  const isKfunc = src === BPF_PSEUDO_KFUNC_CALL;
  if (
    bpfSrc(insns.code[idx]) !== BPF_K ||
    (!isKfunc && insns.off[idx] !== 0) ||
    (src !== 0 && src !== BPF_PSEUDO_CALL && !isKfunc) ||
    insns.dst[idx] !== 0 ||
    cls === BPF_JMP32
  ) {
    reject(env, BRANCH.CALL_RESERVED_FIELDS);
  }
  if (env.state.activeLocks > 0) {
    const imm = insns.imm[idx];
    const helperAllowed = imm === BPF_FUNC.BPF_FUNC_spin_unlock || imm === BPF_FUNC.BPF_FUNC_kptr_xchg;
    if (
      (src === 0 && !helperAllowed) ||
      (isKfunc && (insns.off[idx] !== 0 || kfuncRow(env, idx)?.underLock !== true))
    ) {
      reject(env, BRANCH.CALL_WHILE_LOCKED);
    }
  }
  if (src === BPF_PSEUDO_CALL) checkFuncCall(env);
  else if (isKfunc) {
    checkKfuncCall(env, idx);
    const kfunc = calledKfunc(env, idx);
    if (kfunc?.row?.effect?.ends === 'throw') return leave(env, kfunc.name);
  } else {
    checkHelperCall(env, idx);
    if (insns.imm[idx] === BPF_FUNC.BPF_FUNC_tail_call && env.state.curframe > 0) return tailCallFromSubprog(env);
  }
  env.scratchedRegs |= 1;
  return 'advance';
}

/**
 * A tail call in a subprogram that works returns to the caller with whatever the other program left: a path of its own beside
 * the one where it fails.
 */
function tailCallFromSubprog(env: VerifierEnv): Next {
  pushStack(env, env.insnIdx + 1, env.insnIdx, false);
  clearAllPktPointers(env);
  markRegUnknown(env, env.state.frame.rows, regRow(0));
  prepareFuncExit(env);
  clearAllPktPointers(env);
  return 'moved';
}

/** process_bpf_exit_full: out of a function, or out of the program. `thrower` names the kernel function that throws. */
function leave(env: VerifierEnv, thrower?: string): Next {
  const { state } = env;
  const outermost = state.curframe === 0;
  const exception = thrower !== undefined;
  const where = thrower ?? 'BPF_EXIT instruction in main prog';
  checkResourceLeak(env, exception ? 'exception' : outermost ? 'program' : 'function', where);
  if (exception) return 'exit';
  if (!outermost) {
    env.stackLiveness?.pathEnds(env);
    prepareFuncExit(env);
    return 'returned';
  }
  checkReturnCode(env, 0, 'R0');
  return 'exit';
}
