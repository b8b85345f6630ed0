/** Verdict, errno, message and counts of the two sides. */
import type { Btf } from '../../../src/btf/btf.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_LOG_STATS } from '../../../src/kernel/verifier/log.ts';
import { patience } from '../soundness/patience.ts';
import type { Generated } from './generate.ts';
import { Rng } from './rng.ts';
import { type Answer, askSkep, CRASHED, type KernelSide, normalLine } from './sides.ts';
import { unaskedReason } from './unasked.ts';

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

/** Logs of longer verifications are not compared: state by state, and at all. */
const WHOLE_LOG_INSNS = 2000;
const MESSAGE_INSNS = 20_000;

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

/** One of so many long programs is compared: together they would cost fifty times what all the others do. */
const LONG_INSNS = 20_000;
const LONG_SHARE = 25;

/** Why a program was not compared: too long, or nothing to give to a kernel. */
export type LeftOut = 'long' | 'unasked';

/** Both answers, or why there are none; undefined when the kernel cannot be asked with these capabilities. */
export function askBoth(g: Generated, options: CompareOptions): Pick<Finding, 'kernel' | 'skep'> | LeftOut | undefined {
  const { vmlinux } = options;
  if (unaskedReason(g) !== undefined) return 'unasked';
  let first = askSkep(g, BPF_LOG_STATS, vmlinux, patience(LONG_INSNS));
  if (first.errno === ERRNO.EAGAIN || (first.unsound === 'unknown' && g.safe !== true)) {
    if (!new Rng(g.seed).chance(100 / LONG_SHARE)) return 'long';
    first = askSkep(g, BPF_LOG_STATS, vmlinux);
  }
  if (first.unsound === 'yes') return 'unasked';
  // The log costs the kernel ten times what verification does: it is asked for only where there is a message in it.
  const kernel = options.kernel.ask(g, BPF_LOG_STATS);
  if (kernel === undefined) return undefined;
  if (kernel.errno !== 0 && kernel.insns <= MESSAGE_INSNS)
    return { kernel: options.kernel.ask(g, 1) ?? kernel, skep: askSkep(g, 1, vmlinux) };
  return { kernel, skep: { ...first, message: '' } };
}

/** What differs; see {@link askBoth} for the answers without a comparison. */
export function compareOne(g: Generated, options: CompareOptions): Finding | 'equal' | LeftOut | undefined {
  const both = askBoth(g, options);
  if (both === undefined || typeof both === 'string') return both;
  let { kernel, skep } = both;
  let difference = differenceOf(kernel, skep, false);
  if (options.logLevel >= 2 && kernel.insns < WHOLE_LOG_INSNS && difference === undefined) {
    kernel = options.kernel.ask(g, 2) ?? kernel;
    // Statistics instead: the log was too long.
    if (kernel.log.startsWith('func#')) {
      skep = askSkep(g, 2, options.vmlinux);
      difference = differenceOf(kernel, skep, true);
    }
  }
  return difference === undefined ? 'equal' : { difference, program: g, kernel, skep };
}
