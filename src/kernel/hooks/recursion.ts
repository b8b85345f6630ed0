/** Programs that are not begun again while they run (__bpf_prog_enter_recur): what was left out is counted. */
import type { LoadedProg } from '../object/prog.ts';
import type { AttachEnv, RunOf } from './env.ts';

/** Runs a program unless it is running: r0's low 32 bits, or undefined when it was left out. */
export function runOnce(env: AttachEnv, prog: LoadedProg, ctx: number, of: RunOf): number | undefined {
  if (prog.active > 0) {
    prog.misses++;
    return undefined;
  }
  prog.active++;
  try {
    return env.run(prog, ctx, of);
  } finally {
    prog.active--;
  }
}
