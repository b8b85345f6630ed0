/** What the proof commands share: options, worker processes, progress, one line of JSON at the end, exit code 1 on any failure. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Sums that all workers add to. */
export type Counts = Record<string, number>;
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** What one case may tell. */
export interface Report {
  count(name: string, by?: number): void;
  /** A miss, with what it takes to see it again. */
  fail(text: string): void;
}

/** Runs case `index` of a run. */
export type Case = (index: number, report: Report) => void;

export interface Proof {
  readonly name: string;
  /** Cases unless `--n` says otherwise. */
  readonly n: number;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** Prepares a process for the run; the number of cases when it is not `--n`. */
  prepare(seed: number, options: Options): Promise<{ run: Case; cases?: number }>;
  /** More members of the last line, and what is wrong with the sums. */
  conclude?(counts: Counts, options: Options): { readonly extra: object; readonly misses: readonly string[] };
}

type Message = { counts: Counts; cases: number; failure?: string; done: boolean };
const EVERY_MS = 500;

/** Runs the command of the process that calls. */
export async function main(proof: Proof): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      n: { type: 'string' },
      time: { type: 'string' },
      json: { type: 'boolean', default: false },
      workers: { type: 'string' },
      show: { type: 'string', default: '10' },
      shard: { type: 'string' },
      ...proof.options,
    },
  });
  const options = values as Options;
  if (options['shard'] !== undefined) await work(proof, options);
  else await lead(proof, options);
}

/** Cases `index` with index modulo `of` equal to `shard`, told to the parent. */
async function work(proof: Proof, options: Options): Promise<void> {
  const [shard, of] = String(options['shard']).split('/').map(Number);
  const { run, cases } = await proof.prepare(Number(options['seed']), options);
  const n = cases ?? Number(options['n'] ?? proof.n);
  const until = options['time'] === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(options['time']) * 1000;
  let counts: Counts = {};
  let told = Date.now();
  const send = (done: boolean, failure?: string): void => {
    process.send?.({ counts, done, cases: n, ...(failure === undefined ? {} : { failure }) } satisfies Message);
    counts = {};
    told = Date.now();
  };
  const report: Report = {
    count: (name, by = 1) => void (counts[name] = (counts[name] ?? 0) + by),
    fail: (text) => send(false, text),
  };
  for (let i = shard; i < n && Date.now() < until; i += of) {
    try {
      run(i, report);
    } catch (e) {
      report.fail(`case ${i} of seed ${options['seed']}: ${e instanceof Error ? e.stack : String(e)}`);
    }
    report.count('n');
    if (Date.now() - told > EVERY_MS) send(false);
  }
  send(true);
  process.disconnect();
}

/** Starts the workers, adds up what they tell, prints. */
async function lead(proof: Proof, options: Options): Promise<void> {
  const started = Date.now();
  const workers = Number(options['workers'] ?? availableParallelism());
  const counts: Counts = {};
  let failures = 0;
  const tty = process.stderr.isTTY === true;
  const hear = (m: Message): void => {
    for (const [name, by] of Object.entries(m.counts)) counts[name] = (counts[name] ?? 0) + by;
    if (m.failure !== undefined && failures++ < Number(options['show'])) process.stderr.write(`${m.failure}\n\n`);
    if (tty) process.stderr.write(`\r${proof.name} ${counts['n'] ?? 0} of ${m.cases} cases, ${failures} failures `);
  };
  const children = Array.from({ length: workers }, (_, k) =>
    fork(process.argv[1], [...process.argv.slice(2), `--shard=${k}/${workers}`]),
  );
  const broken = (await Promise.all(children.map((child) => ended(child, hear)))).filter((ok) => !ok).length;
  if (tty) process.stderr.write('\n');
  const { n = 0, ...sums } = counts;
  const { extra, misses } = proof.conclude?.(counts, options) ?? { extra: {}, misses: [] };
  const all = [...misses, ...(broken > 0 ? [`${broken} workers broke off`] : []), ...(n === 0 ? ['no case ran'] : [])];
  for (const miss of all) process.stderr.write(`${miss}\n`);
  const sec = Math.round((Date.now() - started) / 100) / 10;
  const line = { name: proof.name, n, failures: failures + all.length, seed: Number(options['seed']), sec, ...extra };
  process.stdout.write(
    options['json'] === true ? `${JSON.stringify({ ...line, ...sums })}\n` : `${text({ ...line, ...sums })}\n`,
  );
  process.exitCode = failures + all.length > 0 ? 1 : 0;
}

/** True once the worker has told everything. */
function ended(child: ChildProcess, hear: (m: Message) => void): Promise<boolean> {
  return new Promise((resolve) => {
    let done = false;
    child.on('message', (m: Message) => {
      hear(m);
      done ||= m.done;
    });
    child.on('exit', () => resolve(done));
  });
}

const text = (line: object): string =>
  Object.entries(line)
    .map(([k, v]) => `${k} ${typeof v === 'object' ? JSON.stringify(v) : v}`)
    .join('\n');

/** The same in one process, for the test suite. */
export async function runHere(
  proof: Proof,
  seed: number,
  n: number,
  options: Options = {},
): Promise<{ failures: string[]; counts: Counts }> {
  const { run, cases } = await proof.prepare(seed, options);
  const counts: Counts = { n: 0 };
  const failures: string[] = [];
  const report: Report = {
    count: (name, by = 1) => void (counts[name] = (counts[name] ?? 0) + by),
    fail: (t) => void failures.push(t),
  };
  for (let i = 0; i < Math.min(n, cases ?? n); i++) {
    run(i, report);
    report.count('n');
  }
  return { failures, counts };
}

/** A share of the cases in percent, one decimal. */
export const percent = (counts: Counts, name: string, of = 'n'): number =>
  Math.round(((counts[name] ?? 0) / Math.max(1, counts[of] ?? 0)) * 1000) / 10;
