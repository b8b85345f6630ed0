/** The walk of a refused program once more, recorded. */
import { walkAgain } from '../../verifier/check.ts';
import { rejectionId } from '../../verifier/diag/catalogue.ts';
import type { VerifierEnv } from '../../verifier/env.ts';
import type { Refused } from '../../verifier/result.ts';
import { Recorder } from './record.ts';

/** A refused program, and the path to where it was refused. */
export interface Walk {
  readonly env: VerifierEnv;
  readonly trace: Recorder;
  /** Id of the rejection in the verifier's catalogue. */
  readonly id: string;
  /** What the rejection's text names. */
  readonly args: readonly unknown[];
}

const ENDLESS: ReadonlySet<string> = new Set(['EXPLORE.TOO_LARGE', 'EXPLORE.TOO_MANY_JUMPS']);
const LAST_STEPS = 20_000;

/** Undefined when the second walk does not end as the first did: it was interrupted, for instance. */
export function recordWalk({ again, id, stats }: Refused): Walk | undefined {
  // Where the length of the walk is the fault, its end tells enough.
  const trace = new Recorder(ENDLESS.has(id) ? stats.insnsProcessed - LAST_STEPS : 0);
  let env: VerifierEnv | undefined;
  const failure = walkAgain(
    again,
    trace.watch(() => env as VerifierEnv),
    (made) => {
      env = made;
    },
  );
  if (failure === undefined || env === undefined) return undefined;
  return { env, trace, id: rejectionId(failure.row), args: failure.args };
}
