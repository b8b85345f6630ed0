/** The walk over all paths of one function: main program or global subprogram (do_check, do_check_common). */
import { InternalError } from '../../../util/errors.ts';
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfMode,
} from '../../../isa/opcodes.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { AUX_JMP_POINT, AUX_NOSPEC, AUX_NOSPEC_RESULT, AUX_PRUNE_POINT } from '../insn-aux.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import { Rejected, reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { checkAluOp } from '../insn/alu.ts';
import { type Next, checkJump } from '../insn/jump.ts';
import { checkLdAbs, checkLdImm } from '../insn/load.ts';
import { checkLoad } from '../insn/mem.ts';
import { checkStore } from '../insn/store.ts';
import { BPF_LOG_LEVEL2 } from '../log.ts';
import { printInsnState, printVerifierState, scratchAll } from '../state/print.ts';
import { printInsn, printLineInfo } from '../state/print-insn.ts';
import { pushInsnHistory } from '../paths/history.ts';
import { isStateVisited, updateBranchCounts } from './prune.ts';
import { popStack } from '../paths/worklist.ts';
import { BPF_COMPLEXITY_LIMIT_INSNS } from '../../rules/limits.ts';

/** Where the walk stands between two instructions. */
interface Walk {
  /** Instruction executed before this one. */
  prev: number;
  /** The next print shows the whole state: a path was resumed. */
  printState: boolean;
}

/** do_check: walks env.state from env.insnIdx, then all paths that branched off. */
export function doCheck(env: VerifierEnv): void {
  const popLog = (env.log.level & BPF_LOG_LEVEL2) === 0;
  const walk: Walk = { prev: -1, printState: false };
  for (;;) {
    env.stackLiveness?.enter(env);
    while (!step(env, walk));
    scratchAll(env);
    updateBranchCounts(env, env.state);
    env.stackLiveness?.pathEnds(env);
    if (!popStack(env, popLog)) return;
    walk.prev = env.prevInsnIdx;
    walk.printState = true;
  }
}

/** One instruction; true when the path ended. */
function step(env: VerifierEnv, walk: Walk): boolean {
  const { state } = env;
  const idx = env.insnIdx;
  env.curRecord = 0;
  env.prevInsnIdx = walk.prev;
  if (idx < 0 || idx >= env.insns.length) throw new InternalError('execution left the program');
  if (++env.insnProcessed > BPF_COMPLEXITY_LIMIT_INSNS) reject(env, EXPLORE.TOO_LARGE, env.insnProcessed);
  if ((env.insnProcessed & 0x3fff) === 1 && env.input.signal?.aborted) reject(env, EXPLORE.INTERRUPTED);
  state.lastInsnIdx = env.prevInsnIdx;
  state.insnIdx = idx;
  const flags = env.aux.flags[idx];
  if (env.walkView !== undefined) env.testing?.onState?.(env.walkView, idx);
  if ((flags & AUX_PRUNE_POINT || env.everyInsn) && isStateVisited(env, idx)) {
    if (env.log.enabled) logSafe(env, walk);
    return true;
  }
  if (flags & AUX_JMP_POINT) pushInsnHistory(env, 0);
  if (env.log.enabled) logInsn(env, walk);
  markSeen(env);
  walk.prev = idx;
  if (state.speculative && flags & AUX_NOSPEC) return true;
  env.stackLiveness?.beginInsn(idx);
  let next: Next;
  try {
    next = checkInsn(env);
  } catch (e) {
    if (!(e instanceof Rejected) || !state.speculative || !recoverable(e.errno)) throw e;
    // The mispredicted path must not get here: a barrier in front of the instruction ends it.
    env.aux.flags[idx] |= AUX_NOSPEC;
    const extra = env.aux.extra.get(idx);
    if (extra !== undefined) extra.aluState = 0;
    return true;
  }
  if (next === 'exit') return true;
  env.stackLiveness?.endInsn();
  if (next === 'advance') env.insnIdx++;
  if (next === 'returned') walk.printState = true;
  return state.speculative && (env.aux.flags[idx] & AUX_NOSPEC_RESULT) !== 0;
}

/** Code that only a mispredicting processor reaches stays dead, and is taken out (sanitize_mark_insn_seen). */
function markSeen(env: VerifierEnv): void {
  if (!env.state.speculative) env.aux.seen[env.insnIdx] ||= env.passCnt;
}

/** error_recoverable_with_nospec(). */
const recoverable = (errno: number): boolean =>
  errno === ERRNO.EPERM || errno === ERRNO.EACCES || errno === ERRNO.EINVAL;

function logSafe(env: VerifierEnv, walk: Walk): void {
  const { insnIdx: idx, state } = env;
  if (walk.printState) {
    env.log.line(`\nfrom ${env.prevInsnIdx} to ${idx}${state.speculative ? ' (speculative execution)' : ''}: safe`);
  } else env.log.line(`${idx}: safe`);
}

function logInsn(env: VerifierEnv, walk: Walk): void {
  const { insnIdx: idx, state, log } = env;
  if (log.verbose && walk.printState) {
    log.write(`\nfrom ${env.prevInsnIdx} to ${idx}${state.speculative ? ' (speculative execution)' : ''}:`);
    printVerifierState(env, state, state.curframe, true);
    walk.printState = false;
  }
  if ((env.scratchedRegs | env.scratchedSlotsLo | env.scratchedSlotsHi) !== 0) {
    printInsnState(env, state, state.curframe);
  }
  printLineInfo(env, idx);
  const start = log.position();
  log.write(`${idx}: `);
  printInsn(env, idx);
  env.prevInsnPrintPos = log.position() - start;
  env.prevLogPos = log.position();
}

/** do_check_insn. */
function checkInsn(env: VerifierEnv): Next {
  const code = env.insns.code[env.insnIdx];
  switch (bpfClass(code)) {
    case BPF_ALU:
    case BPF_ALU64:
      checkAluOp(env);
      return 'advance';
    case BPF_LDX:
      checkLoad(env);
      return 'advance';
    case BPF_ST:
    case BPF_STX:
      checkStore(env);
      return 'advance';
    case BPF_JMP:
    case BPF_JMP32:
      return checkJump(env);
    default:
      return checkLd(env, bpfMode(code));
  }
}

function checkLd(env: VerifierEnv, mode: number): Next {
  if (mode === BPF_ABS || mode === BPF_IND) return checkLdAbs(env);
  checkLdImm(env);
  env.insnIdx++;
  markSeen(env);
  return 'advance';
}
