/** What scenarios tell on the embedded kernel is what they told on Linux 6.18, attached for real. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { kernelBtf } from '../../kernel/syscall/embedded.ts';
import { play, type Transcripts } from './play.ts';
import { type ActorSpec, SimulatedActor } from './actor.ts';
import { LISTS } from './lists.ts';
import { fixtures } from './stage.ts';

const NAMES = Object.keys(LISTS);
const recorded = (name: string): Transcripts =>
  JSON.parse(readFileSync(new URL(`../../recorded/hooks/${name}-6.18.json`, import.meta.url), 'utf8')) as Transcripts;
const all = NAMES.map((name) => [name, LISTS[name] ?? [], recorded(name)] as const);

test.each(all)('there are as many as were recorded, under names of their own: %s', (_, list, told) => {
  expect(list.map(({ name }) => name).sort()).toEqual(Object.keys(told).sort());
});

test.each(all.flatMap(([, list, told]) => list.map((scenario) => [scenario.name, scenario, told] as const)))(
  '%s',
  (name, scenario, told) => {
    using sys = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });
    const actor = (spec: ActorSpec): SimulatedActor => new SimulatedActor(sys, spec);
    expect(play({ sys, object: fixtures, actor }, scenario)).toEqual(told[name]);
  },
);
