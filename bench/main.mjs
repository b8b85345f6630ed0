#!/usr/bin/env node
/**
 * Runs every benchmark program interleaved on Skep's interpreter, its JIT (one call a packet, and batches) and the live kernel's
 * JIT, checks that all agree, and prints a table; with --json one JSON object. Times are net of each engine's empty program.
 *
 *   node bench/main.mjs [--json] [--rounds N] [name ...]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadInKernel, openKernel } from './kernel-engine.mjs';
import { interleave } from './measure.mjs';
import { makePackets } from './packets.mjs';
import { PROGRAMS } from './programs.mjs';
import { importSkep, loadInSkep, makeWorld } from './skep-engine.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '9' } },
});
const rounds = Number(values.rounds);
const chosen = PROGRAMS.filter((p) => positionals.length === 0 || positionals.includes(p.name));
const object = (name) => readFileSync(new URL(`./programs/${name}.o`, import.meta.url));

const skep = await importSkep();
const world = makeWorld(skep);
const kernel = await openKernel();
const packets = makePackets(8);

/** One program on every engine that is there. */
async function load(name) {
  const bytes = object(name);
  return {
    interp: await loadInSkep(world, 'interp', bytes, name),
    jit: await loadInSkep(world, 'jit', bytes, name),
    kernel: kernel.sys && loadInKernel(kernel.sys, skep, bytes, name),
  };
}

/** Whether all engines return the same for every packet, maps starting empty. */
function agree(engines) {
  return packets.every((packet) => {
    const results = [engines.interp, engines.jit, engines.kernel].filter(Boolean).map((e) => e.run(packet));
    return results.every((r) => r === results[0]);
  });
}

function runnersOf(engines) {
  const packet = packets[0];
  return {
    interp: engines.interp?.runner(packet),
    jit: engines.jit.runner(packet),
    batch: engines.jit.batchRunner(packet),
    kernel: engines.kernel?.runner(packet),
  };
}

const COLUMNS = ['interp', 'jit', 'batch', 'kernel'];
const rows = [];
for (const { name, kinds } of chosen) {
  const empty = await load('empty');
  const engines = await load(name);
  const equal = agree(engines);
  const measured = {};
  const runners = [];
  for (const [what, set] of [
    ['empty', runnersOf(empty)],
    ['full', runnersOf(engines)],
  ]) {
    for (const c of COLUMNS) if (set[c]) runners.push({ ...set[c], key: `${what}.${c}` });
  }
  const times = await interleave(runners, rounds);
  runners.forEach((r, k) => {
    measured[r.key] = times[k];
  });
  const net = (c, what) => {
    const full = measured[`full.${c}`];
    return full === undefined ? null : Math.max(0, full[what] - measured[`empty.${c}`][what]);
  };
  const raw = Object.fromEntries(COLUMNS.map((c) => [c, measured[`full.${c}`] ?? null]));
  rows.push({
    name,
    kinds,
    interpNs: net('interp', 'min'),
    jitNs: net('jit', 'min'),
    batchNs: net('batch', 'min'),
    kernelNs: net('kernel', 'min'),
    nativeNs: null,
    median: {
      interpNs: net('interp', 'median'),
      jitNs: net('jit', 'median'),
      batchNs: net('batch', 'median'),
      kernelNs: net('kernel', 'median'),
    },
    raw,
    equal,
    insns: engines.jit.insns,
    wasmBytes: engines.jit.bytes,
    loadMs: engines.jit.loadMs,
  });
  empty.kernel?.close();
  engines.kernel?.close();
  if (!values.json) process.stderr.write(`${name} `);
}

const geomean = (list) =>
  list.length === 0 ? null : Math.exp(list.reduce((s, x) => s + Math.log(x), 0) / list.length);
/** Geomeans of the time ratio to the kernel's JIT, over all and per kind. */
function ratios(column) {
  const over = (list) =>
    geomean(list.filter((r) => r.kernelNs > 0 && r[column] > 0).map((r) => r[column] / r.kernelNs));
  const kinds = [...new Set(rows.flatMap((r) => r.kinds))];
  return {
    all: over(rows),
    ...Object.fromEntries(kinds.map((k) => [k, over(rows.filter((r) => r.kinds.includes(k)))])),
  };
}
const means = { interp: ratios('interpNs'), jit: ratios('jitNs'), batch: ratios('batchNs') };

if (values.json) console.log(JSON.stringify({ programs: rows, geomean: means, kernel: kernel.missing ?? 'live' }));
else {
  const num = (x) => (x === null || x === undefined ? '-' : x.toFixed(x < 100 ? 1 : 0)).padStart(10);
  const ratio = (x, y) => (x === null || !(y > 0) ? '-' : (x / y).toFixed(2)).padStart(8);
  console.log(
    `\n${'program'.padEnd(10)}${['interp', 'jit', 'batch', 'kernel'].map((c) => `${c} ns`.padStart(10)).join('')}${'jit/k'.padStart(8)}${'batch/k'.padStart(8)}${'int/jit'.padStart(8)}  equal`,
  );
  for (const r of rows) {
    console.log(
      `${r.name.padEnd(10)}${num(r.interpNs)}${num(r.jitNs)}${num(r.batchNs)}${num(r.kernelNs)}${ratio(r.jitNs, r.kernelNs)}${ratio(r.batchNs, r.kernelNs)}${ratio(r.interpNs, r.jitNs)}  ${r.equal ? 'yes' : 'NO'}`,
    );
  }
  if (kernel.missing) console.log(`\nno kernel column: ${kernel.missing}`);
  for (const [engine, m] of Object.entries(means)) {
    if (m.all !== null)
      console.log(
        `${engine} / kernel: ${Object.entries(m)
          .map(([k, v]) => `${k} ${v === null ? '-' : v.toFixed(2)}`)
          .join(', ')}`,
      );
  }
}
if (rows.some((r) => !r.equal)) process.exitCode = 1;
