/** Command: hostile and damaged inputs to every parser, each within 2 s of processor time and 512 MB. `--one N` runs one case. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ParserCases } from './cases.ts';
import { fuzz } from './watch.ts';

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    time: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    show: { type: 'string', default: '10' },
    one: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const fixtures = 'test/fixtures';

if (values.one !== undefined) {
  const cases = new ParserCases(fixtures);
  const input = cases.make(seed, Number(values.one));
  process.stdout.write(`${input.kind}, ${input.how}, ${input.bytes.length} bytes\n`);
  const before = process.cpuUsage();
  cases.run(input);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(
    `${Math.round((user + system) / 1000)} ms, ${Math.round(process.resourceUsage().maxRSS / 1024)} MB\n`,
  );
} else {
  const started = Date.now();
  const worker = fileURLToPath(new URL('fuzz-worker.js', import.meta.url));
  let told = 0;
  const result = await fuzz(
    {
      seed,
      n: Number(values.n),
      ...(values.time === undefined ? {} : { time: Number(values.time) }),
      workers: Number(values.workers),
      fixtures,
      worker,
    },
    (done, failures) => {
      if (Date.now() - told < 10_000) return;
      told = Date.now();
      process.stderr.write(`fuzz ${done} of ${values.n} cases, ${failures} failures\n`);
    },
  );
  for (const text of result.failures.slice(0, Number(values.show))) process.stderr.write(`${text}\n\n`);
  const sec = Math.round((Date.now() - started) / 100) / 10;
  const { n, slowest, peakMb, peakIndex } = result;
  const line = {
    name: 'fuzz',
    n,
    failures: result.failures.length,
    seed,
    sec,
    perSecond: Math.round(n / sec),
    slowest,
    peakMb,
    peakIndex,
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(line)}\n`
      : `${Object.entries(line)
          .map(([k, v]) => `${k} ${typeof v === 'object' ? JSON.stringify(v) : v}`)
          .join('\n')}\n`,
  );
  process.exitCode = result.failures.length > 0 || n === 0 ? 1 : 0;
}
