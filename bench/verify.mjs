#!/usr/bin/env node
/**
 * Verification: time and effort beside the live kernel's, by `skep verify` itself. The first walk of a process is cold;
 * the others, of the same object again, show what the code does once the engine has compiled it.
 *
 *   node bench/verify.mjs [--rounds N] [--insns LEAST] [--json] [OBJECT...]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/build.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    insns: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Math.max(2, Number(values.rounds));
const main = join(root, 'dist/cli/main.js');
if (!existsSync(main)) throw new Error(`${main} is missing: npm run build`);
const fixtures = join(root, 'test/fixtures/objects');
const own = readdirSync(fixtures).flatMap((name) => (name.endsWith('.o') ? [join(fixtures, name)] : []));
const objects = positionals.length > 0 ? positionals : own;

/** Verdicts by program, a list for each time that the object was named. */
function verify(object, times, ...args) {
  const named = Array.from({ length: times }, () => object);
  const said = spawnSync(process.execPath, [main, 'verify', ...named, '--json', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (said.status === null || said.status > 3) throw new Error(`${object}: exit ${said.status}: ${said.stderr}`);
  const lines = said.stdout.split('\n').filter((line) => line.startsWith('{'));
  if (lines.length === 0 && said.stderr !== '') throw new Error(said.stderr);
  const all = new Map();
  for (const line of lines) {
    const verdict = JSON.parse(line);
    all.set(verdict.program, [...(all.get(verdict.program) ?? []), verdict]);
  }
  return all;
}

const least = (list) => Math.min(...list.map((v) => v.timeUs));
const rows = [];
for (const object of objects) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${basename(object)}`);
  const theirs = verify(object, rounds, '--backend', 'kernel');
  const ours = verify(object, rounds);
  for (const [program, kernel] of theirs) {
    const skep = ours.get(program);
    // The kernel of another configuration refuses some types before it looks at the program.
    if (skep === undefined || kernel[0].insnsProcessed < Number(values.insns)) continue;
    const same = (field) => kernel[0][field] === skep[0][field];
    rows.push({
      object: basename(object),
      program,
      verdict: skep[0].verdict,
      insns: kernel[0].insnsProcessed,
      kernelUs: least(kernel),
      coldUs: skep[0].timeUs,
      warmUs: least(skep.slice(1)),
      equal: same('verdict') && same('errno') && same('insnsProcessed') && same('totalStates') && same('peakStates'),
    });
  }
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
rows.sort((a, b) => b.insns - a.insns);

if (values.json) console.log(JSON.stringify({ programs: rows }));
else {
  console.log(
    `${'milliseconds of verification'.padEnd(44)} insns   kernel     cold     warm  kernel/cold  kernel/warm`,
  );
  for (const r of rows) {
    const name = `${r.object}:${r.program}`.slice(0, 40).padEnd(40);
    const ms = (us) => (us / 1000).toFixed(1).padStart(8);
    const ratio = (us) => (r.kernelUs / us).toFixed(2).padStart(12);
    const flag = r.equal ? '' : '  differs';
    console.log(
      `${name}${String(r.insns).padStart(9)} ${ms(r.kernelUs)} ${ms(r.coldUs)} ${ms(r.warmUs)} ${ratio(r.coldUs)} ${ratio(r.warmUs)}${flag}`,
    );
  }
}
if (rows.some((r) => !r.equal)) process.exitCode = 1;
