/** Runs cases in watched processes: one that takes too much is killed, the case named, and the next one begins. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Failure, type KindCount, keepSlowest, LIMIT, type Measure, type Told } from './work.ts';

/** The heap of a worker; buffers and the program itself come on top. */
const HEAP_MB = 360;
/** Larger than usual: nearly all that a case makes is garbage when it ends. */
const NURSERY_MB = 32;
/** Seconds of the wall clock after which a case hangs, where nobody tells processor time. */
const HANG_SECONDS = 120;
const TICK_MS = 100;
/** Processor ticks of a second, as /proc counts them. */
const TICKS = 100;

export interface FuzzOptions {
  readonly seed: number;
  readonly n: number;
  /** Seconds after which no case begins. */
  readonly time?: number;
  readonly workers: number;
  /** The file that a worker process runs; it must call `work` of work.ts. */
  readonly worker: string;
}

export interface FuzzResult {
  readonly n: number;
  readonly failures: readonly Failure[];
  readonly slowest: readonly Measure[];
  /** Largest resident memory of a worker, and the case that raised it. */
  readonly peakMb: number;
  readonly peakIndex: number;
  readonly kinds: Readonly<Record<string, KindCount>>;
}

/** Runs the cases; progress is told after every message. */
export async function fuzz(
  options: FuzzOptions,
  progress: (done: number, failures: number) => void = () => {},
): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-fuzz-'));
  const sum = {
    ...{ n: 0, failures: [] as Failure[], slowest: [] as Measure[], peakMb: 0, peakIndex: -1 },
    kinds: {} as Record<string, KindCount>,
  };
  const hear = (m: Told): void => {
    sum.n += m.done;
    sum.failures.push(...m.failures);
    const fresh = m.slowest.filter((s) => !sum.slowest.some((k) => k.index === s.index));
    sum.slowest = keepSlowest([...sum.slowest, ...fresh]);
    if (m.peakMb > sum.peakMb) Object.assign(sum, { peakMb: m.peakMb, peakIndex: m.peakIndex });
    for (const [kind, { n, taken, slowest }] of Object.entries(m.kinds)) {
      const of = (sum.kinds[kind] ??= { n: 0, taken: 0, slowest: 0 });
      Object.assign(of, { n: of.n + n, taken: of.taken + taken, slowest: Math.max(of.slowest, slowest) });
    }
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
  { seed, n, workers, worker }: FuzzOptions,
  k: number,
  until: number,
  mark: string,
  hear: (m: Told) => void,
): Promise<void> {
  for (let from = 0; from < n && Date.now() < until; ) {
    rmSync(mark, { force: true });
    const child = start(worker, [...[seed, from, k, workers, n, until].map(String), mark]);
    const end = await watched(child, mark, hear);
    const last = readMark(mark);
    if (last < 0 && end !== '') throw new Error(`the worker did not begin: ${end}`);
    if (last < 0) return;
    if (end !== '') {
      const failures = [{ index: last, text: `case ${last} of seed ${seed}: ${end}` }];
      hear({ done: 1, slowest: [], peakMb: 0, peakIndex: -1, failures, kinds: {} });
    }
    from = last + 1;
  }
}

/** A process whose heap is bounded. */
export function start(file: string, args: readonly string[]): ChildProcess {
  return fork(file, args, {
    execArgv: [`--max-old-space-size=${HEAP_MB}`, `--max-semi-space-size=${NURSERY_MB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** The case that a worker is at, -1 before the first. */
function readMark(mark: string): number {
  try {
    return Number(readFileSync(mark, 'utf8').trim() || -1);
  } catch {
    return -1;
  }
}

/** Seconds of processor time and bytes of memory of a process, where /proc tells them. */
export function usageOf(pid: number | undefined): { seconds: number; bytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, bytes: Number(fields[21]) * 4096 };
  } catch {
    return undefined;
  }
}

/** Why the worker ended, '' when it told its last. */
function watched(child: ChildProcess, mark: string, hear: (m: Told) => void): Promise<string> {
  return new Promise((resolve) => {
    let why = '';
    let errors = '';
    let seen = -1;
    let since = { wall: Date.now(), seconds: 0 };
    const end = (reason: string): void => {
      why = reason;
      child.kill('SIGKILL');
    };
    const timer = setInterval(() => {
      const now = readMark(mark);
      const usage = usageOf(child.pid);
      if (now < 0) return;
      if (now !== seen) [seen, since] = [now, { wall: Date.now(), seconds: usage?.seconds ?? 0 }];
      else if (usage !== undefined && usage.seconds - since.seconds > LIMIT.seconds)
        end(`stopped after more than ${LIMIT.seconds} s of processor time`);
      else if (usage === undefined && Date.now() - since.wall > HANG_SECONDS * 1000)
        end(`it hangs, stopped after ${HANG_SECONDS} s`);
      if (usage !== undefined && usage.bytes > LIMIT.bytes) end(`stopped with ${usage.bytes >> 20} MB of memory`);
    }, TICK_MS);
    child.stderr?.on('data', (text) => (errors = `${errors}${String(text)}`.slice(-2000)));
    child.on('message', (m) => hear(m as Told));
    child.on('exit', (code, signal) => {
      clearInterval(timer);
      resolve(why || (code === 0 ? '' : `the process ended with ${signal ?? code}: ${errors.slice(-400)}`));
    });
  });
}
