/** What helpers see of the run that they are called in, at its beginning. */
import type { RunState } from './env.ts';

/** A fresh run state of CPU 0. */
export function newRunState(): RunState {
  return {
    cpu: 0,
    ctx: 0,
    progType: 0,
    redirectIfindex: -1,
    redirectFlags: 0,
    redirectMapId: 0,
    redirectKey: 0,
    tailCalls: 0,
  };
}
