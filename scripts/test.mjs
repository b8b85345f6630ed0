/** All tests: builds, checks types, runs what is named or everything, and says how long that took in all (`npm test`). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const module = (path) => join(root, 'node_modules', path);

/** The steps, each with what it runs. */
const steps = [
  ['build', join(root, 'scripts/build.mjs')],
  ['types', module('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit'],
  ['tests', module('vitest/vitest.mjs'), 'run', ...process.argv.slice(2)],
];

const seconds = (ms) => `${Math.round(ms / 1000)} s`;
const began = performance.now();
const took = [];
let status = 0;
for (const [name, ...command] of steps) {
  const from = performance.now();
  status = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status ?? 1;
  took.push(`${name} ${seconds(performance.now() - from)}`);
  if (status !== 0) break;
}
console.log(`npm test: ${seconds(performance.now() - began)} of real time (${took.join(', ')})`);
process.exitCode = status;
