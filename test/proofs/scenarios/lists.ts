/** The lists of scripts, by the name under which what they told is recorded. */
import { PROCESSES } from './processes.ts';
import { PROGRAMS } from './programs.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

export { SCENARIOS };
export const LISTS: Readonly<Record<string, readonly Scenario[] | undefined>> = {
  scenarios: SCENARIOS,
  processes: PROCESSES,
  programs: PROGRAMS,
};
