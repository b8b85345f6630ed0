// An XDP firewall, compiled by clang, over traffic recorded between a real client and a real server.
// Everything happens in this process: no Linux, no root and no eBPF-capable kernel are needed.
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import { parseObject } from 'skep';
import { openRuntime } from 'skep/node';
import { PcapWriter, readCapture } from 'skep/net';

const MEASURE_MS = 1500;
const ACTIONS = ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'];
const PROTOCOLS = { 1: 'ICMP', 6: 'TCP', 17: 'UDP' };
/** What the firewall refuses, and what it lets through. Rules for longer prefixes win. */
const RULES = [
  { net: '10.0.0.0/8', rule: { deny: 0 }, says: 'allow' },
  { net: '10.44.66.0/24', rule: { deny: 1 }, says: 'deny' },
  { net: '10.44.3.0/24', rule: { deny: 1, port: 5353 }, says: 'deny port 5353' },
];

const here = (name) => new URL(name, import.meta.url);
const colours = process.env.NO_COLOR
  ? false
  : process.env.FORCE_COLOR
    ? process.env.FORCE_COLOR !== '0'
    : process.stdout.isTTY;
const style = (how, text) => (colours ? styleText(how, text) : text);
const number = (n, width = 0) => Math.round(n).toLocaleString('en-US').padStart(width);
const title = (text) => console.log(`\n${style('bold', text)}`);
const bar = (part, width = 30) => '█'.repeat(Math.max(part > 0 ? 1 : 0, Math.round(part * width)));
const bytes = async (name) => new Uint8Array(await readFile(here(name)));

/** Verifies, compiles and loads the object into an embedded kernel of its own, and fills the list of networks. */
async function load(engine) {
  const runtime = await openRuntime({ engine });
  const spec = parseObject(await bytes('firewall.bpf.o'), { name: 'firewall' });
  const collection = spec.load(runtime);
  for (const { net, rule } of RULES) {
    const [addr, prefixlen] = net.split('/');
    collection.map('acl').update({ prefixlen: Number(prefixlen), addr: addr.split('.').map(Number) }, rule);
  }
  return { collection, program: collection.program('firewall') };
}

const capture = readCapture(await bytes('traffic.pcap'));
const packets = [...capture];
const { collection, program } = await load('jit');

title('firewall.bpf.o');
const { stats, codeSize } = program.embedded;
console.log(
  `  verifier   ${style('green', 'accepted')}: ${number(stats.insnsProcessed)} instructions walked, ${stats.totalStates} states, ${(stats.timeUs / 1000).toFixed(1)} ms`,
);
console.log(`  JIT        ${program.info().insns} instructions to ${number(codeSize)} bytes of WebAssembly`);
console.log(`  maps       ${[...collection.maps.keys()].join(', ')}`);
for (const { net, says } of RULES)
  console.log(`  rule       ${net.padEnd(15)} ${style(says === 'allow' ? 'green' : 'red', says)}`);

// One pass over the capture: what passes is written, what user space is told is read.
const runner = program.runner();
const ring = collection.map('drops').events();
const writer = new PcapWriter({ nanoseconds: capture.nanoseconds });
const verdicts = new Map();
const reports = [];
let passed = 0;
packets.forEach((packet, i) => {
  const action = runner.run(packet.data);
  verdicts.set(action, (verdicts.get(action) ?? 0) + 1);
  if (action === 2) {
    writer.write({ ...packet, data: runner.packet() });
    passed++;
  }
  if (i % 64 === 0) ring.consume((record) => reports.push(record));
});
ring.consume((record) => reports.push(record));

title(`traffic.pcap: ${number(packets.length)} packets`);
for (const [action, count] of [...verdicts].sort(([a], [b]) => a - b)) {
  const part = count / packets.length;
  console.log(
    `  ${ACTIONS[action].padEnd(13)} ${number(count, 6)}  ${(100 * part).toFixed(1).padStart(5)} %  ${style(action === 1 ? 'red' : 'green', bar(part))}`,
  );
}

title('map protocols (array of counters)');
for (const [protocol, { packets: n, bytes: size }] of collection.map('protocols')) {
  if (n > 0n)
    console.log(
      `  ${(PROTOCOLS[protocol] ?? protocol).padEnd(13)} ${number(Number(n), 6)} packets  ${number(Number(size), 8)} bytes`,
    );
}
console.log(
  `  ${'not IPv4'.padEnd(13)} ${number(Number(collection.variable('not_ipv4').getVariable('not_ipv4')), 6)} packets  ${style('dim', '(a global variable)')}`,
);

title('map sources (hash by address)');
const sources = [...collection.map('sources')].map(([addr, s]) => ({ addr: addr.join('.'), ...s }));
for (const s of sources.sort((a, b) => Number(b.dropped - a.dropped) || a.addr.localeCompare(b.addr))) {
  const dropped = s.dropped > 0n ? style('red', `${number(Number(s.dropped))} dropped`) : style('dim', 'none dropped');
  console.log(`  ${s.addr.padEnd(13)} ${number(Number(s.packets), 6)} packets  ${dropped}`);
}

title(`ring buffer drops: ${number(reports.length)} reports`);
for (const record of reports.filter((_, i) => i % Math.ceil(reports.length / 4) === 0)) {
  const view = new DataView(record.buffer, record.byteOffset);
  const [from, to] = [record.subarray(8, 12), record.subarray(12, 16)].map((a) => a.join('.'));
  const port = view.getUint16(16, true);
  console.log(
    `  ${PROTOCOLS[record[18]].padEnd(5)} ${from} > ${to}${port ? `:${port}` : ''}, ${view.getUint32(20, true)} bytes`,
  );
}

await writeFile(here('passed.pcap'), writer.bytes());
title(`passed.pcap: ${number(passed)} packets written`);
const seen = spawnSync('tcpdump', ['-nn', '-r', here('passed.pcap').pathname], { encoding: 'utf8' });
if (seen.error) console.log(style('dim', '  (tcpdump is not installed here, so nobody else has read it)'));
else {
  const lines = seen.stdout.trimEnd().split('\n');
  for (const line of [lines[10], lines[Math.floor(lines.length / 2)], lines.at(-1)])
    console.log(`  ${style('dim', line.slice(0, 100))}`);
  console.log(
    `  tcpdump reads ${number(lines.length)} packets${seen.status === 0 ? '' : `, and complains: ${seen.stderr.trim()}`}`,
  );
}

title('speed: the same packets again and again');
for (const engine of ['jit', 'interp']) {
  const fresh = engine === 'jit' ? { program, collection } : await load(engine);
  const { rate, total } = measure(engine, fresh);
  console.log(
    `  ${(engine === 'jit' ? 'JIT' : 'interpreter').padEnd(13)} ${number(rate, 10)} packets/s  ${style('dim', `${number(1e9 / rate)} ns each, ${number(total)} packets`)}`,
  );
}
console.log(
  style('dim', '  one thread; with copying packets in, three map operations each and a report for each drop\n'),
);

/** Packets per second, warmed up first; a bar on the terminal meanwhile. */
function measure(engine, { program, collection }) {
  const fast = program.runner();
  const drops = collection.map('drops').events();
  const data = packets.map((p) => p.data);
  const results = new Uint32Array(64);
  const chunks = Array.from({ length: Math.ceil(data.length / 64) }, (_, i) => data.slice(i * 64, i * 64 + 64));
  let total = 0;
  let started = performance.now();
  let warm = false;
  let shown = 0;
  for (let elapsed = 0; elapsed < MEASURE_MS; elapsed = performance.now() - started) {
    for (const chunk of chunks) {
      fast.runBatch(chunk, results);
      drops.consume(() => {});
    }
    total += data.length;
    if (!warm && elapsed > MEASURE_MS / 3) {
      warm = true;
      total = 0;
      started = performance.now();
      shown = 0;
    }
    if (process.stdout.isTTY && elapsed - shown > 100) {
      shown = elapsed;
      process.stdout.write(`\r  ${engine.padEnd(13)} ${bar(elapsed / MEASURE_MS).padEnd(30)} ${number(total)}\x1b[K`);
    }
  }
  const rate = (total * 1000) / (performance.now() - started);
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  drops.close();
  fast[Symbol.dispose]();
  return { rate, total };
}
