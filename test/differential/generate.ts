/** Structured programs for the comparison with a live kernel: seeded, mostly well-formed, on the edge of what is allowed. */
import { BtfBuilder } from '../../src/btf/encode.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { Insns } from '../../src/isa/insn.ts';
import * as op from '../../src/isa/opcodes.ts';
import { callback, callFunction, helper } from './calls.ts';
import { branch, earlyExit, ladder, loop, pointerCompare } from './flow.ts';
import { Code, Frame, type Label, NUM, type Place } from './frame.ts';
import { fill, fixedValue, lookup, packet, spill, variableStack, variableValue } from './memory.ts';
import { mutate } from './mutate.ts';
import { Rng } from './rng.ts';
import { arithmetic, constant, linked, narrow, number, source } from './scalars.ts';

/** The maps that programs name by index: type, value size. Keys are four bytes, five entries. */
export const MAPS = [
  { type: 2, valueSize: 48 },
  { type: 1, valueSize: 48 },
  { type: 2, valueSize: 256 },
  { type: 1, valueSize: 4096 },
] as const;

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
] as const;

/** FUNC type ids in {@link generatorBtf}. */
export const FUNC = { main: 0, static: 0, global: 0, loop: 0, each: 0 };
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
  const kind = rng.pick(KINDS);
  const unprivileged = rng.chance(10) && kind.type !== 2 && kind.type !== 5;
  const caps = !unprivileged ? 'all' : kind.type === 1 ? 'bpf' : 'net';
  const code = new Code();
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
  block(p, f, n);
  if (role === 'main' && rng.chance(50)) number(p, f);
  if (role === 'main' || role === 'global') f.movImm(0, rng.pick([0, 1, 2]));
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

export { NUM };
