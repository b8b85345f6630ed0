/** What runs at probes and events is not entered again (bpf_prog_active): programs that would be are counted as missed. */
import type { LoadedProg } from '../object/prog.ts';
import type { AttachEnv, RunOf } from './env.ts';

/** One for a CPU: probes and events are closed while a program of any of them runs. */
export interface Gate {
  active: boolean;
}

/** Runs a program unless one of a probe or an event is running: r0's low 32 bits, or undefined when it was left out. */
export function runGated(env: AttachEnv, prog: LoadedProg, ctx: number, of: RunOf): number | undefined {
  const { gate } = env;
  if (gate.active) {
    prog.misses++;
    return undefined;
  }
  gate.active = true;
  try {
    return env.run(prog, ctx, of);
  } finally {
    gate.active = false;
  }
}
