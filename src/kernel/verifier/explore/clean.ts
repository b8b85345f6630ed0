/** Explored states forget registers and slots that no path reads any more (clean_verifier_state). */
import type { VerifierEnv } from '../env.ts';
import { forgetSlot } from '../state/pack.ts';
import { ROW, TYPE } from '../state/row.ts';
import { type VerifierState, regRow } from '../state/state.ts';
import { frameInsnIdx } from '../paths/equal.ts';

export function cleanVerifierState(env: VerifierEnv, st: VerifierState): void {
  st.cleaned = true;
  const liveness = env.stackLiveness;
  for (let fr = 0; fr <= st.curframe; fr++) {
    const frame = st.frames[fr];
    const { rows } = frame;
    const live = env.aux.liveRegsBefore[frameInsnIdx(st, fr)];
    for (let i = 0; i < 10; i++) {
      const r = regRow(i);
      if ((live & (1 << i)) === 0 && rows[r + TYPE] !== 0) rows.fill(0, r, r + ROW);
    }
    if (liveness === undefined) continue;
    liveness.query(env, st, fr);
    const { alive } = liveness;
    for (let i = 0; i < frame.allocatedStack >> 3; i++)
      if (((alive[i >> 5] >>> (i & 31)) & 1) === 0) forgetSlot(frame, i);
  }
}
