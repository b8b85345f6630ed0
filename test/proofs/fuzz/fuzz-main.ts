/** Command: hostile and damaged inputs to every parser, each within 2 s of processor time and 512 MB. `--one N` runs one case. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ParserCases } from './cases.ts';
import { failsAlone, minimise } from './minimise.ts';
import { fuzz } from './watch.ts';
import { type Failure, nameOf, tryCase } from './work.ts';

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    time: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    show: { type: 'string', default: '10' },
    save: { type: 'string', default: 'coverage/fuzz' },
    one: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const worker = fileURLToPath(new URL('fuzz-worker.js', import.meta.url));
const TELL_EVERY_MS = 10_000;

if (values.one === undefined) await many();
else one(Number(values.one));

function one(index: number): void {
  const cases = new ParserCases();
  const input = cases.make(seed, index);
  const file = save(index, input.bytes);
  process.stdout.write(`${nameOf(seed, index, input)}, ${file}\n`);
  const before = process.cpuUsage();
  const { taken, thrown } = tryCase(cases, input);
  const { user, system } = process.cpuUsage(before);
  const mb = Math.round(process.resourceUsage().maxRSS / 1024);
  const end = thrown ?? (taken ? 'taken' : 'refused');
  process.stdout.write(`${Math.round((user + system) / 1000)} ms, ${mb} MB, ${end}\n`);
  process.exitCode = thrown === undefined ? 0 : 1;
}

async function many(): Promise<void> {
  const started = Date.now();
  let told = started;
  const time = values.time === undefined ? {} : { time: Number(values.time) };
  const n = Number(values.n);
  const result = await fuzz({ seed, n, ...time, workers: Number(values.workers), worker }, (done, failures) => {
    if (Date.now() - told < TELL_EVERY_MS) return;
    told = Date.now();
    process.stderr.write(`fuzz ${done} of ${n} cases, ${failures} failures\n`);
  });
  const sec = Math.round((Date.now() - started) / 100) / 10;
  const { failures, ...rest } = result;
  const line = { name: 'fuzz', ...rest, failures: failures.length, seed, sec, perSecond: Math.round(rest.n / sec) };
  const text = (value: unknown): unknown => (typeof value === 'object' ? JSON.stringify(value) : value);
  const rows = Object.entries(line).map(([key, value]) => `${key} ${text(value)}`);
  process.stdout.write(values.json ? `${JSON.stringify(line)}\n` : `${rows.join('\n')}\n`);
  process.exitCode = failures.length > 0 || rest.n === 0 ? 1 : 0;
  for (const failure of failures.slice(0, Number(values.show))) await show(failure);
}

/** Prints a failure and keeps its input, and the smallest one that fails as well. */
async function show({ index, text }: Failure): Promise<void> {
  const input = new ParserCases().make(seed, index);
  process.stderr.write(`${text}\n${save(index, input.bytes)}\n`);
  const least = await minimise(input, (bytes) => failsAlone(worker, input, bytes));
  process.stderr.write(least === input.bytes ? '\n' : `${save(index, least, '-least')}\n\n`);
}

function save(index: number, bytes: Uint8Array, suffix = ''): string {
  mkdirSync(values.save, { recursive: true });
  const file = `${values.save}/${seed}-${index}${suffix}`;
  writeFileSync(file, bytes);
  return file;
}
