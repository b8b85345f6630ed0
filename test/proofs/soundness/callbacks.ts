/**
 * Callback loops: of all hostile variants the fixed rules accept none, and their safe twins are accepted wherever the rules of 6.18
 * accept them. Hostile programs stay here: no kernel is asked.
 */
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { Btf } from '../../../src/btf/btf.ts';
import { parseRecord } from '../../../src/btf/record.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { ALL_CAPS } from '../../../src/kernel/rules/prog-type.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { programSeed, Rng } from '../differential/rng.ts';
import { parseC } from '../../kernel/verifier/c-types.ts';
import { ablate } from './ablation.ts';
import { callbackVariant, GUARDS, type Variant } from './callback-variants.ts';
import { percent, type Proof, type Report } from './command.ts';
import { patience } from './patience.ts';
import { compileRules } from '../../../src/kernel/rules/compile.ts';

const RULES = compileRules('6.18');

/** What is walked further decides nothing. */
const MOST_INSNS = 20_000;
/** One of so many is verified by the rules of 6.18 as well, with its safe twin. */
const COMPARED = 10;
/** One twin of so many is verified without pruning and with other checkpoints, too. */
const ABLATED = 20;

const desc = (id: number, type: number, keySize: number, valueSize: number, maxEntries: number): MapDesc => ({
  ...{ id, name: '', type, keySize, valueSize, maxEntries, flags: 0, mapExtra: 0, btfKeyTypeId: 0, btfValueTypeId: 0 },
  ...{ frozen: false, addr: 0x10000 + id * 256, valuesAddr: type === 2 ? 0x20000 : 0, elemSize: valueSize },
});
/** The maps of the variants by name: as test/verifier/programs would say it, and as the verifier sees them. */
export const VARIANT_MAPS = {
  m: ['array key=4 value=48 entries=1', desc(0, 2, 4, 48, 1)],
  h: ['hash key=4 value=8 entries=8', desc(1, 1, 4, 8, 8)],
  u: ['user_ringbuf key=0 value=0 entries=4096', desc(2, 31, 0, 0, 4096)],
  t: ['array key=4 value=tree entries=1', desc(3, 2, 4, 24, 1)],
} as const;
const TYPES = { xdp: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP, kprobe: BPF_PROG_TYPE.BPF_PROG_TYPE_KPROBE };

/** What the C of a variant declares, and the maps with it. */
interface Types {
  readonly btf: Btf;
  readonly funcs: ReadonlyMap<string, number>;
  readonly maps: readonly MapDesc[];
  /** Type id of what the tree holds. */
  readonly leaf: number;
}

function typesOf(c: string): Types {
  const { btf: builder, funcs, types } = parseC(c);
  const key = builder.int('int', 4, 1);
  const btf = Btf.parse(builder.encode());
  const value = types.get('tree');
  const record = value === undefined ? undefined : parseRecord(btf, value);
  const maps = Object.values(VARIANT_MAPS).map(([spec, plain]): MapDesc => {
    if (value === undefined || record === undefined || !spec.includes('value=tree')) return plain;
    return { ...plain, btf, record, btfKeyTypeId: key, btfValueTypeId: value };
  });
  return { btf, funcs, maps, leaf: types.get('leaf') ?? 0 };
}

/** Makes the verifier's input of a variant. */
export class VariantInputs {
  /** BTF by C text. */
  readonly #types = new Map<string, Types>();

  constructor(readonly vmlinux: Btf) {}

  of(v: Variant): VerifierInput {
    const kfunc = (_: string, f: string): string => `call bpf_kfunc#${this.vmlinux.find(f, BTF_KIND.FUNC)}`;
    const names = Object.keys(VARIANT_MAPS);
    let types = this.#types.get(v.c);
    if (types === undefined) this.#types.set(v.c, (types = typesOf(v.c)));
    const { maps, leaf } = types;
    const text = v.body.replace(/call @(\w+)/g, kfunc).replaceAll('local(leaf)', `${leaf} ll`);
    const { insns, labels } = assembleProgram(text, { map: (m) => names.indexOf(m) });
    const funcInfo = [...types.funcs]
      .map(([name, typeId]) => ({ insnOff: labels.get(name) ?? 0, typeId }))
      .sort((a, b) => a.insnOff - b.insnOff);
    return {
      ...{ insns, progType: TYPES[v.prog], expectedAttachType: 0, progFlags: v.flags, name: 'variant', license: 'GPL' },
      ...{ caps: ALL_CAPS, rules: RULES, logLevel: 0, attachBtfId: 0, vmlinux: () => this.vmlinux },
      ...{ mapByFd: (fd: number) => maps[fd] ?? -ERRNO.EBADF, btf: types.btf, funcInfo },
    };
  }
}

const tooLarge = (o: VerifierOutcome): boolean =>
  !o.ok && (o.errno === ERRNO.EAGAIN || o.errno === ERRNO.E2BIG || o.id === 'EXPLORE.TOO_MANY_JUMPS');

const ask = (input: VerifierInput, holes: 'open' | 'closed'): VerifierOutcome =>
  verify({ ...input, holes, signal: patience(MOST_INSNS) });

/** Refused before a single instruction was walked: such a program shows nothing. */
const malformed = (o: VerifierOutcome): boolean => !o.ok && o.stats.insnsProcessed === 0;

function judgeHostile(inputs: VariantInputs, seed: number, index: number, report: Report): void {
  const hostile = inputs.of(callbackVariant(new Rng(seed)));
  const closed = ask(hostile, 'closed');
  report.count('hostile');
  report.count(tooLarge(closed) ? 'hostile.tooLarge' : `hostile.${closed.ok ? 'accepted' : 'refused'}`);
  if (closed.ok) report.fail(`seed ${seed}: a hostile program is accepted`);
  if (malformed(closed)) report.fail(`seed ${seed}: the program is malformed: ${closed.ok ? '' : closed.message}`);
  if (index % COMPARED !== 0) return;
  report.count('compared');
  if (ask(hostile, 'open').ok) report.count('accepted in 6.18');
}

function judgeTwin(inputs: VariantInputs, seed: number, index: number, report: Report): void {
  const guard = GUARDS[index % GUARDS.length];
  const twin = inputs.of(callbackVariant(new Rng(seed), guard));
  const [before, now] = [ask(twin, 'open'), ask(twin, 'closed')];
  report.count('twins');
  if (tooLarge(before) || tooLarge(now)) {
    report.count(`twins.tooLarge${tooLarge(before) ? '' : '.closed only'}`);
    return;
  }
  report.count(now.ok ? 'twins.accepted' : before.ok ? 'twins.refused' : 'twins.refused in 6.18 too');
  report.count('insns.open', before.stats.insnsProcessed);
  report.count('insns.closed', now.stats.insnsProcessed);
  if (before.ok && !now.ok) report.fail(`seed ${seed} ${guard}: the safe twin is refused: ${now.message}`);
  if (index % ABLATED === 0 && now.ok) ablate(twin, new Rng(seed), report, `seed ${seed} ${guard}`);
}

export const CALLBACKS: Proof = {
  name: 'callbacks',
  n: 100_000,
  async prepare(seed) {
    const inputs = new VariantInputs(await loadPackagedBtf());
    return {
      run(index, report) {
        judgeHostile(inputs, programSeed(seed, index), index, report);
        if (index % COMPARED === 0) judgeTwin(inputs, programSeed(seed, index), index / COMPARED, report);
      },
    };
  },
  conclude: (counts) => ({
    extra: {
      unsoundIn618Percent: percent(counts, 'accepted in 6.18', 'compared'),
      twinsAcceptedPercent: percent(counts, 'twins.accepted', 'twins'),
    },
    // Without programs that 6.18 accepts nothing would be shown.
    misses: (counts['accepted in 6.18'] ?? 0) > 0 ? [] : ['6.18 accepts none of the hostile programs'],
  }),
};
