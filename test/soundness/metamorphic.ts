/**
 * Metamorphic testing: changes that keep a program's meaning keep its verdict. Where bpf(2) is there, a change of verdict that
 * the live kernel makes as well is explained; so is one whose class is known.
 */
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import { BPF_LOG_STATS } from '../../src/kernel/verifier/log.ts';
import { ERRNO } from '../../src/uapi/errno.ts';
import { compareOne, type CompareOptions } from '../differential/compare.ts';
import { type Generated, generate } from '../differential/generate.ts';
import { openLive } from '../differential/proof.ts';
import { programSeed, Rng } from '../differential/rng.ts';
import { type Answer, askSkep } from '../differential/sides.ts';
import { type Counts, percent, type Proof, type Report } from './command.ts';
import { patience } from './patience.ts';
import { TRANSFORMS, transformed } from './transform.ts';

const NAMES = Object.keys(TRANSFORMS);

/** Programs of more processed instructions are left alone. */
const MOST_INSNS = 10_000;
/** What goes beyond, before or after a change, is given up. */
const GIVE_UP = 60_000;
/** Why a change of verdict is none of the verifier's: by what was changed and what is said. */
const EXPLAINED: readonly (readonly [name: RegExp, message: RegExp, why: string])[] = [
  [/./, /too large|too complex|The sequence of/, 'size'],
  [/spillFill/, /pointer|leak|corrupt|unpriv|stack/, 'spilled pointers have rules of their own'],
  [/swapOperands|immediates/, /unsupported alu|mixed signed bounds|pointer arithmetic/, 'masks know the operand order'],
];

function why(name: string, message: string): string | undefined {
  return EXPLAINED.find(([n, m]) => n.test(name) && m.test(message))?.[2];
}

function judge(
  g: Generated,
  plain: Answer,
  name: string,
  rng: Rng,
  live: CompareOptions | undefined,
  ask: (g: Generated, logLevel?: number) => Answer,
  report: Report,
): void {
  const changed = transformed(g, name, rng);
  if (changed === undefined) return;
  const other = ask(changed);
  report.count(`changed.${name}`);
  report.count('changed');
  if ((plain.errno === 0) === (other.errno === 0)) return;
  const flip = plain.errno === 0 ? 'acceptToReject' : 'rejectToAccept';
  report.count(flip);
  const { message } = ask(plain.errno === 0 ? changed : g, 1);
  const known = [plain.errno, other.errno].some((e) => e === ERRNO.E2BIG || e === ERRNO.EAGAIN)
    ? 'size'
    : why(name, message);
  if (live !== undefined) {
    // The live kernel has the last word: it must give both programs the same verdicts.
    const same = [g, changed].every((p) => typeof compareOne(p, live) !== 'object');
    report.count(same ? `${flip}.asLinux` : `${flip}.unlikeLinux`);
    if (same) return;
  } else if (known !== undefined) {
    report.count(`${flip}.${known}`);
    return;
  } else if (flip === 'acceptToReject') {
    // A stricter verdict is no hole; how many there are is judged at the end.
    report.count(`${flip}.unexplained`);
    return;
  }
  report.fail(`seed ${g.seed} ${name}: ${flip}: ${plain.errno} / ${other.errno} ${message}`);
}

export const METAMORPHIC: Proof = {
  name: 'metamorphic',
  n: 3000,
  options: { 'no-live': { type: 'boolean', default: false } },
  async prepare(seed, options) {
    const vmlinux = await loadPackagedBtf();
    const live =
      options['no-live'] === true ? undefined : await openLive({}).catch((): CompareOptions | undefined => undefined);
    const ask = (g: Generated, logLevel = BPF_LOG_STATS): Answer =>
      askSkep(g, logLevel, live?.vmlinux ?? (() => vmlinux), patience(GIVE_UP));
    return {
      run(index, report) {
        const g = generate(programSeed(seed, index));
        const plain = ask(g);
        if (plain.errno === 0) report.count('accepted');
        if (plain.insns > 1000) report.count('large');
        if (g.caps === 'bpf') report.count('capBpf');
        if (plain.insns > MOST_INSNS || plain.errno === ERRNO.EAGAIN) return report.count('tooLarge');
        const rng = new Rng(g.seed ^ 0x2545f491);
        for (const name of NAMES) judge(g, plain, name, rng, live, ask, report);
      },
    };
  },
  conclude(counts: Counts) {
    const lost = percent(counts, 'acceptToReject', 'changed');
    return {
      extra: {
        acceptedPercent: percent(counts, 'accepted'),
        largePercent: percent(counts, 'large'),
        capBpfPercent: percent(counts, 'capBpf'),
        acceptToRejectPercent: lost,
      },
      misses: lost > 1 ? [`${lost} % of the changes make an accepted program refused`] : [],
    };
  },
};
