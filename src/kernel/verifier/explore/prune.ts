/** Pruning: is the current state one that was explored already, or worth remembering (is_state_visited)? */
import { AUX_CALLS_CALLBACK, AUX_FORCE_CHECKPOINT, AUX_IS_ITER_NEXT, AUX_JMP_POINT } from '../aux.ts';
import { BPF_JCOND, BPF_JMP } from '../../../isa/opcodes.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { C, FRAMENO, OFF, VALUE_LO } from '../state/row.ts';
import { type VerifierState, regRow, slotRow } from '../state/state.ts';
import { printVerifierState } from '../state/print.ts';
import { printLineInfo } from '../state/print-insn.ts';
import { markAllScalarsImprecise, propagatePrecision } from './backtrack.ts';
import { cleanVerifierState } from './clean.ts';
import { EXACT, NOT_EXACT, RANGE_WITHIN, iterActiveDepthsDiffer, statesEqual, statesMaybeLooping } from './equal.ts';
import { pushInsnHistory } from './history.ts';
import { sameCallsites } from './loops.ts';
import { addBackedge, incompleteMarks, maybeEnterScc, maybeExitScc } from './scc-visit.ts';

/** Most explored states at one instruction for programs without CAP_BPF (BPF_COMPLEXITY_LIMIT_STATES). */
const COMPLEXITY_LIMIT_STATES = 64;

/** An explored state with its record of usefulness. */
export interface Explored {
  readonly state: VerifierState;
  hits: number;
  misses: number;
  /** Out of the list already, kept only while paths below it are unfinished. */
  evicted: boolean;
}
/** Explored states of one bucket, youngest first. */
export interface StateList {
  items: Explored[];
}

function bucketOf(env: VerifierEnv, insnIdx: number): StateList {
  const key = (insnIdx ^ env.state.frame.callsite) >>> 0;
  const slot = key % env.insns.length;
  let list = env.explored.get(slot);
  if (list === undefined) env.explored.set(slot, (list = { items: [] }));
  return list;
}

function updatePeakStates(env: VerifierEnv): void {
  const now = env.exploredSize + env.freeListSize + env.numBackedges;
  if (now > env.stats.peakStates) env.stats.peakStates = now;
}

/** Whether the exploration may stop here because an equivalent state is known to be safe. May remember the current state. */
export function isStateVisited(env: VerifierEnv, insnIdx: number): boolean {
  const cur = env.state;
  const flags = env.aux.flags[insnIdx];
  const forceCheckpoint = (flags & AUX_FORCE_CHECKPOINT) !== 0;
  const random = env.input.testing?.randomCheckpoints;
  const force =
    env.testStateFreq ||
    env.everyInsn ||
    forceCheckpoint ||
    cur.jmpHistory.length > 40 ||
    (random !== undefined && random());
  const ctl = {
    force,
    add: force || (env.jmpsProcessed - env.prevJmpsProcessed >= 2 && env.insnProcessed - env.prevInsnProcessed >= 8),
  };
  const list = bucketOf(env, insnIdx);
  cleanLiveStates(env, list, insnIdx);
  let count = 0;
  const { items } = list;
  for (let i = 0; i < items.length; i++) {
    const sl = items[i];
    count++;
    if (sl.state.insnIdx !== insnIdx) continue;
    const verdict = compareWith(env, sl, insnIdx, ctl);
    if (verdict !== 'miss') {
      sl.hits++;
      hit(env, sl.state, insnIdx, verdict === 'loop');
      return true;
    }
    if (ctl.add) sl.misses++;
    // Checkpoints of loops are kept longer, or iterators would not converge.
    const n = forceCheckpoint && sl.state.branches > 0 ? 64 : 3;
    if (sl.misses > sl.hits * n + n) {
      items.splice(i--, 1);
      sl.evicted = true;
      env.exploredSize--;
      env.freeListSize++;
      maybeFree(env, sl);
    }
  }
  if (env.stats.maxStatesPerInsn < count) env.stats.maxStatesPerInsn = count;
  if (!env.bpfCapable && count > COMPLEXITY_LIMIT_STATES) return false;
  if (ctl.add) remember(env, list, insnIdx);
  return false;
}

/** Answers `hit` or `loop` when the explored state covers the current one. */
function compareWith(
  env: VerifierEnv,
  sl: Explored,
  insnIdx: number,
  ctl: { force: boolean; add: boolean },
): 'hit' | 'loop' | 'miss' {
  const cur = env.state;
  const old = sl.state;
  if (env.input.testing?.noPruning && old.branches === 0) return 'miss';
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
  if (flags & AUX_CALLS_CALLBACK) return statesEqual(env, old, cur, RANGE_WITHIN) ? 'hit' : 'miss';
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

function remember(env: VerifierEnv, list: StateList, insnIdx: number): void {
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
  cur.jmpHistory = [];
  env.input.testing?.onCheckpoint?.(env, saved);
  const entry: Explored = { state: saved, hits: 0, misses: 0, evicted: false };
  env.exploredOf.set(saved, entry);
  list.items.unshift(entry);
}

/** clean_live_states: finished states at this instruction forget what nobody will read. */
function cleanLiveStates(env: VerifierEnv, list: StateList, insnIdx: number): void {
  const cur = env.state;
  if (env.allPrecise) return;
  for (const { state } of list.items) {
    if (state.branches !== 0 || state.insnIdx !== insnIdx || state.cleaned || !sameCallsites(state, cur)) continue;
    if (incompleteMarks(env, state)) continue;
    cleanVerifierState(env, state);
  }
}

function maybeFree(env: VerifierEnv, sl: Explored): void {
  // States that closed a loop around it still ask it for its marks.
  if (!sl.evicted || sl.state.branches !== 0 || incompleteMarks(env, sl.state)) return;
  env.freeListSize--;
  env.exploredOf.delete(sl.state);
  env.store.free(sl.state);
}

/** update_branch_counts: the current path ended; states whose paths all ended are finished. */
export function updateBranchCounts(env: VerifierEnv, state: VerifierState): void {
  let st: VerifierState | undefined = state;
  let sl: Explored | undefined;
  while (st !== undefined) {
    st.branches--;
    if (st.branches > 0) break;
    maybeExitScc(env, st);
    const parent: VerifierState | undefined = st.parent;
    const parentSl: Explored | undefined = parent === undefined ? undefined : env.exploredOf.get(parent);
    if (sl !== undefined) maybeFree(env, sl);
    st = parent;
    sl = parentSl;
  }
}
