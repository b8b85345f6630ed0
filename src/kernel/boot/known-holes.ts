/** Loading programs to run takes the fixed rules: a program that needs a known hole of the kernel version is refused. */
import { type Hole, HOLES, refusedFrom } from '../rules/rows/holes.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import type { Accepted, Refused } from '../verifier/result.ts';

/** The verifier with the fixed rules' verdict where they refuse what the kernel version accepts. */
export function closeKnownHoles(verifier: SyscallEnv['verify']): SyscallEnv['verify'] {
  return (input) => {
    const outcome = verifier(input);
    return outcome.ok && outcome.unsound !== undefined ? refusal(outcome.unsound, input.rules.version) : outcome;
  };
}

function refusal({ hole, fixed }: NonNullable<Accepted['unsound']>, version: string): Refused {
  const row: Hole = HOLES[hole];
  const said = `Linux ${version} accepts this program through a hole, ${hole} (${refusedFrom(row.until)}): ${row.summary}.`;
  return {
    ...fixed,
    hole,
    why: fixed.why === '' ? said : `${said} ${fixed.why}`,
    log: fixed.log === '' ? '' : `${said}\n${fixed.log}`,
  };
}
