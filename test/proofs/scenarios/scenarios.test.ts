/** What scenarios tell on the embedded kernel is what they told on Linux 6.18, attached for real. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { kernelBtf } from '../../kernel/syscall/embedded.ts';
import { play, type Transcripts } from './play.ts';
import { type ActorSpec, SimulatedActor } from './actor.ts';
import { PROCESSES } from './processes.ts';
import { SCENARIOS } from './scenarios.ts';
import { fixtures } from './stage.ts';

const recorded = ['scenarios', 'processes'].map(
  (name) =>
    JSON.parse(readFileSync(new URL(`../../recorded/hooks/${name}-6.18.json`, import.meta.url), 'utf8')) as Transcripts,
);
const ALL = [SCENARIOS, PROCESSES];

test.each([0, 1])('there are as many as were recorded, under names of their own: list %i', (list) => {
  expect(ALL[list].map(({ name }) => name).sort()).toEqual(Object.keys(recorded[list]).sort());
});

test.each(
  ALL.flatMap((scenarios, list) => scenarios.map((scenario) => [scenario.name, scenario, recorded[list]] as const)),
)('%s', (name, scenario, told) => {
  using sys = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });
  const actor = (spec: ActorSpec): SimulatedActor => new SimulatedActor(sys, spec);
  expect(play({ sys, object: fixtures, actor }, scenario)).toEqual(told[name]);
});
