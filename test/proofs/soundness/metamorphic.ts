/**
 * Metamorphic testing: changes that keep a program's meaning keep its verdict. Where bpf(2) is there, a change of verdict that
 * the live kernel makes as well is explained; so is one whose class is known.
 */
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { BPF_LOG_STATS } from '../../../src/kernel/verifier/log.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import { decodeInsns } from '../../../src/isa/decode.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import type { Insns } from '../../../src/isa/insn.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { compareOne, type CompareOptions } from '../differential/compare.ts';
import { type Generated, generate } from '../differential/generate.ts';
import { openLive } from '../differential/proof.ts';
import { programSeed, Rng } from '../differential/rng.ts';
import { type Answer, askSkep } from '../differential/sides.ts';
import { type Counts, percent, type Proof, type Report } from './command.ts';
import { loadEach, objectFiles, verifyingKernel } from './objects.ts';
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
  [/./, /^(infinite loop|old state)/, 'a loop is endless once a state is met again to the letter'],
  [/spillFill/, /pointer|leak|corrupt|unpriv|stack/, 'spilled pointers have rules of their own'],
  [/spillFill/, /max value is outside/, 'a spill ends the link with a register that a constant was added to'],
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
    report.count(same ? `${flip}.likeLinux` : `${flip}.unlikeLinux`);
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

/** The same for a program of an object: no kernel is asked, so what is refused after a change must have a known reason. */
function judgeInput(input: VerifierInput, what: string, seed: number, report: Report): VerifierOutcome {
  const run = (insns: Insns, funcInfo: VerifierInput['funcInfo'], logLevel: number): VerifierOutcome =>
    verify({ ...input, holes: 'closed', insns, funcInfo, lineInfo: undefined, logLevel, signal: patience(GIVE_UP) });
  const plain = verify({ ...input, holes: 'closed', logLevel: 0, signal: patience(GIVE_UP) });
  report.count('objectPrograms');
  if (plain.ok) report.count('objectsAccepted');
  if (plain.stats.insnsProcessed > MOST_INSNS) {
    report.count('tooLarge');
    return plain;
  }
  const code = {
    insns: encodeInsns(input.insns),
    funcInfo: input.funcInfo?.map((f) => [f.insnOff, f.typeId] as const),
  };
  const rng = new Rng(seed ^ input.insns.length);
  for (const name of NAMES) {
    const changed = transformed(code, name, rng);
    if (changed === undefined) continue;
    const insns = decodeInsns(changed.insns);
    const funcInfo = changed.funcInfo?.map(([insnOff, typeId]) => ({ insnOff, typeId }));
    const other = run(insns, funcInfo, 0);
    report.count(`changed.${name}`);
    report.count('changed');
    if (other.ok === plain.ok) continue;
    const flip = plain.ok ? 'acceptToReject' : 'rejectToAccept';
    const refused = other.ok ? plain : other;
    const message = refused.ok ? '' : refused.message;
    // What is accepted after a change only is looked at in every case.
    const known = !refused.ok && refused.errno === ERRNO.EAGAIN ? 'size' : plain.ok ? why(name, message) : undefined;
    report.count(flip);
    report.count(`${flip}.${known ?? 'unexplained'}`);
    if (known === undefined) report.fail(`${what} ${input.name} ${name}: ${flip}: ${message}`);
  }
  return plain;
}

export const METAMORPHIC: Proof = {
  name: 'metamorphic',
  n: 3000,
  options: {
    objects: { type: 'string' },
    'no-objects': { type: 'boolean', default: false },
    'no-live': { type: 'boolean', default: false },
  },
  async prepare(seed, options) {
    const vmlinux = await loadPackagedBtf();
    const live =
      options['no-live'] === true ? undefined : await openLive({}).catch((): CompareOptions | undefined => undefined);
    const ask = (g: Generated, logLevel = BPF_LOG_STATS): Answer =>
      askSkep(g, logLevel, live?.vmlinux ?? (() => vmlinux), patience(GIVE_UP));
    const files = options['no-objects'] === true ? [] : objectFiles(options['objects']);
    let report: Report | undefined;
    let what = '';
    const kernel = verifyingKernel(vmlinux, (input) => judgeInput(input, what, seed, report as Report));
    return {
      run(index, r) {
        report = r;
        if (index < files.length) {
          what = files[index];
          loadEach(what, kernel, vmlinux);
          return;
        }
        const g = generate(programSeed(seed, index));
        const plain = ask(g);
        if (plain.errno === 0) r.count('accepted');
        if (plain.insns > 1000) r.count('large');
        if (g.caps === 'bpf') r.count('capBpf');
        if (plain.insns > MOST_INSNS || plain.errno === ERRNO.EAGAIN) return r.count('tooLarge');
        const rng = new Rng(g.seed ^ 0x2545f491);
        for (const name of NAMES) judge(g, plain, name, rng, live, ask, r);
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
