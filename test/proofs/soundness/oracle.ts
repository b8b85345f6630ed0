/**
 * The state oracle: accepted programs run in the interpreter, and before every instruction all registers and stack slots of all
 * frames must lie inside one of the states that the verifier had there; in a verification that compares all scalars, and in one
 * that remembers every instruction, for those scalars that it marked as mattering.
 */
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import { generateAny } from '../differential/callback-loop.ts';
import { programSeed, Rng } from '../differential/rng.ts';
import { CAPS, KernelSide } from '../differential/sides.ts';
import { type Counts, type Options, percent, type Proof, type Report } from './command.ts';
import type { Mode } from './beliefs.ts';
import { objectFiles, readObject } from './objects.ts';
import { WatchedKernel } from './watched.ts';

const MODES: readonly Mode[] = ['exact', 'precise'];
/** What is no packet: words that are small, since some are pointers, and whatever lies in the first page is 0. */
function context(rng: Rng): Uint8Array {
  const words = Uint32Array.from({ length: 128 }, (_, i) => (i % 2 === 1 || rng.chance(40) ? 0 : rng.u32() & 0x7fff));
  return new Uint8Array(words.buffer);
}

/** A packet: random bytes, with the shape of IPv4 and TCP half of the time. */
function input(rng: Rng): Uint8Array {
  const size = rng.pick([14, 34, 60, 64, 128, 200, 256]);
  const bytes = Uint8Array.from({ length: Math.max(size, 14) }, () => (rng.chance(40) ? 0 : rng.u32() & 255));
  if (rng.chance(60) && size >= 60) bytes.set([8, 0, 0x45, 0, 0, size - 14, 0, 0, 0, 0, 64, rng.pick([6, 17, 1])], 12);
  return bytes;
}

/** What no accepted program comes to. */
const OUTSIDE = 'outside the guest memory';

/** Why runs end early, without numbers. */
const reason = (why: string): string =>
  why
    .replace(/^insn -?\d+: /, '')
    .replace(/ is not implemented.*/, '')
    .replace(/ \((BTF id|helper) \d+\)/, '');

/** Runs a loaded program on several inputs. */
function runs(k: WatchedKernel, fd: number, rng: Rng, n: number, report: Report, what: string): void {
  report.count('programs');
  for (let i = 0; i < n; i++) {
    const { steps, accesses } = k;
    const why = k.run(fd, k.takesPackets(fd) ? input(rng) : context(rng));
    report.count('runs');
    report.count('steps', k.steps - steps);
    report.count('accesses', k.accesses - accesses);
    if (why !== '') report.count(`ended: ${reason(why)}`);
    if (why.includes(OUTSIDE)) report.fail(`${what}: ${why}`);
    for (const fault of k.faults) report.fail(`${what}: ${fault}`);
    if (k.faults.length > 0) break;
  }
  k.faults.length = 0;
}

export const ORACLE: Proof = {
  name: 'oracle',
  n: 5000,
  options: {
    objects: { type: 'string' },
    'no-objects': { type: 'boolean', default: false },
    inputs: { type: 'string', default: '4' },
    'most-insns': { type: 'string' },
  },
  async prepare(seed, options: Options) {
    const vmlinux = await loadPackagedBtf();
    const rng = new Rng(seed);
    const k = new WatchedKernel(vmlinux, () => rng.pick([rng.u32(), rng.below(64), 0, 0xffffffff, 0x80000000]));
    const side = new KernelSide(
      k.runtime,
      (_, run) => run(),
      () => vmlinux,
    );
    if (options['most-insns'] !== undefined) k.mostInsns = Number(options['most-insns']);
    const inputs = Number(options['inputs'] ?? 4);
    const files = options['no-objects'] === true ? [] : objectFiles(options['objects']);
    return {
      run(index, report) {
        // Objects first, then generated programs.
        if (index < files.length) return runObject(k, vmlinux, files[index], inputs, report);
        const g = generateAny(programSeed(seed, index), { iterators: true });
        const own = new Rng(g.seed ^ 0x5bd1e995);
        k.caps = CAPS[g.caps];
        for (const mode of MODES) {
          k.mode = mode;
          const fd = side.load(g, 0);
          if (k.tooLarge) report.count(`tooLarge.${mode}`);
          if (k.refused) break;
          if (fd < 0) continue;
          report.count(mode);
          report.count('states', k.recorder.beliefs.told);
          report.count('distinctStates', k.recorder.beliefs.distinct);
          if (k.recorder.beliefs.told > 1000) report.count('large');
          if (g.caps === 'bpf') report.count('capBpf');
          runs(k, fd, own, inputs, report, `seed ${g.seed}`);
          k.runtime.close(fd);
        }
      },
    };
  },
  conclude: (counts: Counts) => ({
    extra: {
      acceptedPercent: percent(counts, 'precise'),
      largePercent: percent(counts, 'large', 'programs'),
      capBpfPercent: percent(counts, 'capBpf', 'programs'),
    },
    misses: (counts['runs'] ?? 0) > 0 ? [] : ['nothing was run'],
  }),
};

function runObject(
  k: WatchedKernel,
  kernelBtf: Awaited<ReturnType<typeof loadPackagedBtf>>,
  file: string,
  inputs: number,
  report: Report,
): void {
  const spec = readObject(file);
  if (spec === undefined) return report.count('notAnObject');
  k.caps = CAPS.all;
  for (const { name } of spec.programs.values()) {
    for (const mode of MODES) {
      k.mode = mode;
      try {
        using loaded = loadCollection(spec, k.runtime, { kernelBtf, programs: [name], onError: 'collect' });
        if (k.tooLarge) report.count(`tooLarge.${mode}`);
        if (loaded.errors.has(name)) {
          if (!k.refused) continue;
          report.count('objectRejected');
          break;
        }
        report.count('states', k.recorder.beliefs.told);
        report.count('distinctStates', k.recorder.beliefs.distinct);
        report.count('objectPrograms');
        runs(k, loaded.program(name).fd, new Rng(1), inputs, report, `${file} ${name}`);
      } catch (e) {
        report.count(`object not loaded: ${e instanceof Error ? e.message.slice(0, 60) : ''}`);
        break;
      }
    }
  }
}
