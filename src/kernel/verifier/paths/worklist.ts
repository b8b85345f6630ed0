/** Paths that wait to be explored (push_stack, pop_stack): a stack, so that exploration is depth first. */
import { ERRNO } from '../../../uapi/errno.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import { Rejected } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { initFrame } from '../state/regs.ts';
import type { VerifierState } from '../state/state.ts';
import { BPF_COMPLEXITY_LIMIT_JMP_SEQ } from '../../rules/limits.ts';

/** A path that waits. */
export interface Pending {
  readonly state: VerifierState;
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  /** Length of the log when it was put aside. */
  readonly logPos: number;
  /** Instructions walked until then. */
  readonly step: number;
}

/** push_stack: puts a copy of the current state aside, to go on at `insnIdx`. Callers differ in the errno when there are too many. */
export function pushStack(
  env: VerifierEnv,
  insnIdx: number,
  prevInsnIdx: number,
  speculative: boolean,
  errno: number = ERRNO.EFAULT,
): VerifierState {
  const state = env.store.save(env.state);
  state.speculative ||= speculative;
  return put(env, state, insnIdx, prevInsnIdx, errno);
}

/** push_async_cb: the entry of an asynchronous callback, a state of its own without parents. */
export function pushAsyncCb(
  env: VerifierEnv,
  insnIdx: number,
  prevInsnIdx: number,
  subprog: number,
  isSleepable: boolean,
): VerifierState {
  const state = env.store.newWorkingState();
  const frame = state.frames[0];
  // One frame, called by nobody: its own root of exploration.
  initFrame(env, frame, -1, 0, subprog);
  state.branches = 1;
  state.inSleepable = isSleepable;
  return put(env, state, insnIdx, prevInsnIdx);
}

function put(
  env: VerifierEnv,
  state: VerifierState,
  insnIdx: number,
  prevInsnIdx: number,
  errno: number = ERRNO.EFAULT,
): VerifierState {
  env.pending.push({ state, insnIdx, prevInsnIdx, logPos: env.log.position(), step: env.insnProcessed });
  if (env.pending.length > BPF_COMPLEXITY_LIMIT_JMP_SEQ) {
    env.log.line(EXPLORE.TOO_MANY_JUMPS.text(env.pending.length));
    throw new Rejected(EXPLORE.TOO_MANY_JUMPS, errno);
  }
  if (state.parent !== undefined) state.parent.branches++;
  return state;
}

/** pop_stack: makes the youngest pending path the current one; false when there is none. */
export function popStack(env: VerifierEnv, popLog: boolean): boolean {
  const next = env.pending.pop();
  if (next === undefined) return false;
  env.store.restore(env.state, next.state);
  env.store.free(next.state);
  if (popLog) env.log.truncate(next.logPos);
  env.insnIdx = next.insnIdx;
  env.prevInsnIdx = next.prevInsnIdx;
  env.testing?.onResumed?.(next.step);
  return true;
}
