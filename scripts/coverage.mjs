/**
 * Runs tests with V8's coverage and sums it up by room: `npm run coverage`, or with paths, `npm run coverage -- test/lib`.
 * The files' own figures are in coverage/report/coverage-summary.json.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(fileURLToPath(new URL('..', import.meta.url)));
const report = 'coverage/report';
const options = [
  'provider=v8',
  'include=src/**/*.ts',
  // AssemblyScript, and what is generated from it.
  'exclude=src/kernel/core/{assembly/**,core.wasm.ts}',
  'reporter=json-summary',
  `reportsDirectory=${report}`,
  'reportOnFailure',
];
const run = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--coverage.enabled',
    ...options.map((o) => `--coverage.${o}`),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, SKEP_COVERAGE: '1' } },
);

/** Room of a source file: its folder, of the kernel side two levels. */
const roomOf = (path) => {
  const parts = relative(join(root, 'src'), path).split('/');
  return parts.slice(0, Math.min(parts.length - 1, parts[0] === 'kernel' ? 2 : 1)).join('/') || 'index';
};

const KINDS = ['lines', 'branches', 'functions'];
const summary = JSON.parse(readFileSync(join(root, report, 'coverage-summary.json'), 'utf8'));
const rooms = new Map();
for (const [path, figures] of Object.entries(summary)) {
  for (const room of path === 'total' ? ['all'] : [roomOf(path)]) {
    const sum = rooms.get(room) ?? Object.fromEntries(KINDS.map((k) => [k, { covered: 0, total: 0 }]));
    for (const k of KINDS) {
      sum[k].covered += figures[k].covered;
      sum[k].total += figures[k].total;
    }
    rooms.set(room, sum);
  }
}
const percent = ({ covered, total }) => (total === 0 ? '-' : ((100 * covered) / total).toFixed(1)).padStart(10);
process.stdout.write(`\n${'room'.padEnd(20)}${KINDS.map((k) => k.padStart(10)).join('')}\n`);
for (const [room, sum] of [...rooms].sort(([a], [b]) => (a === 'all') - (b === 'all') || (a < b ? -1 : 1)))
  process.stdout.write(`${room.padEnd(20)}${KINDS.map((k) => percent(sum[k])).join('')}\n`);
process.stdout.write('cli: most of its tests run the built command line, which is not counted\n');
process.exitCode = run.status ?? 1;
