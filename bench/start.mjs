#!/usr/bin/env node
/**
 * Start-up: whole processes, interleaved, minimum and median of N, beside bare Node.
 *
 *   node bench/start.mjs [--rounds N] [--dist FOLDER]
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from '../scripts/build.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '21' }, dist: { type: 'string' } } });
const rounds = Math.max(1, Number(values.rounds));
const dist = values.dist === undefined ? join(root, 'dist') : resolve(values.dist);
const main = join(dist, 'cli/main.js');
const entry = pathToFileURL(join(dist, 'index.js')).href;
const object = join(root, 'docs/rejected/unchecked.bpf.o');
const many = join(root, 'examples/firewall/firewall.bpf.o');

/** What is started: arguments of node, and the exit code that is right. */
const STARTS = {
  node: [['-e', '0'], 0],
  import: [['--input-type=module', '-e', `await import(${JSON.stringify(entry)})`], 0],
  'skep --help': [[main, '--help'], 0],
  'skep verify, rejected': [[main, 'verify', object, '--json'], 1],
  'skep verify, accepted': [[main, 'verify', many, '--json'], 0],
  'skep conformance': [[main, 'conformance', '--program', 'b70000002a0000009500000000000000'], 0],
};

if (!existsSync(main)) throw new Error(`${main} is missing: npm run build`);
const times = Object.fromEntries(Object.keys(STARTS).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, [args, code]] of Object.entries(STARTS)) {
    const begin = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    times[name].push(performance.now() - begin);
    if (status !== code) throw new Error(`${name} ends with ${status}: ${stderr}`);
  }
}

const least = (list) => Math.min(...list);
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
console.log(`${'ms of a whole process'.padEnd(24)}     min  median  min over node`);
for (const [name, list] of Object.entries(times)) {
  const over = name === 'node' ? '' : (least(list) - least(times.node)).toFixed(0).padStart(15);
  console.log(`${name.padEnd(24)} ${least(list).toFixed(0).padStart(7)} ${median(list).toFixed(0).padStart(7)}${over}`);
}
