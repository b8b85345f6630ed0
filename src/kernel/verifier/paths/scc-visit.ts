/** Loops under exploration: states that closed a loop wait here until the loop is left, then precision is propagated around it (struct bpf_scc_visit). */
import { BPF_LOG_LEVEL2 } from '../log.ts';
import type { VerifierEnv } from '../env.ts';
import type { VerifierState } from '../state/state.ts';
import { type Changed, markAllScalarsPrecise, propagatePrecision } from './backtrack.ts';
import { frameInsnIdx } from './equal.ts';

/** Rounds of propagation before everything is marked precise. */
const MAX_BACKEDGE_ITERS = 64;

/** One loop (strongly connected component) entered under one chain of calls. */
export interface SccVisit {
  readonly name: string;
  entryState: VerifierState | undefined;
  backedges: VerifierState[];
}

/** compute_scc_callchain(): names the innermost enclosing loop with the calls that led to it; undefined outside loops. */
function sccCallchain(env: VerifierEnv, st: VerifierState): string | undefined {
  let name = '(';
  for (let i = 0; i <= st.curframe; i++) {
    const idx = frameInsnIdx(st, i);
    const scc = env.aux.scc[idx];
    if (scc !== 0) return `${name}${scc})`;
    if (i < st.curframe) name += `${idx},`;
  }
  return undefined;
}

/** Whether the state lies in a loop whose exploration is not complete, so that its marks may grow yet (incomplete_read_marks). */
export function incompleteMarks(env: VerifierEnv, st: VerifierState): boolean {
  if (env.numBackedges === 0) return false;
  const chain = sccCallchain(env, st);
  const visit = chain === undefined ? undefined : env.sccVisits.get(chain);
  return visit !== undefined && visit.backedges.length > 0;
}

/** maybe_enter_scc: a new checkpoint inside a loop that nobody is exploring opens it. */
export function maybeEnterScc(env: VerifierEnv, st: VerifierState): void {
  const chain = sccCallchain(env, st);
  if (chain === undefined) return;
  let visit = env.sccVisits.get(chain);
  if (visit === undefined) env.sccVisits.set(chain, (visit = { name: chain, entryState: undefined, backedges: [] }));
  if (visit.entryState !== undefined) return;
  visit.entryState = st;
  if (env.log.level & BPF_LOG_LEVEL2) env.log.line(`SCC enter ${visit.name}`);
}

/** add_scc_backedge: `backedge` was found equal to the unfinished state `st`. */
export function addBackedge(env: VerifierEnv, st: VerifierState, backedge: VerifierState): void {
  const chain = sccCallchain(env, st);
  const visit = chain === undefined ? undefined : env.sccVisits.get(chain);
  if (visit === undefined) return;
  if (env.log.level & BPF_LOG_LEVEL2) env.log.line(`SCC backedge ${visit.name}`);
  // The youngest is asked first.
  visit.backedges.unshift(backedge);
  env.numBackedges++;
}

/** maybe_exit_scc: the state that opened a loop has no unfinished paths left. */
export function maybeExitScc(env: VerifierEnv, st: VerifierState): void {
  if (env.sccVisits.size === 0) return;
  const chain = sccCallchain(env, st);
  const visit = chain === undefined ? undefined : env.sccVisits.get(chain);
  if (visit === undefined || visit.entryState !== st) return;
  if (env.log.level & BPF_LOG_LEVEL2) env.log.line(`SCC exit ${visit.name}`);
  visit.entryState = undefined;
  env.numBackedges -= visit.backedges.length;
  propagateBackedges(env, visit);
}

/** propagate_backedges: until no mark changes, or for too many rounds. */
function propagateBackedges(env: VerifierEnv, visit: SccVisit): void {
  const { backedges } = visit;
  const out: Changed = { changed: true };
  for (let round = 0; out.changed && backedges.length > 0; round++) {
    if (round >= MAX_BACKEDGE_ITERS) {
      for (const st of backedges) markAllScalarsPrecise(env, st);
      break;
    }
    out.changed = false;
    for (const st of backedges) if (st.equalState !== undefined) propagatePrecision(env, st.equalState, st, out);
  }
  for (const st of backedges) env.store.free(st);
  visit.backedges = [];
  if (env.numBackedges > 0) return;
  for (const st of env.freedLater) env.store.free(st);
  env.freedLater.length = 0;
}
