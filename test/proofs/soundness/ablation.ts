/**
 * Pruning ablation: what is accepted with pruning is accepted without it, and no choice of checkpoints changes a verdict.
 * Programs that get too large without pruning decide nothing; they are counted.
 */
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { ALL_CAPS, type Caps } from '../../../src/kernel/rules/prog-type.ts';
import type { VerifierTesting, WalkView } from '../../../src/kernel/verifier/observe.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { generateAny } from '../differential/callback-loop.ts';
import { programSeed, Rng } from '../differential/rng.ts';
import { CAPS, inputOf } from '../differential/sides.ts';
import { HOSTILE, LESSONS, type Program, readPairs } from '../../kernel/verifier/programs.ts';
import { OurKernels } from '../../kernel/verifier/judge.ts';
import { percent, type Proof, type Report } from './command.ts';
import { patience } from './patience.ts';
import { loadEach, objectFiles, verifyingKernel } from './objects.ts';

/** Programs of more processed instructions are left out; what goes beyond the second without pruning is given up. */
const MOST_INSNS = 5000;
const GIVE_UP = 300_000;

const NO_CAPS: Caps = { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false };

const tooLarge = (o: VerifierOutcome): boolean =>
  !o.ok && (o.errno === ERRNO.E2BIG || o.errno === ERRNO.EAGAIN || o.message.includes('jumps is too complex'));

/** Refusals by more states or more paths that say nothing of the program: 6.18 has them as well, and they are no hole. */
function excused(id: string, speculative: boolean): string | undefined {
  // A path that only a mispredicting processor takes may go round for ever, as any loop does whose end it ignores.
  if (id === 'EXPLORE.INFINITE_LOOP' && speculative) return 'mispredictedLoop';
  // The kernel's own fault: the way back through a function that a packet load left, or through one that the walk did not take.
  return id === 'EXPLORE.LOST_TRACE' ? 'lostTrace' : undefined;
}

const refusal = (o: VerifierOutcome): string => (o.ok ? '' : o.id);

function variants(rng: Rng): [name: string, testing: VerifierTesting][] {
  return [
    ['noPruning', { noPruning: true }],
    ['everyInsn', { everyInsn: true }],
    ['random10', { randomCheckpoints: () => rng.chance(10) }],
    ['random50', { randomCheckpoints: () => rng.chance(50) }],
  ];
}

/** Verifies a program in every way; the ordinary outcome. */
export function ablate(
  input: VerifierInput,
  rng: Rng,
  report: Report,
  what: string,
  verifier: (input: VerifierInput) => VerifierOutcome = verify,
): VerifierOutcome {
  const plain = verifier({ ...input, holes: 'closed', logLevel: 0, signal: input.signal ?? patience(GIVE_UP) });
  if (plain.stats.insnsProcessed > MOST_INSNS) {
    report.count('large');
    return plain;
  }
  report.count('programs');
  if (plain.ok) report.count('accepted');
  if (plain.stats.insnsProcessed > 1000) report.count('over1000');
  for (const [name, testing] of variants(rng)) {
    // Without pruning more may be refused only, so there is nothing to learn from what is refused already.
    if (name === 'noPruning' && !plain.ok) continue;
    let speculative = false;
    const onState = ({ state }: WalkView): void => void (speculative = state.speculative);
    const other = verifier({
      ...{ ...input, holes: 'closed', logLevel: 0, testing: { ...testing, onState } },
      signal: patience(GIVE_UP),
    });
    if (other.ok === plain.ok) continue;
    const excuse = other.ok ? excused(refusal(plain), false) : excused(other.id, speculative);
    if (excuse !== undefined) {
      report.count(`${excuse}.${name}`);
      continue;
    }
    if (tooLarge(other) || tooLarge(plain)) {
      report.count(`tooLarge.${name}`);
      continue;
    }
    const say = (o: VerifierOutcome): string => (o.ok ? 'accept' : `reject ${o.errno} ${o.id} at ${o.insnIdx}`);
    report.fail(`${what}: ${say(plain)}, but with ${name} ${say(other)}`);
  }
  return plain;
}

export const ABLATION: Proof = {
  name: 'ablation',
  n: 5000,
  options: { objects: { type: 'string' }, 'no-objects': { type: 'boolean', default: false } },
  async prepare(seed, options) {
    const vmlinux = await loadPackagedBtf();
    const files = options['no-objects'] === true ? [] : objectFiles(options['objects']);
    const lessons: Program[] = [...HOSTILE, ...LESSONS].flatMap((f) =>
      readPairs(f).flatMap((p) => [p.hostile, ...(p.safe === undefined ? [] : [p.safe])]),
    );
    const rng = new Rng(seed);
    let report: Report | undefined;
    let what = '';
    const watched = (input: VerifierInput): VerifierOutcome => ablate(input, rng, report as Report, what);
    const lessonKernels = new OurKernels(vmlinux, watched);
    // Each object once for everybody, and once for those whose mistakes are sought on speculative paths as well.
    const kernels = [ALL_CAPS, CAPS.bpf, NO_CAPS].map((caps) => verifyingKernel(vmlinux, watched, caps));
    return {
      run(index, r) {
        report = r;
        if (index < files.length) {
          what = files[index];
          for (const kernel of kernels) loadEach(what, kernel, vmlinux);
          return;
        }
        const lesson = lessons[index - files.length];
        if (lesson !== undefined) {
          what = `${lesson.file} ${lesson.name}`;
          lessonKernels.verdict(lesson);
          return;
        }
        const g = generateAny(programSeed(seed, index), { iterators: true });
        if (g.caps === 'bpf') r.count('capBpf');
        ablate(
          inputOf(g, 0, () => vmlinux),
          rng,
          r,
          `seed ${g.seed}`,
        );
      },
    };
  },
  conclude(counts) {
    const inconclusive = percent(counts, 'tooLarge.noPruning', 'accepted');
    return {
      extra: {
        acceptedPercent: percent(counts, 'accepted', 'programs'),
        over1000Percent: percent(counts, 'over1000', 'programs'),
        capBpfPercent: percent(counts, 'capBpf'),
        inconclusivePercent: inconclusive,
      },
      misses: inconclusive > 5 ? [`${inconclusive} % of the accepted programs are too large without pruning`] : [],
    };
  },
};
