/** What scenarios tell on the embedded kernel is what they told on Linux 6.18, attached for real. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { kernelBtf } from '../../kernel/syscall/embedded.ts';
import { play, type Transcripts } from './play.ts';
import { SCENARIOS } from './scenarios.ts';
import { fixtures } from './stage.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../recorded/hooks/scenarios-6.18.json', import.meta.url), 'utf8'),
) as Transcripts;

test('there are as many as were recorded, under names of their own', () => {
  expect(SCENARIOS.map(({ name }) => name).sort()).toEqual(Object.keys(recorded).sort());
});

test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('%s', (name, scenario) => {
  using sys = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });
  expect(play({ sys, object: fixtures }, scenario)).toEqual(recorded[name]);
});
