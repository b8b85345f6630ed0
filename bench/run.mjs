/**
 * Runs every benchmark program interleaved on Skep's interpreter, its JIT (one call a packet, and batches), the live kernel's JIT
 * and the same C compiled natively, and checks that all agree. Times are net of each engine's own empty program.
 */
import { readFileSync } from 'node:fs';
import { loadInKernel, openKernel } from './kernel-engine.mjs';
import { interleave } from './measure.mjs';
import { loadNatively, openNative } from './native-engine.mjs';
import { makePackets } from './packets.mjs';
import { PROGRAMS, THROUGHPUT } from './programs.mjs';
import { importSkep, loadInSkep, makeWorld } from './skep-engine.mjs';

const ENGINES = ['interp', 'jit', 'batch', 'kernel', 'native'];
const CAPTURE = 4096;
/** A ratio to less than this says nothing. */
export const LEAST_NET_NS = 100;

const object = (name) => readFileSync(new URL(`./programs/${name}.o`, import.meta.url));

/**
 * @param {object} [options]
 * @param {string[]} [options.names] programs to run; all unless given
 * @param {number} [options.rounds] samples of each engine
 * @param {string | URL} [options.dist] the built package, ending in a slash
 * @param {boolean} [options.native] false leaves the native column out
 * @param {(row: object) => void} [options.onRow] told of each program as it is done
 */
export async function runBench(options = {}) {
  const { names = [], rounds = 9, onRow } = options;
  const skep = await importSkep(options.dist);
  const world = makeWorld(skep);
  const kernel = await openKernel(skep);
  const native = options.native === false ? { missing: 'not asked for' } : openNative();
  const ports = { skep, world, kernel, native, rounds };
  const chosen = (name) => names.length === 0 || names.includes(name);
  const programs = [];
  const packet = makePackets(1)[0];
  const empty = await load(ports, { name: 'empty' });
  ports.empty = runnersOf(empty, packet);
  for (const program of PROGRAMS.filter((p) => chosen(p.name))) {
    programs.push(await benchProgram(ports, program));
    ports.rows = programs.length;
    onRow?.(programs[programs.length - 1]);
  }
  const throughput = [];
  for (const name of THROUGHPUT.filter(chosen)) throughput.push(await benchThroughput(ports, name));
  close(empty);
  return {
    programs,
    geomean: geomeans(programs),
    /** Of the interpreter over programs of computations alone: those with helpers spend their time elsewhere. */
    interpNsPerInsn: geomean(programs.filter((r) => r.kinds.includes('compute')).map((r) => r.interpNsPerInsn)),
    throughput,
    kernel: kernel.missing ?? 'live',
    native: native.missing ?? native.version,
    node: process.version,
  };
}

/** One program on every engine that is there. */
async function load({ skep, world, kernel, native }, { name, ringBytes, native: twin }) {
  const bytes = object(name);
  return {
    interp: await loadInSkep(world, 'interp', bytes, name, ringBytes),
    jit: await loadInSkep(world, 'jit', bytes, name, ringBytes),
    kernel: kernel.sys && loadInKernel(kernel.sys, skep, bytes, name, ringBytes),
    native: native.cc && twin !== false ? loadNatively(native, name) : undefined,
  };
}

function close(engines) {
  for (const engine of Object.values(engines)) engine?.close?.();
}

/** Whether all engines return the same for every packet, maps starting empty. */
function agree(engines, packets) {
  const results = [engines.interp, engines.jit, engines.kernel]
    .filter(Boolean)
    .map((e) => packets.map((p) => e.run(p)));
  if (engines.native) results.push(engines.native.runAll(packets));
  return results.every((r) => r.every((verdict, k) => verdict === results[0][k]));
}

function runnersOf(engines, packet) {
  return {
    interp: engines.interp.runner(packet),
    jit: engines.jit.runner(packet),
    batch: engines.jit.batchRunner(packet),
    kernel: engines.kernel?.runner(packet),
    native: engines.native?.runner(packet),
  };
}

async function benchProgram(ports, program) {
  const packets = makePackets(8);
  const engines = await load(ports, program);
  const equal = agree(engines, packets);
  const executed = engines.interp.count(packets[0]);
  const runners = [];
  const sets = { empty: ports.empty, full: runnersOf(engines, packets[0]) };
  for (const what of ['empty', 'full'])
    for (const e of ENGINES)
      if (sets[what][e])
        runners.push({ ...sets[what][e], key: `${what}.${e}`, settled: what === 'empty' && ports.rows > 0 });
  const times = await interleave(runners, ports.rounds);
  const measured = Object.fromEntries(runners.map((r, k) => [r.key, times[k]]));
  const net = (e, what) => {
    const full = measured[`full.${e}`];
    return full === undefined ? null : Math.max(0, full[what] - measured[`empty.${e}`][what]);
  };
  const columns = (what) => Object.fromEntries(ENGINES.map((e) => [`${e}Ns`, net(e, what)]));
  const row = {
    name: program.name,
    kinds: program.kinds,
    ...columns('min'),
    median: columns('median'),
    /** Not net: nanoseconds a call as a caller sees them. */
    raw: Object.fromEntries(ENGINES.map((e) => [`${e}Ns`, measured[`full.${e}`] ?? null])),
    equal,
    insns: engines.jit.insns,
    /** Instructions that one run executes, and what the interpreter takes for one. */
    executed,
    interpNsPerInsn: measured['full.interp'].min / executed,
    wasmBytes: engines.jit.bytes,
    loadMs: engines.jit.loadMs,
  };
  close(engines);
  return row;
}

/** A capture of small packets in memory, run in one call: millions of packets a second. */
async function benchThroughput(ports, name) {
  const packets = makePackets(CAPTURE, 64);
  packets.forEach((packet, k) => {
    packet[12] = 8;
    packet[13] = 0;
    packet[23] = k & 1 ? 6 : 17;
    // 256 flows.
    for (let i = 26; i < 38; i++) packet[i] = packets[k & 255][i];
  });
  const engines = await load(ports, { name });
  const verdicts = packets.map((packet) => engines.interp.run(packet));
  const prepared = engines.jit.prepare(packets);
  prepared.run();
  const equal = verdicts.every((verdict, k) => verdict === prepared.verdicts[k]);
  const runners = [
    {
      call(n) {
        for (let left = n; left > 0; left -= CAPTURE) prepared.run();
      },
      step: CAPTURE,
    },
  ];
  if (engines.kernel) runners.push(engines.kernel.runner(packets[0]));
  const [batch, kernel] = await interleave(runners, ports.rounds);
  prepared[Symbol.dispose]();
  close(engines);
  const rate = (ns) => (ns === undefined ? null : 1000 / ns);
  return {
    name,
    batchNs: batch,
    batchMpps: rate(batch.min),
    kernelNs: kernel ?? null,
    kernelMpps: rate(kernel?.min),
    equal,
  };
}

const geomean = (list) =>
  list.length === 0 ? null : Math.exp(list.reduce((s, x) => s + Math.log(x), 0) / list.length);

/** Geomeans of time ratios, over all and per kind: each engine to the kernel's JIT and to native code. */
export function geomeans(rows) {
  const kinds = [...new Set(rows.flatMap((r) => r.kinds))];
  const over = (list, column, to) =>
    geomean(list.filter((r) => r[to] > 0 && r[column] > 0).map((r) => r[column] / r[to]));
  const ratios = (column, to) => ({
    all: over(rows, column, to),
    ...Object.fromEntries(
      kinds.map((k) => [
        k,
        over(
          rows.filter((r) => r.kinds.includes(k)),
          column,
          to,
        ),
      ]),
    ),
  });
  return {
    interp: ratios('interpNs', 'kernelNs'),
    jit: ratios('jitNs', 'kernelNs'),
    batch: ratios('batchNs', 'kernelNs'),
    native: ratios('nativeNs', 'kernelNs'),
    jitToNative: ratios('jitNs', 'nativeNs'),
    batchToNative: ratios('batchNs', 'nativeNs'),
  };
}
