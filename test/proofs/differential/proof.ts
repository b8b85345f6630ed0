/** The comparison with the live kernel as a proof: every program asked on both sides, every feature met. */
import { readFileSync } from 'node:fs';
import { Btf } from '../../../src/btf/btf.ts';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { type Options, percent, type Proof } from '../soundness/command.ts';
import { openCaps } from './caps.ts';
import { type CompareOptions, compareOne, type Finding, firstDifference } from './compare.ts';
import { generateAny } from './callback-loop.ts';
import { FEATURES } from './generate.ts';
import { programSeed } from './rng.ts';
import { askSkep, KernelSide, normalLine } from './sides.ts';

/** The live kernel and its BTF. */
export async function openLive(options: Options, transport?: KernelTransport): Promise<CompareOptions> {
  let btf: Btf | undefined;
  const vmlinux = (): Btf => (btf ??= Btf.parse(new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux'))));
  const kernel = new KernelSide(transport ?? (await openKernelTransport()), await openCaps(), vmlinux);
  return { kernel, vmlinux, logLevel: Number(options['level'] ?? 1) };
}

/** Both answers, and both logs around the place where they part. */
export function describe(f: Finding, { kernel, vmlinux }: CompareOptions): string {
  const kernelLog = kernel.ask(f.program, 2)?.log ?? '';
  const skepLog = askSkep(f.program, 2, vmlinux).log;
  const at = firstDifference(kernelLog, skepLog);
  const around = (log: string): string =>
    log
      .split('\n')
      .slice(Math.max(0, at - 3), at + 2)
      .map(normalLine)
      .join('\n  ');
  return `${f.difference} seed ${f.program.seed} type ${f.program.progType} caps ${f.program.caps}
 kernel ${f.kernel.errno} insns ${f.kernel.insns} states ${f.kernel.states} ${f.kernel.message}
 skep   ${f.skep.errno} insns ${f.skep.insns} states ${f.skep.states} ${f.skep.message}
 kernel log from line ${at}:\n  ${around(kernelLog)}\n skep log:\n  ${around(skepLog)}`;
}

/** Features are looked for in runs of at least this many programs. */
const ENOUGH = 2000;

export const DIFF: Proof = {
  name: 'diff',
  n: 2000,
  options: { level: { type: 'string', default: '1' } },
  async prepare(seed, options) {
    const live = await openLive(options);
    return {
      run(index, report) {
        // Safe twins of callback loops are among them.
        const g = generateAny(programSeed(seed, index));
        const found = compareOne(g, live);
        if (found === undefined || found === 'long' || found === 'unasked') return report.count(found ?? 'skipped');
        report.count('compared');
        const { kernel } = typeof found === 'object' ? found : { kernel: live.kernel.last };
        for (const feature of g.features) report.count(`f:${feature}`);
        if (kernel.errno === 0) report.count('accepted');
        if (kernel.insns > 1000) report.count('large');
        if (g.caps === 'bpf') report.count('capBpf');
        if (typeof found === 'string') return;
        report.count(found.difference);
        report.fail(describe(found, live));
      },
    };
  },
  conclude(counts) {
    const features: Record<string, number> = {};
    for (const feature of FEATURES) {
      features[feature] = percent(counts, `f:${feature}`, 'compared');
      delete counts[`f:${feature}`];
    }
    const missed = FEATURES.filter((f) => features[f] === 0 || (/^T\d/.test(f) && features[f] < 1));
    return {
      extra: {
        acceptedPercent: percent(counts, 'accepted', 'compared'),
        largePercent: percent(counts, 'large', 'compared'),
        capBpfPercent: percent(counts, 'capBpf', 'compared'),
        features,
      },
      misses: (counts['n'] ?? 0) >= ENOUGH ? missed.map((f) => `feature ${f} in ${features[f]} % of the programs`) : [],
    };
  },
};
