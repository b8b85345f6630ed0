/** Verdict, errno, message and counts of the two sides over many programs. */
import type { Btf } from '../../src/btf/btf.ts';
import { type Generated, generate } from './generate.ts';
import { programSeed } from './rng.ts';
import { type Answer, askSkep, CRASHED, type KernelSide, normalLine } from './sides.ts';

/** Ways to differ, the gravest first. */
export const DIFFERENCES = [
  'falseAccept',
  'crash',
  'falseReject',
  'errno',
  'message',
  'insns',
  'states',
  'log',
] as const;
export type Difference = (typeof DIFFERENCES)[number];

export interface Finding {
  readonly difference: Difference;
  readonly program: Generated;
  readonly kernel: Answer;
  readonly skep: Answer;
}

export interface Totals {
  programs: number;
  accepted: number;
  /** Over 1,000 processed instructions. */
  large: number;
  unprivileged: number;
  /** Of these the accepted ones. */
  skipped: number;
  readonly differs: Record<Difference, number>;
  kernelMs: number;
  skepMs: number;
}

export const newTotals = (): Totals => ({
  programs: 0,
  accepted: 0,
  large: 0,
  unprivileged: 0,
  skipped: 0,
  differs: { falseAccept: 0, crash: 0, falseReject: 0, errno: 0, message: 0, insns: 0, states: 0, log: 0 },
  kernelMs: 0,
  skepMs: 0,
});

/** Logs of longer verifications are not compared state by state. */
const WHOLE_LOG_INSNS = 2000;

export interface CompareOptions {
  readonly kernel: KernelSide;
  readonly vmlinux: () => Btf | undefined;
  /** 1: verdicts and counts; 2: the whole log, state by state. */
  readonly logLevel: number;
}

/** The gravest difference between two answers, or undefined. */
export function differenceOf(kernel: Answer, skep: Answer, wholeLog: boolean): Difference | undefined {
  if (skep.errno === CRASHED) return 'crash';
  if (kernel.errno !== 0 && skep.errno === 0) return 'falseAccept';
  if (kernel.errno === 0 && skep.errno !== 0) return 'falseReject';
  if (kernel.errno !== skep.errno) return 'errno';
  if (kernel.message !== '' && kernel.message !== skep.message) return 'message';
  if (kernel.insns !== skep.insns) return 'insns';
  if (kernel.states !== skep.states) return 'states';
  if (wholeLog && firstDifference(kernel.log, skep.log) >= 0) return 'log';
  return undefined;
}

/** Index of the first line that differs, or -1; statistics and addresses do not count. */
export function firstDifference(a: string, b: string): number {
  if (a === b) return -1;
  const left = a.split('\n');
  const right = b.split('\n');
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i] === right[i] || left[i]?.startsWith('processed ')) continue;
    if (normalLine(left[i] ?? '') !== normalLine(right[i] ?? '')) return i;
  }
  return -1;
}

export function compareOne(g: Generated, options: CompareOptions, totals: Totals): Finding | undefined {
  const started = performance.now();
  let kernel = options.kernel.ask(g, 1);
  if (kernel === undefined) {
    totals.skipped++;
    return undefined;
  }
  const asked = performance.now();
  let skep = askSkep(g, 1, options.vmlinux);
  totals.kernelMs += asked - started;
  totals.skepMs += performance.now() - asked;
  totals.programs++;
  if (kernel.errno === 0) totals.accepted++;
  if (kernel.insns > 1000) totals.large++;
  if (g.caps !== 'all') totals.unprivileged++;
  let difference = differenceOf(kernel, skep, false);
  if (options.logLevel >= 2 && kernel.insns < WHOLE_LOG_INSNS && difference === undefined) {
    kernel = options.kernel.ask(g, 2) ?? kernel;
    // Statistics instead: the log was too long.
    if (kernel.log.startsWith('func#')) {
      skep = askSkep(g, 2, options.vmlinux);
      difference = differenceOf(kernel, skep, true);
    }
  }
  if (difference === undefined) return undefined;
  totals.differs[difference]++;
  return { difference, program: g, kernel, skep };
}

/** Programs `from` to `from + n - 1` of a run. */
export function* compareMany(
  seed: number,
  from: number,
  n: number,
  options: CompareOptions,
  totals: Totals,
): Generator<Finding> {
  for (let i = 0; i < n; i++) {
    const found = compareOne(generate(programSeed(seed, from + i)), options, totals);
    if (found !== undefined) yield found;
  }
}
