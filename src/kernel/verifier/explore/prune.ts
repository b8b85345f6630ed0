/** Pruning: is the current state one that was explored already, or worth remembering (is_state_visited)? */
import { AUX_CALLS_CALLBACK, AUX_FORCE_CHECKPOINT, AUX_IS_ITER_NEXT, AUX_JMP_POINT } from '../insn-aux.ts';
import { BPF_JCOND, BPF_JMP } from '../../../isa/opcodes.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { C, FRAMENO, OFF, VALUE_LO } from '../state/row.ts';
import { type VerifierState, regRow, slotRow } from '../state/state.ts';
import { printVerifierState } from '../state/print.ts';
import { printLineInfo } from '../state/print-insn.ts';
import { markAllScalarsImprecise, propagatePrecision } from '../paths/backtrack.ts';
import { cleanVerifierState } from './clean.ts';
import {
  EXACT,
  NOT_EXACT,
  RANGE_WITHIN,
  iterActiveDepthsDiffer,
  statesEqual,
  statesMaybeLooping,
} from '../paths/equal.ts';
import { pushInsnHistory } from '../paths/history.ts';
import { bucketOf, sameCallsites } from '../paths/loops.ts';
import { addBackedge, incompleteMarks, maybeEnterScc, maybeExitScc } from '../paths/scc-visit.ts';
import { BPF_COMPLEXITY_LIMIT_STATES } from '../../rules/limits.ts';

function updatePeakStates(env: VerifierEnv): void {
  const now = env.exploredSize + env.freeListSize + env.numBackedges;
  if (now > env.stats.peakStates) env.stats.peakStates = now;
}

/** Whether the exploration may stop here because an equivalent state is known to be safe. May remember the current state. */
export function isStateVisited(env: VerifierEnv, insnIdx: number): boolean {
  const cur = env.state;
  const flags = env.aux.flags[insnIdx];
  const forceCheckpoint = (flags & AUX_FORCE_CHECKPOINT) !== 0;
  const random = env.testing?.randomCheckpoints;
  const force =
    env.testStateFreq ||
    env.everyInsn ||
    forceCheckpoint ||
    cur.historyLength > 40 ||
    (random !== undefined && random());
  const ctl = {
    force,
    add: force || (env.jmpsProcessed - env.prevJmpsProcessed >= 2 && env.insnProcessed - env.prevInsnProcessed >= 8),
  };
  const bucket = bucketOf(env, insnIdx);
  cleanLiveStates(env, env.explored[bucket], insnIdx);
  let count = 0;
  let younger: VerifierState | undefined;
  for (let st = env.explored[bucket]; st !== undefined; ) {
    const { older } = st;
    count++;
    if (st.insnIdx !== insnIdx) {
      younger = st;
      st = older;
      continue;
    }
    const verdict = compareWith(env, st, insnIdx, ctl);
    if (verdict !== 'miss') {
      st.hits++;
      hit(env, st, insnIdx, verdict === 'loop');
      return true;
    }
    st.misses += ctl.add ? 1 : 0;
    // Checkpoints of loops are kept longer, or iterators would not converge.
    const n = forceCheckpoint && st.branches > 0 ? 64 : 3;
    if (st.misses > st.hits * n + n) {
      if (younger === undefined) env.explored[bucket] = older;
      else younger.older = older;
      st.evicted = true;
      env.exploredSize--;
      env.freeListSize++;
      maybeFree(env, st);
    } else younger = st;
    st = older;
  }
  if (env.stats.maxStatesPerInsn < count) env.stats.maxStatesPerInsn = count;
  if (!env.bpfCapable && count > BPF_COMPLEXITY_LIMIT_STATES) return false;
  if (ctl.add) remember(env, bucket, insnIdx);
  return false;
}

/** Answers `hit` or `loop` when the explored state covers the current one. */
function compareWith(
  env: VerifierEnv,
  old: VerifierState,
  insnIdx: number,
  ctl: { force: boolean; add: boolean },
): 'hit' | 'loop' | 'miss' {
  const cur = env.state;
  if (env.testing?.noPruning && old.branches === 0) return 'miss';
  if (old.branches === 0) {
    const loop = incompleteMarks(env, old);
    if (!statesEqual(env, old, cur, loop ? RANGE_WITHIN : NOT_EXACT)) return 'miss';
    return loop ? 'loop' : 'hit';
  }
  const verdict = compareUnfinished(env, old, insnIdx);
  if (verdict !== 'miss') return verdict;
  // Iterations of a loop rarely help each other: remember only a few of them.
  if (!ctl.force && env.jmpsProcessed - env.prevJmpsProcessed < 20 && env.insnProcessed - env.prevInsnProcessed < 100) {
    ctl.add = false;
  }
  return 'miss';
}

/** The explored state still has unfinished paths: this is a loop, converging, endless or merely going on. */
function compareUnfinished(env: VerifierEnv, old: VerifierState, insnIdx: number): 'hit' | 'loop' | 'miss' {
  const cur = env.state;
  const flags = env.aux.flags[insnIdx];
  const frame = old.frame;
  if (frame.inAsyncCallbackFn && frame.asyncEntryCnt !== cur.frame.asyncEntryCnt) return 'miss';
  if (flags & AUX_IS_ITER_NEXT) {
    return statesEqual(env, old, cur, RANGE_WITHIN) && iterIsActive(cur) ? 'loop' : 'miss';
  }
  if (env.insns.code[insnIdx] === (BPF_JMP | BPF_JCOND)) {
    if (old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, RANGE_WITHIN)) return 'loop';
  }
  if (flags & AUX_CALLS_CALLBACK) {
    if (!statesEqual(env, old, cur, RANGE_WITHIN)) return 'miss';
    // The repetitions of a callback are a loop as any other: what it finds out later concerns the state that closes it.
    return env.fixed('CALLBACK_LOOP_PRECISION') ? 'loop' : 'hit';
  }
  if (
    statesMaybeLooping(old, cur) &&
    statesEqual(env, old, cur, EXACT) &&
    !iterActiveDepthsDiffer(old, cur) &&
    old.mayGotoDepth === cur.mayGotoDepth &&
    old.callbackUnrollDepth === cur.callbackUnrollDepth
  ) {
    rejectInfiniteLoop(env, old, insnIdx);
  }
  return 'miss';
}

function rejectInfiniteLoop(env: VerifierEnv, old: VerifierState, insnIdx: number): never {
  const cur = env.state;
  printLineInfo(env, insnIdx);
  env.log.line(`infinite loop detected at insn ${insnIdx}`);
  env.log.write('cur state:');
  printVerifierState(env, cur, cur.curframe, true);
  env.log.write('old state:');
  printVerifierState(env, old, cur.curframe, true);
  reject(env, EXPLORE.INFINITE_LOOP);
}

/** R1 at an iterator's next points to its slot. */
function iterIsActive(cur: VerifierState): boolean {
  const { rows } = cur.frame;
  const r = regRow(1);
  const off = rows[r + OFF] + rows[r + VALUE_LO];
  const spi = (-off - 1) >> 3;
  const owner = cur.frames[rows[r + FRAMENO]];
  return (owner.rows[slotRow(spi) + C] & 3) === 1;
}

/** An equivalent state was found: its precision becomes this path's. */
function hit(env: VerifierEnv, old: VerifierState, insnIdx: number, loop: boolean): void {
  const cur = env.state;
  if (env.aux.flags[insnIdx] & AUX_JMP_POINT) pushInsnHistory(env, 0);
  propagatePrecision(env, old, cur);
  if (!loop) return;
  const backedge = env.store.save(cur);
  backedge.equalState = old;
  backedge.insnIdx = insnIdx;
  addBackedge(env, old, backedge);
  updatePeakStates(env);
}

function remember(env: VerifierEnv, bucket: number, insnIdx: number): void {
  const cur = env.state;
  env.stats.totalStates++;
  env.exploredSize++;
  updatePeakStates(env);
  env.prevJmpsProcessed = env.jmpsProcessed;
  env.prevInsnProcessed = env.insnProcessed;
  if (env.bpfCapable) markAllScalarsImprecise(cur);
  const saved = env.store.save(cur);
  saved.insnIdx = insnIdx;
  maybeEnterScc(env, saved);
  cur.parent = saved;
  cur.firstInsnIdx = insnIdx;
  cur.dfsDepth = saved.dfsDepth + 1;
  cur.history = cur.historyLength = 0;
  env.testing?.onCheckpoint?.(saved);
  saved.older = env.explored[bucket];
  env.explored[bucket] = saved;
}

/** clean_live_states: finished states at this instruction forget what nobody will read. */
function cleanLiveStates(env: VerifierEnv, youngest: VerifierState | undefined, insnIdx: number): void {
  const cur = env.state;
  if (env.allPrecise) return;
  for (let st = youngest; st !== undefined; st = st.older) {
    if (st.branches !== 0 || st.cleaned || st.insnIdx !== insnIdx || !sameCallsites(st, cur)) continue;
    if (!incompleteMarks(env, st)) cleanVerifierState(env, st);
  }
}

function maybeFree(env: VerifierEnv, st: VerifierState): void {
  // States that closed a loop around it still ask it for its marks.
  if (!st.evicted || st.branches !== 0 || incompleteMarks(env, st)) return;
  st.evicted = false;
  env.freeListSize--;
  env.testing?.onForgotten?.(st);
  // A state that closed another loop may have come by here, when callbacks lead back into it (6.18 reads freed memory then).
  if (env.numBackedges > 0) env.freedLater.push(st);
  else env.store.free(st);
}

/** update_branch_counts: the current path ended; states whose paths all ended are finished. */
export function updateBranchCounts(env: VerifierEnv, state: VerifierState): void {
  for (let st: VerifierState | undefined = state; st !== undefined; ) {
    st.branches--;
    if (st.branches > 0) break;
    maybeExitScc(env, st);
    const { parent }: VerifierState = st;
    maybeFree(env, st);
    st = parent;
  }
}
