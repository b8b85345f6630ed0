/** Explored states forget registers and slots that no path reads any more (clean_verifier_state). */
import type { VerifierEnv } from '../env.ts';
import { SCALAR_VALUE } from '../../spec/reg-types.ts';
import { forEachReg } from '../state/each.ts';
import { BPF_ADD_CONST, ID, OFF, ROW, SLOT_TYPES, TYPE } from '../state/row.ts';
import { type VerifierState, regRow, slotRow } from '../state/state.ts';
import { frameInsnIdx } from './equal.ts';

export function cleanVerifierState(env: VerifierEnv, st: VerifierState): void {
  st.cleaned = true;
  const liveness = env.stackLiveness?.query(env, st);
  for (let fr = 0; fr <= st.curframe; fr++) {
    const { rows, allocatedStack } = st.frames[fr];
    const live = env.aux.liveRegsBefore[frameInsnIdx(st, fr)];
    for (let i = 0; i < 10; i++) {
      const r = regRow(i);
      if ((live & (1 << i)) === 0 && rows[r + TYPE] !== 0) rows.fill(0, r, r + ROW);
    }
    if (liveness === undefined) continue;
    for (let i = 0; i < allocatedStack >> 3; i++) {
      const r = slotRow(i);
      if (rows[r + SLOT_TYPES] !== 0 && !liveness.alive(fr, i)) rows.fill(0, r, r + ROW);
    }
  }
  clearSingularIds(st);
}

/** An id that only one scalar has links it to nothing. */
function clearSingularIds(st: VerifierState): void {
  const counts = new Map<number, number>();
  forEachReg(st, (rows, r) => {
    if (rows[r + TYPE] !== SCALAR_VALUE || rows[r + ID] === 0) return;
    const id = rows[r + ID] & ~BPF_ADD_CONST;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  });
  if (counts.size === 0) return;
  forEachReg(st, (rows, r) => {
    if (rows[r + TYPE] !== SCALAR_VALUE || rows[r + ID] === 0) return;
    if (counts.get(rows[r + ID] & ~BPF_ADD_CONST) === 1) rows[r + ID] = rows[r + OFF] = 0;
  });
}
