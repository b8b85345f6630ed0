/** Every parser under hostile input: a sample of `npm run fuzz` in a watched process, with a fixed seed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { fuzz } from './watch.ts';

/** Cases of the sample, and the kinds of input that it must meet. */
const CASES = 3000;
const KINDS = ['object', 'btf', 'vmlinux', 'capture', 'json', 'kconfig', 'assembly', 'code'];

test('hostile and damaged inputs end within 2 s and 512 MB', async () => {
  // Workers are plain Node processes, which do not read TypeScript.
  execFileSync('npm', ['run', '--silent', 'proofs'], { stdio: 'ignore' });
  const worker = 'coverage/proofs/test/proofs/fuzz/fuzz-worker.js';
  const found = await fuzz({ seed: 1, n: CASES, workers: 1, worker });
  expect(found.failures).toEqual([]);
  expect(found.n).toBe(CASES);
  expect(found.peakMb).toBeGreaterThan(0);
  for (const kind of KINDS) expect(found.kinds[kind]?.taken, kind).toBeGreaterThan(0);
});
