/** Callback loops among the generated programs: twins of hostile ones, which any kernel may be given, and for those who ask the hostile ones. */
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { Insns } from '../../../src/isa/insn.ts';
import { BPF_DW, BPF_IMM, BPF_LD, BPF_PSEUDO_MAP_IDX, BPF_PSEUDO_MAP_IDX_VALUE } from '../../../src/isa/opcodes.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { callbackVariant, GUARDS } from '../soundness/callback-variants.ts';
import { FUNC, type Generated, generate } from './generate.ts';
import { KFUNCS } from './resources.ts';
import { Rng } from './rng.ts';

/** Where the variants' maps are among {@link MAPS}. */
const AT: Readonly<Record<string, number>> = { m: 0, h: 1 };
/** One program of so many is a callback loop. */
const SHARE = 10;

export interface CallbackLoopOptions {
  /** Not the safe twin but the program itself: for no kernel outside of a sandbox. */
  readonly hostile?: boolean;
  /** Iterators inside of callbacks: verifying them, 6.18 reads memory that it freed. */
  readonly iterators?: boolean;
}

/** The callback loop of a seed as a generated program. */
export function callbackLoop(seed: number, options: CallbackLoopOptions = {}): Generated {
  const guard = options.hostile === true ? undefined : GUARDS[(seed >>> 1) % GUARDS.length];
  const variant = callbackVariant(new Rng(seed), guard, { common: true, iterators: options.iterators === true });
  const kfunc = (_: string, name: string): string => `call bpf_kfunc#${KFUNCS.findIndex((k) => k === name)}`;
  const program = assembleProgram(variant.body.replace(/call @(\w+)/g, kfunc), { map: (name) => AT[name] });
  const rows = Array.from({ length: program.insns.length }, (_, i) => ({ ...program.insns.get(i) }));
  for (const row of rows) {
    if (row.code !== (BPF_LD | BPF_DW | BPF_IMM)) continue;
    if (row.src === 1) row.src = BPF_PSEUDO_MAP_IDX;
    else if (row.src === 2) row.src = BPF_PSEUDO_MAP_IDX_VALUE;
  }
  const functions = [...program.labels].filter(([name]) => /^(sub|cb\d)$/.test(name));
  const static_ = functions.map(([, at]): readonly [number, number] => [at, FUNC.static]);
  return {
    ...{ seed, progType: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP, caps: 'all', progFlags: variant.flags },
    insns: encodeInsns(Insns.from(rows)),
    funcInfo: [[0, FUNC.main] as const, ...static_.toSorted((a, b) => a[0] - b[0])],
    features: ['callback'],
    safe: options.hostile !== true,
  };
}

/** A generated program; one in {@link SHARE} is a callback loop. */
export const generateAny = (seed: number, options: CallbackLoopOptions = {}): Generated =>
  (seed >>> 0) % SHARE === 0 ? callbackLoop(seed, options) : generate(seed);
