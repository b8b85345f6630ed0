/** Convergence of loops that the program cannot count itself: iterators, callbacks and may_goto (find_prev_entry, widen_imprecise_scalars). */
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { PRECISE, SLOT_TYPES, STACK_SPILL, SUBREG_DEF, TYPE, slotType } from '../state/row.ts';
import { markRegUnknown } from '../state/regs.ts';
import { type VerifierState, regRow, slotAt } from '../state/state.ts';
import { regsExact } from './equal.ts';

/** same_callsites(). */
export function sameCallsites(a: VerifierState, b: VerifierState): boolean {
  if (a.curframe !== b.curframe) return false;
  for (let fr = a.curframe; fr >= 0; fr--) if (a.frames[fr].callsite !== b.frames[fr].callsite) return false;
  return true;
}

/** The place in env.explored of states at `insnIdx` that were reached by the current frame's call. */
export const bucketOf = (env: VerifierEnv, insnIdx: number): number =>
  ((insnIdx ^ env.state.frame.callsite) >>> 0) % env.insns.length;

/** find_prev_entry: the checkpoint of an earlier turn of the loop that `cur` (a checkpoint at `insnIdx`) belongs to. */
export function findPrevEntry(
  env: VerifierEnv,
  cur: VerifierState | undefined,
  insnIdx: number,
): VerifierState | undefined {
  if (cur === undefined) return undefined;
  for (let state = env.explored[bucketOf(env, insnIdx)]; state !== undefined; state = state.older) {
    if (state.insnIdx === insnIdx && state.branches > 0 && sameCallsites(state, cur) && state.dfsDepth < cur.dfsDepth) {
      return state;
    }
  }
  return undefined;
}

/** widen_imprecise_scalars: what changed since the last turn and mattered to nobody becomes unknown, so that the loop converges. */
export function widenImpreciseScalars(env: VerifierEnv, old: VerifierState, cur: VerifierState): void {
  env.idmap.reset(env.idGen);
  for (let fr = old.curframe; fr >= 0; fr--) {
    const o = old.frames[fr];
    const c = cur.frames[fr];
    for (let i = 0; i < 11; i++) maybeWiden(env, o.rows, regRow(i), c.rows, regRow(i));
    const slots = Math.min(o.allocatedStack, c.allocatedStack) >> 3;
    for (let i = 0; i < slots; i++) {
      const a = slotAt(o.rows, i);
      const r = slotAt(c.rows, i);
      if (slotType(o.rows, a, 7) === STACK_SPILL && slotType(c.rows, r, 7) === STACK_SPILL) {
        maybeWiden(env, o.rows, a, c.rows, r);
      }
    }
  }
}

function maybeWiden(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, r: number): void {
  if (o[a + TYPE] !== SCALAR_VALUE || c[r + TYPE] !== SCALAR_VALUE) return;
  if (o[a + PRECISE] || c[r + PRECISE] || regsExact(env, o, a, c, r)) return;
  const slots = c[r + SLOT_TYPES];
  const subreg = c[r + SUBREG_DEF];
  markRegUnknown(env, c, r);
  c[r + SLOT_TYPES] = slots;
  c[r + SUBREG_DEF] = subreg;
}
