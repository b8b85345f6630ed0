/** The worker's side of the fuzz: runs cases in one process and tells what each kind took. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ParserCases } from './cases.ts';
import type { Input } from './inputs.ts';

/** Seconds of processor time, and bytes of memory, that one input may take. */
export const LIMIT = { seconds: 2, bytes: 512 << 20 } as const;
/** Cases in a row that one worker runs, before the next block of its own. */
export const BLOCK = 64;
/** What the operating system knows of time and memory is asked this often, and after every case that took as long. */
const ASK_EVERY_MS = 100;
const TELL_EVERY_MS = 300;
const KEPT = 5;

/** What a case took, with all that makes it again. */
export interface Measure {
  readonly index: number;
  readonly ms: number;
  readonly kind: string;
  readonly bytes: number;
  readonly how: string;
}

/** Cases of one kind, how many were taken at least in part, and the milliseconds of the slowest. */
export interface KindCount {
  n: number;
  taken: number;
  slowest: number;
}

export interface Failure {
  readonly index: number;
  readonly text: string;
}

export interface Told {
  readonly done: number;
  readonly slowest: readonly Measure[];
  readonly peakMb: number;
  readonly peakIndex: number;
  readonly failures: readonly Failure[];
  readonly kinds: Readonly<Record<string, KindCount>>;
}

export const keepSlowest = (all: readonly Measure[]): Measure[] => [...all].sort((a, b) => b.ms - a.ms).slice(0, KEPT);

export const nameOf = (seed: number, index: number, input: Input): string =>
  `case ${index} of seed ${seed} (${input.kind}, ${input.how}, ${input.bytes.length} bytes)`;

/** The first case from `index` on that is the worker's own. */
export function nextCase(index: number, worker: number, workers: number): number {
  const block = Math.floor(index / BLOCK);
  const ahead = (((worker - block) % workers) + workers) % workers;
  return ahead === 0 ? index : (block + ahead) * BLOCK;
}

/** Runs a case; what came out that must not, with the place where it was thrown. */
export function tryCase(cases: ParserCases, input: Input): { taken: boolean; thrown?: string } {
  // Traces of the many typed errors would cost more than the errors.
  Error.stackTraceLimit = 0;
  try {
    return { taken: cases.run(input) };
  } catch {
    Error.stackTraceLimit = 12;
    try {
      cases.run(input);
      return { taken: false, thrown: 'it throws at first, and nothing when it is run again' };
    } catch (e) {
      return { taken: false, thrown: e instanceof Error ? (e.stack ?? e.message) : String(e) };
    }
  }
}

/** Processor time, an upper bound for short cases: the clock is asked for those, and the operating system for the others. */
class Clock {
  #cpu = process.cpuUsage();
  #asked = performance.now();
  #began = this.#asked;

  begin(): void {
    this.#began = performance.now();
    if (this.#began - this.#asked > ASK_EVERY_MS) this.#ask();
  }

  /** Milliseconds of the case, and whether the operating system was asked. */
  end(): { ms: number; asked: boolean } {
    const now = performance.now();
    if (now - this.#began < ASK_EVERY_MS) return { ms: now - this.#began, asked: now - this.#asked > ASK_EVERY_MS };
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#ask();
    return { ms: (user + system) / 1000, asked: true };
  }

  #ask(): void {
    this.#cpu = process.cpuUsage();
    this.#asked = performance.now();
  }
}

class Tally {
  #told = Date.now();
  #state = Tally.#fresh();
  #slowest: Measure[] = [];
  #peak = { peakMb: 0, peakIndex: -1 };

  static #fresh() {
    return { done: 0, failures: [] as Failure[], kinds: {} as Record<string, KindCount> };
  }

  fail(index: number, text: string): void {
    this.#state.failures.push({ index, text });
  }

  count(index: number, input: Input, ms: number, taken: boolean): void {
    const kind = `${input.kind}${/^(medium|large)/.test(input.how) ? ` ${input.how.split(' ')[0]}` : ''}`;
    const of = (this.#state.kinds[kind] ??= { n: 0, taken: 0, slowest: 0 });
    of.n++;
    if (taken) of.taken++;
    of.slowest = Math.max(of.slowest, Math.round(ms));
    this.#state.done++;
    if (this.#slowest.length === KEPT && ms <= this.#slowest[KEPT - 1].ms) return;
    const { bytes, how } = input;
    this.#slowest = keepSlowest([
      ...this.#slowest,
      { index, ms: Math.round(ms), kind: input.kind, bytes: bytes.length, how },
    ]);
  }

  /** Notes the peak of memory; in megabytes. */
  memory(index: number): number {
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
    if (peakMb > this.#peak.peakMb) this.#peak = { peakMb, peakIndex: index };
    return peakMb;
  }

  tell(always = false): void {
    if (!always && Date.now() - this.#told < TELL_EVERY_MS) return;
    process.send?.({ ...this.#state, slowest: this.#slowest, ...this.#peak } satisfies Told);
    this.#state = Tally.#fresh();
    this.#told = Date.now();
  }
}

/** Runs this worker's cases. The current one stands in the file `mark`, for the one that watches. */
export function work(): void {
  const [seed, from, worker, workers, n, until] = process.argv.slice(2, 8).map(Number);
  const cases = new ParserCases();
  const fd = openSync(process.argv[8], 'w');
  const tally = new Tally();
  const clock = new Clock();
  for (let i = nextCase(from, worker, workers); i < n && Date.now() < until; i = nextCase(i + 1, worker, workers)) {
    const input = cases.make(seed, i);
    writeSync(fd, String(i).padEnd(16), 0);
    clock.begin();
    const { taken, thrown } = tryCase(cases, input);
    const { ms, asked } = clock.end();
    tally.count(i, input, ms, taken);
    if (thrown !== undefined) tally.fail(i, `${nameOf(seed, i, input)}: ${thrown}`);
    else if (ms > LIMIT.seconds * 1000)
      tally.fail(i, `${nameOf(seed, i, input)}: ${Math.round(ms)} ms of processor time`);
    if (asked && tally.memory(i) > LIMIT.bytes >> 20) {
      tally.fail(i, `${nameOf(seed, i, input)}, or one shortly before: more than ${LIMIT.bytes >> 20} MB of memory`);
      // What a process once had it keeps: the next case gets a fresh one.
      break;
    }
    tally.tell();
  }
  tally.tell(true);
  closeSync(fd);
  process.disconnect();
}
