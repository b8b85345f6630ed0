/** Plays scenarios on a kernel: what each one told. */
import type { Scenario } from './scenario.ts';
import { type Ground, Stage } from './stage.ts';

/** What was told, by the scenario's name. */
export type Transcripts = Readonly<Record<string, readonly string[]>>;

export function play(ground: Ground, { play: script }: Scenario): readonly string[] {
  using stage = new Stage(ground);
  script(stage);
  return stage.said;
}

export const playAll = (ground: Ground, scenarios: readonly Scenario[]): Transcripts =>
  Object.fromEntries(scenarios.map((scenario) => [scenario.name, play(ground, scenario)]));
