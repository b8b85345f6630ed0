/** A script of load, attach, act and observe, played on any kernel: what is told must be the same. */
import type { Stage } from './stage.ts';

export interface Scenario {
  readonly name: string;
  play(stage: Stage): void;
}

export const scenario = (name: string, play: (stage: Stage) => void): Scenario => ({ name, play });
