/** Explored states forget registers and slots that no path reads any more (clean_verifier_state). */
import type { VerifierEnv } from '../env.ts';
import { forgetSlot } from '../state/pack.ts';
import { ROW, SLOT_TYPES, TYPE } from '../state/row.ts';
import { type VerifierState, regRow, slotAt } from '../state/state.ts';
import { frameInsnIdx } from './equal.ts';

export function cleanVerifierState(env: VerifierEnv, st: VerifierState): void {
  st.cleaned = true;
  const liveness = env.stackLiveness?.query(env, st);
  for (let fr = 0; fr <= st.curframe; fr++) {
    const frame = st.frames[fr];
    const { rows } = frame;
    const live = env.aux.liveRegsBefore[frameInsnIdx(st, fr)];
    for (let i = 0; i < 10; i++) {
      const r = regRow(i);
      if ((live & (1 << i)) === 0 && rows[r + TYPE] !== 0) rows.fill(0, r, r + ROW);
    }
    if (liveness === undefined) continue;
    for (let i = 0; i < frame.allocatedStack >> 3; i++) {
      if (rows[slotAt(rows, i) + SLOT_TYPES] !== 0 && !liveness.alive(fr, i)) forgetSlot(frame, i);
    }
  }
}
