/** Runs cases in processes of their own and watches them: a case that hangs, dies or takes too much is named, and the next one begins. */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParserCases } from './cases.ts';

/** Seconds of processor time, and bytes of memory, that one input may take. */
export const LIMIT = { seconds: 2, bytes: 512 << 20 } as const;
/** The heap of a worker; buffers and the program itself come on top. */
const HEAP_MB = 360;
/** A case that runs longer than this hangs, on however busy a machine; the processor time of cases that end is measured. */
const HANG_MS = 120_000;
const TICK_MS = 250;
const TELL_EVERY_MS = 300;

export interface FuzzOptions {
  readonly seed: number;
  readonly n: number;
  /** Seconds after which no case begins. */
  readonly time?: number;
  readonly workers: number;
  readonly fixtures: string;
  /** The file that a worker process runs; it must call {@link work}. */
  readonly worker: string;
}

/** What a case took, with all that makes it again. */
export interface Measure {
  readonly index: number;
  readonly ms: number;
  readonly bytes: number;
  readonly how: string;
}

export interface FuzzResult {
  readonly n: number;
  readonly failures: readonly string[];
  readonly slowest: readonly Measure[];
  /** Largest resident memory of a worker, and the case that raised it. */
  readonly peakMb: number;
  readonly peakIndex: number;
}

interface Told {
  readonly done: number;
  readonly slowest: readonly Measure[];
  readonly peakMb: number;
  readonly peakIndex: number;
  readonly failures: readonly string[];
}

const KEPT = 5;
const keepSlowest = (all: readonly Measure[]): Measure[] => [...all].sort((a, b) => b.ms - a.ms).slice(0, KEPT);

/** The worker's side: cases `from`, `from + step`, ... Its current case stands in the file `mark`, for the one that watches. */
export function work(): void {
  const [seed, from, step, n, until] = process.argv.slice(2, 7).map(Number);
  const [fixtures, mark] = process.argv.slice(7);
  const cases = new ParserCases(fixtures);
  const fd = openSync(mark, 'w');
  let told = Date.now();
  let state = { done: 0, slowest: [] as Measure[], peakMb: 0, peakIndex: -1, failures: [] as string[] };
  const tell = (): void => {
    process.send?.(state satisfies Told);
    state = { ...state, done: 0, failures: [] };
    told = Date.now();
  };
  for (let i = from; i < n && Date.now() < until; i += step) {
    writeSync(fd, String(i).padEnd(16), 0);
    const input = cases.make(seed, i);
    const name = `case ${i} of seed ${seed} (${input.kind}, ${input.how}, ${input.bytes.length} bytes)`;
    const before = process.cpuUsage();
    try {
      cases.run(input);
    } catch (e) {
      state.failures.push(`${name}: ${e instanceof Error ? e.stack : String(e)}`);
    }
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1000;
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
    if (ms > LIMIT.seconds * 1000) state.failures.push(`${name}: ${Math.round(ms)} ms of processor time`);
    if (state.slowest.length < KEPT || ms > state.slowest[KEPT - 1].ms)
      state.slowest = keepSlowest([
        ...state.slowest,
        { index: i, ms: Math.round(ms), bytes: input.bytes.length, how: input.how },
      ]);
    if (peakMb > state.peakMb) Object.assign(state, { peakMb, peakIndex: i });
    state.done++;
    if (peakMb > LIMIT.bytes >> 20) {
      // What a process once had it keeps: the next case gets a fresh one.
      state.failures.push(`${name}: ${peakMb} MB of memory`);
      break;
    }
    if (Date.now() - told > TELL_EVERY_MS) tell();
  }
  tell();
  closeSync(fd);
  process.disconnect();
}

/** Runs the cases; progress is told after every message. */
export async function fuzz(
  options: FuzzOptions,
  progress: (done: number, failures: number) => void = () => {},
): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-fuzz-'));
  const sum = { n: 0, failures: [] as string[], slowest: [] as Measure[], peakMb: 0, peakIndex: -1 };
  const hear = (m: Told): void => {
    sum.n += m.done;
    sum.failures.push(...m.failures);
    const fresh = m.slowest.filter((s) => !sum.slowest.some((k) => k.index === s.index));
    sum.slowest = keepSlowest([...sum.slowest, ...fresh]);
    if (m.peakMb > sum.peakMb) Object.assign(sum, { peakMb: m.peakMb, peakIndex: m.peakIndex });
    progress(sum.n, sum.failures.length);
  };
  const until = Date.now() + (options.time ?? 1e9) * 1000;
  try {
    await Promise.all(
      Array.from({ length: options.workers }, (_, k) => lane(options, k, until, join(folder, String(k)), hear)),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return sum;
}

/** One worker after the other, each from the case behind the one that ended the last. */
async function lane(
  options: FuzzOptions,
  k: number,
  until: number,
  mark: string,
  hear: (m: Told) => void,
): Promise<void> {
  const { seed, n, workers, fixtures, worker } = options;
  for (let from = k; from < n && Date.now() < until; ) {
    const args = [seed, from, workers, n, until].map(String);
    const child = fork(worker, [...args, fixtures, mark], {
      execArgv: [...process.execArgv.filter((a) => !a.startsWith('--max-old')), `--max-old-space-size=${HEAP_MB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const end = await watched(child, mark, hear);
    const last = readMark(mark);
    if (last < 0) throw new Error(`the worker did not begin: ${end}`);
    if (end !== '')
      hear({ done: 1, slowest: [], peakMb: 0, peakIndex: -1, failures: [`case ${last} of seed ${seed}: ${end}`] });
    from = Math.max(from, last) + workers;
  }
}

/** The case that a worker is at, -1 before the first. */
function readMark(mark: string): number {
  try {
    return Number(readFileSync(mark, 'utf8').trim() || -1);
  } catch {
    return -1;
  }
}

/** Why the worker ended, '' when it told its last. */
function watched(child: ChildProcess, mark: string, hear: (m: Told) => void): Promise<string> {
  return new Promise((resolve) => {
    let why = '';
    let errors = '';
    let seen = '';
    let since = Date.now();
    const timer = setInterval(() => {
      const now = String(readMark(mark));
      if (now !== seen) [seen, since] = [now, Date.now()];
      if (now === '-1' || Date.now() - since < HANG_MS) return;
      why = `it hangs, stopped after ${HANG_MS / 1000} s`;
      child.kill('SIGKILL');
    }, TICK_MS);
    child.stderr?.on('data', (text) => (errors = `${errors}${String(text)}`.slice(-2000)));
    child.on('message', (m) => hear(m as Told));
    child.on('exit', (code, signal) => {
      clearInterval(timer);
      resolve(why || (code === 0 ? '' : `the process ended with ${signal ?? code}: ${errors.slice(-400)}`));
    });
  });
}
