/** Every parser under hostile input: a sample of `npm run fuzz` in a watched process, with a fixed seed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { fuzz } from './watch.ts';

/** Seconds that the sample takes, and the cases that must be done by then on the busiest machine. */
const SECONDS = 30;
const LEAST = 50;

test('hostile and damaged inputs end within 2 s and 512 MB', async () => {
  // Workers are plain Node processes, which do not read TypeScript.
  execFileSync('npm', ['run', '--silent', 'proofs'], { stdio: 'ignore' });
  const worker = 'coverage/proofs/test/proofs/fuzz/fuzz-worker.js';
  const found = await fuzz({ seed: 1, n: 1_000_000, time: SECONDS, workers: 1, fixtures: 'test/fixtures', worker });
  expect(found.failures).toEqual([]);
  expect(found.n).toBeGreaterThan(LEAST);
  expect(found.peakMb).toBeGreaterThan(0);
});
