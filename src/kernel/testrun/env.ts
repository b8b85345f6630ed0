/** The environment of test runs: memory, layouts, devices, and the way to run a program. */
import type { RunOf } from '../hooks/env.ts';
import type { Deadline } from '../run/deadline.ts';
import type { Rules } from '../rules/compile.ts';
import type { WorldEnv } from '../world/env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Trace } from '../world/trace/trace.ts';
import type { NetDevices } from '../world/net/device.ts';

export interface HookEnv extends WorldEnv {
  readonly devices: NetDevices;
  readonly nrCpus: number;
  /** Functions of the kernel; none in one that only verifies. */
  readonly trace?: Trace | undefined;
  /** Program types of the kernel's version. */
  readonly rules: Pick<Rules, 'progRow'>;
  /** The CPU that programs run on. */
  readonly cpu: number;
  /** The time that the call in progress may take; a call is what is inside the outermost section of {@link rcu}. */
  readonly deadline: Deadline;
  /**
   * Runs a program on a context: r0's low 32 bits, unsigned. Throws ProgramAbort and what the program throws, and RangeError
   * for a program whose last reference has gone.
   * @param of what its helpers ask about its attachment
   */
  runProgram(prog: LoadedProg, ctx: number, of?: RunOf): number;
  /** Runs a program on contexts that lie `stride` bytes apart; r0s go to the u32 array at `out`. */
  runBatch(prog: LoadedProg, ctxs: number, stride: number, count: number, out: number): void;
  /** The checksum of bytes of guest memory, not folded (csum_partial). */
  checksum(at: number, length: number): number;
  /** Milliseconds with a fraction, monotonic (the stopwatch port). */
  now(): number;
}
