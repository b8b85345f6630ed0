/** The walk as observers see it (observe.ts). */
import type { VerifierEnv } from '../env.ts';
import type { FrameView, StateView, WalkView } from '../observe.ts';
import { formatReg } from '../state/print.ts';
import { type FuncState, type VerifierState, regRow } from '../state/state.ts';
import { cleanVerifierState } from './clean.ts';

/** A view of the walk of `env`. The states and frames that observers hold are the verifier's own. */
export function walkView(env: VerifierEnv): WalkView {
  return {
    get state(): StateView {
      return env.state;
    },
    get liveRegs(): Uint16Array {
      return env.aux.liveRegsBefore;
    },
    text(frame: FrameView, regno: number): string {
      return formatReg(env, frame as FuncState, frame.rows, regRow(regno));
    },
    clean(state: StateView): void {
      const st = state as VerifierState;
      if (!st.cleaned) cleanVerifierState(env, st);
    },
  };
}
