/** Structured programs for the comparison with a live kernel: seeded, mostly well-formed, on the edge of what is allowed. */
import type { Btf } from '../../../src/btf/btf.ts';
import { BtfBuilder } from '../../../src/btf/encode.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { Insns } from '../../../src/isa/insn.ts';
import * as op from '../../../src/isa/opcodes.ts';
import { callback, callFunction, callMany, helper } from './calls.ts';
import { bitLadder, branch, earlyExit, ladder, longLoop, loop, pointerCompare } from './flow.ts';
import { Code, Frame, type Label, NUM, type Place } from './frame.ts';
import { fill, fixedValue, lookup, packet, spill, variableStack, variableValue } from './memory.ts';
import { mutate } from './mutate.ts';
import {
  dynptr,
  iterator,
  KFUNCS,
  ldAbs,
  nullness,
  partialSpill,
  pruneTrap,
  ringbuf,
  socket,
  spinLock,
  tailCall,
} from './resources.ts';
import { Rng } from './rng.ts';
import { arithmetic, constant, linked, narrow, number, source } from './scalars.ts';

/** The maps that programs name by index. The first four are plain: keys of four bytes, five entries. */
export const MAPS = [
  { type: 2, keySize: 4, valueSize: 48, maxEntries: 5 },
  { type: 1, keySize: 4, valueSize: 48, maxEntries: 5 },
  { type: 2, keySize: 4, valueSize: 256, maxEntries: 5 },
  { type: 1, keySize: 4, valueSize: 4096, maxEntries: 5 },
  { type: 27, keySize: 0, valueSize: 0, maxEntries: 4096 },
  { type: 3, keySize: 4, valueSize: 4, maxEntries: 5 },
  // Its values begin with a struct bpf_spin_lock.
  { type: 2, keySize: 4, valueSize: 48, maxEntries: 5 },
] as const;
/** Maps of a special kind by their place in {@link MAPS}. */
export const MAP = { plain: 4, ringbuf: 4, programs: 5, locked: 6 } as const;

/** What a program can be asked to have: `npm run diff` fails when one of them is never met. */
export const FEATURES = [
  'loop',
  'mayGoto',
  'iterator',
  'spill',
  'linked',
  'map',
  'packet',
  'call',
  'global',
  'callback',
  'socket',
  'ringbuf',
  'dynptr',
  'spinLock',
  'tailCall',
  'ldAbs',
  'T1',
  'T2',
  'T3',
  'T4',
  'T5',
  'T6',
  'T7',
  'T8',
  'T9',
  'T10',
] as const;
export type Feature = (typeof FEATURES)[number];

export interface PendingFunction {
  readonly label: Label;
  readonly role: 'static' | 'global' | 'loop' | 'each';
  readonly args: Place[];
  /** FUNC type id. */
  readonly func: number;
  readonly depth: number;
}

/** Everything about one program while it is written. */
export interface Program {
  readonly code: Code;
  readonly btf: boolean;
  readonly perfmon: boolean;
  readonly tracing: boolean;
  readonly skb: boolean;
  readonly xdp: boolean;
  readonly packetWrite: boolean;
  /** Offsets of the packet pointers in the context. */
  readonly packet: { readonly data: number; readonly end: number } | undefined;
  /** Size and offset of numbers in the context. */
  readonly ctxWords: readonly (readonly [number, number])[];
  readonly pending: PendingFunction[];
  readonly functions: PendingFunction[];
  loops: number;
  /** Fragments that may still be written. */
  budget: number;
  readonly progType: number;
  /** Longer loops, more branches, wider call trees. */
  readonly large: boolean;
  /** Notes that the program has this. */
  hit(feature: Feature): void;
}

export interface Generated {
  readonly seed: number;
  readonly progType: number;
  /** What the loading process may do: everything, CAP_BPF, or CAP_BPF and CAP_NET_ADMIN. */
  readonly caps: 'all' | 'bpf' | 'net';
  readonly progFlags: number;
  readonly insns: Uint8Array;
  /** Pairs instruction, FUNC type id; undefined without BTF. */
  readonly funcInfo: readonly (readonly [number, number])[] | undefined;
  readonly features: readonly Feature[];
  /** Made from a hostile program, with what makes it safe. */
  readonly safe?: boolean;
}

const SKB_WORDS = [
  [op.BPF_W, 0],
  [op.BPF_W, 4],
  [op.BPF_W, 8],
  [op.BPF_W, 16],
  [op.BPF_B, 0],
  [op.BPF_H, 8],
] as const;
const KINDS = [
  { type: 1, packet: undefined, write: false, words: SKB_WORDS, skb: true },
  { type: 3, packet: { data: 76, end: 80 }, write: true, words: SKB_WORDS, skb: true },
  {
    type: 6,
    packet: { data: 0, end: 4 },
    write: true,
    words: [
      [op.BPF_W, 12],
      [op.BPF_W, 16],
    ],
    skb: false,
  },
  {
    type: 2,
    packet: undefined,
    write: false,
    words: [
      [op.BPF_DW, 0],
      [op.BPF_DW, 112],
      [op.BPF_W, 96],
    ],
    skb: false,
  },
  {
    type: 5,
    packet: undefined,
    write: false,
    words: [
      [op.BPF_DW, 8],
      [op.BPF_W, 16],
      [op.BPF_DW, 24],
    ],
    skb: false,
  },
  { type: 8, packet: { data: 76, end: 80 }, write: false, words: SKB_WORDS, skb: true },
] as const;

/** FUNC type ids in {@link generatorBtf}. */
export const FUNC = { main: 0, static: 0, global: 0, loop: 0, each: 0 };
/** Type ids of the map with locks. */
export const LOCKED = { key: 0, value: 0 };
/** BTF of all generated programs. */
export function generatorBtf(): Uint8Array {
  const b = new BtfBuilder();
  const int = b.int('int', 4, 1);
  const long = b.int('long', 8, 1);
  const ptr = b.ptr(long);
  const func = (name: string, linkage: number, ...params: number[]): number =>
    b.func(
      name,
      b.funcProto(
        int,
        params.map((type, i) => ({ name: `a${i}`, type })),
      ),
      linkage,
    );
  FUNC.main = func('main', 1, ptr);
  FUNC.static = func('sub', 0, long, long);
  FUNC.global = func('global', 1, long, ptr);
  FUNC.loop = func('loop', 0, long, ptr);
  FUNC.each = func('each', 0, ptr, ptr, ptr, ptr);
  const lock = b.struct('bpf_spin_lock', 4, [
    { name: 'val', type: b.int('unsigned int', 4), bitOffset: 0, bitfieldSize: 0 },
  ]);
  const words = b.array(long, int, 5);
  LOCKED.key = int;
  LOCKED.value = b.struct('locked', 48, [
    { name: 'lock', type: lock, bitOffset: 0, bitfieldSize: 0 },
    { name: 'words', type: words, bitOffset: 64, bitfieldSize: 0 },
  ]);
  return b.encode();
}
export const GENERATOR_BTF = generatorBtf();

type Fragment = (p: Program, f: Frame) => void;
const FRAGMENTS: readonly (readonly [number, Fragment])[] = [
  [5, (p, f): void => void source(p, f)],
  [12, arithmetic],
  [6, linked],
  [7, branch],
  [2, ladder],
  [2, earlyExit],
  [1, pointerCompare],
  [5, loop],
  [7, spill],
  [6, fill],
  [3, variableStack],
  [5, lookup],
  [9, variableValue],
  [5, fixedValue],
  [4, packet],
  [5, helper],
  [3, callFunction],
  [2, callback],
  [2, iterator],
  [1, socket],
  [2, ringbuf],
  [1, dynptr],
  [2, spinLock],
  [1, tailCall],
  [2, ldAbs],
  [2, nullness],
  [2, pruneTrap],
  [2, partialSpill],
];
/** In large programs, one fragment of these comes first. */
const LARGE: readonly (readonly [number, Fragment])[] = [
  [5, longLoop],
  [3, bitLadder],
  [2, callMany],
];

export function block(p: Program, f: Frame, n: number): void {
  for (let i = 0; i < n && p.budget > 0; i++) {
    p.budget--;
    f.rng.weighted(FRAGMENTS)(p, f);
  }
}

/** Program `seed`: the same one every time. */
export function generate(seed: number): Generated {
  const rng = new Rng(seed);
  // Socket filters and cgroup programs are what CAP_BPF alone may load; the network types want CAP_NET_ADMIN as well.
  const caps = rng.weighted([
    [82, 'all'],
    [13, 'bpf'],
    [5, 'net'],
  ] as const);
  const kind = rng.pick(
    caps === 'all' ? KINDS : KINDS.filter((k) => (caps === 'bpf' ? k.type === 1 || k.type === 8 : k.packet)),
  );
  const unprivileged = caps !== 'all';
  const code = new Code();
  const features = new Set<Feature>();
  const large = rng.chance(31);
  const p: Program = {
    code,
    btf: rng.chance(60),
    perfmon: !unprivileged,
    tracing: kind.type === 2 || kind.type === 5,
    skb: kind.skb,
    xdp: kind.type === 6,
    packetWrite: kind.write,
    packet: kind.packet,
    ctxWords: kind.words,
    pending: [],
    functions: [],
    loops: 0,
    budget: rng.pick([6, 10, 14, 18, 25, 40]),
    progType: kind.type,
    large,
    hit: (feature) => void features.add(feature),
  };
  const infos: [number, number][] = [[0, FUNC.main]];
  body(p, new Frame(code, rng, 0), [{ kind: 'ctx', room: 0 }], p.budget);
  for (;;) {
    const fn = p.pending.shift();
    if (fn === undefined) break;
    code.place(fn.label);
    infos.push([code.rows.length, fn.func]);
    p.budget = Math.max(p.budget, rng.between(1, 6));
    body(p, new Frame(code, rng, fn.depth), fn.args, rng.between(1, 6), fn.role);
  }
  for (let n = rng.chance(25) ? rng.between(1, 3) : 0; n > 0; n--) mutate(rng, code);
  return {
    seed,
    progType: kind.type,
    caps,
    progFlags: rng.chance(6) ? 8 : 0,
    insns: encodeInsns(link(code)),
    funcInfo: p.btf ? infos : undefined,
    features: [...features],
  };
}

/** A function from its first argument to its exit. */
function body(p: Program, f: Frame, args: readonly Place[], n: number, role = 'main'): void {
  const { rng } = f;
  args.forEach((a, i) => {
    f.set(i + 1, a);
  });
  // Arguments move out of the way of calls.
  args.forEach((a, i) => {
    const keep = f.free(a.kind, true);
    if (a.kind === 'none' || keep < 0 || rng.chance(10)) return;
    f.mov(keep, i + 1);
    f.set(keep, a);
  });
  if (role === 'main' && p.large) rng.weighted(LARGE)(p, f);
  block(p, f, n);
  if (role === 'main' && rng.chance(50)) number(p, f);
  if (role === 'main' || role === 'global') f.movImm(0, rng.pick(p.progType === 8 ? [0, 1] : [0, 1, 2]));
  else if (role === 'static') {
    const nums = f.having('num');
    if (nums.length > 0) {
      const src = rng.pick(nums);
      if (rng.chance(40)) narrow(f, src);
      f.mov(0, src);
    } else f.movImm(0, constant(f));
  } else if (rng.chance(70)) f.movImm(0, rng.pick([0, 0, 1]));
  else {
    f.call(7);
    f.code.emit(op.BPF_ALU64 | op.BPF_AND | op.BPF_K, 0, 0, 0, 1);
  }
  f.exit();
  // Functions that nothing jumps out of need no second exit: it would be unreachable.
  if (f.code.rows.some((r) => r.to === f.bail)) {
    f.code.place(f.bail);
    f.movImm(0, role === 'loop' || role === 'each' ? rng.pick([0, 1]) : 0);
    f.exit();
  }
}

/** Labels become distances. */
function link(code: Code): Insns {
  const insns = Insns.from(code.rows);
  code.rows.forEach((row, i) => {
    if (row.to === undefined) return;
    const to = row.to.at - i - 1;
    if (row.code === (op.BPF_JMP | op.BPF_CALL)) insns.imm[i] = to;
    else if (row.code === (op.BPF_LD | op.BPF_DW | op.BPF_IMM)) insns.imm[i] = to;
    else insns.off[i] = to;
  });
  return insns;
}

/** The instructions with the kernel functions' numbers replaced by their type ids in this kernel's BTF. */
export function withKfuncs(g: Generated, vmlinux: () => Btf | undefined): Uint8Array {
  const { insns } = g;
  let out = insns;
  for (let i = 0; i < insns.length; i += 8) {
    if (insns[i] !== (op.BPF_JMP | op.BPF_CALL) || insns[i + 1] !== op.BPF_PSEUDO_KFUNC_CALL << 4) continue;
    const id = vmlinux()?.find(KFUNCS[insns[i + 4]], BTF_KIND.FUNC) ?? 0;
    if (out === insns) out = insns.slice();
    new DataView(out.buffer).setInt32(i + 4, id, true);
  }
  return out;
}

export { NUM };
