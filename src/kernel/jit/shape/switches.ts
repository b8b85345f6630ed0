/**
 * Jump tables where the compiler made a tree of comparisons: blocks that only compare one register with constants become one
 * block with a target for each value of a range. The targets are found by walking the tree for every value.
 */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_LDX,
  BPF_MEM,
  BPF_RSH,
  BPF_X,
} from '../../../isa/opcodes.ts';
import { Cfg, END_COND, END_SWITCH, type Switch } from './cfg.ts';
import { readsAndWrites } from '../facts/liveness.ts';

/** Comparisons that a tree has at least: below, V8's jump through a table costs more than it saves (docs/performance.md). */
export const LEAST_COMPARES = 10;
/** Values of a table at most, altogether and for each comparison. */
const MOST_VALUES = 1024;
const VALUES_PER_COMPARE = 4;
/** Blocks that are looked through for where a value comes from. */
const MOST_HOPS = 8;

/** A value that is compared: as an unsigned and as a signed number. */
interface Sample {
  readonly u: number;
  readonly s: number;
}
/** Values of 64 bits beyond the constants, which have 31: on the far side of them, unsigned and signed. */
const BEYOND: readonly Sample[] = [
  { u: 2 ** 40, s: 2 ** 40 },
  { u: 2 ** 60, s: -1 },
];

type Test = (v: Sample, u: number, s: number) => boolean;
const TESTS: Readonly<Record<number, Test>> = {
  [BPF_JEQ]: (v, u) => v.u === u,
  [BPF_JNE]: (v, u) => v.u !== u,
  [BPF_JGT]: (v, u) => v.u > u,
  [BPF_JGE]: (v, u) => v.u >= u,
  [BPF_JLT]: (v, u) => v.u < u,
  [BPF_JLE]: (v, u) => v.u <= u,
  [BPF_JSGT]: (v, _u, s) => v.s > s,
  [BPF_JSGE]: (v, _u, s) => v.s >= s,
  [BPF_JSLT]: (v, _u, s) => v.s < s,
  [BPF_JSLE]: (v, _u, s) => v.s <= s,
};

/** The graph with its large trees of comparisons as switches, or the graph itself. */
export function recoverSwitches(insns: Insns, cfg: Cfg): Cfg {
  const finder = new TreeFinder(insns, cfg);
  const found = new Map<number, Tree>();
  for (let b = 0; b < cfg.count; b++) {
    const tree = finder.treeAt(b);
    if (tree !== undefined) found.set(b, tree);
  }
  return found.size === 0 ? cfg : withSwitches(cfg, found);
}

interface Tree {
  readonly inner: readonly number[];
  readonly switch: Switch;
  readonly fallback: number;
}

class TreeFinder {
  constructor(
    readonly insns: Insns,
    readonly cfg: Cfg,
  ) {}

  #last(b: number): number {
    return this.cfg.end[b] - 1;
  }

  /** Whether a block ends with a comparison that a tree may hold. */
  #compares(b: number): boolean {
    const { insns, cfg } = this;
    if (cfg.kind[b] !== END_COND) return false;
    const code = insns.code[this.#last(b)];
    if (code & BPF_X || TESTS[code & 0xf0] === undefined) return false;
    // Constants of 64-bit comparisons are sign-extended: negative ones lie beyond every table.
    return (code & 7) === BPF_JMP32 || ((code & 7) === BPF_JMP && insns.imm[this.#last(b)] >= 0);
  }

  /** Whether `b` does nothing but compare the register of `root` in the same width, and only the tree leads to it. */
  #continues(root: number, b: number): boolean {
    const { insns, cfg } = this;
    if (b === root || cfg.end[b] - cfg.start[b] !== 1 || cfg.predRow[b + 1] - cfg.predRow[b] !== 1) return false;
    if (!this.#compares(b)) return false;
    const [i, j] = [this.#last(root), this.#last(b)];
    return insns.dst[i] === insns.dst[j] && (insns.code[i] & 7) === (insns.code[j] & 7);
  }

  treeAt(root: number): Tree | undefined {
    const { cfg } = this;
    if (!this.#compares(root)) return undefined;
    // The inside of a tree is no root of its own.
    if (cfg.predRow[root + 1] - cfg.predRow[root] === 1 && root > 0) {
      const before = cfg.preds[cfg.predRow[root]];
      if (this.#compares(before) && this.#continues(before, root)) return undefined;
    }
    const inside = new Set([root]);
    const work = [root];
    while (work.length > 0) {
      const b = work.pop()!;
      for (const to of [cfg.next[b], cfg.taken[b]]) {
        if (inside.has(to) || !this.#continues(root, to)) continue;
        inside.add(to);
        work.push(to);
      }
    }
    return inside.size < LEAST_COMPARES ? undefined : this.#table(root, inside);
  }

  /** Where the tree leads a value. */
  #walk(root: number, inside: ReadonlySet<number>, v: Sample): number {
    const { insns, cfg } = this;
    let b = root;
    do {
      const i = this.#last(b);
      const imm = insns.imm[i];
      const taken = TESTS[insns.code[i] & 0xf0](v, imm >>> 0, imm);
      b = taken ? cfg.taken[b] : cfg.next[b];
    } while (inside.has(b));
    return b;
  }

  /** Greatest value that the register may have, by the instruction that made it: the verifier removed what is beyond. */
  #limit(root: number): number {
    const { insns, cfg } = this;
    const reg = insns.dst[this.#last(root)];
    let b = root;
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      for (let i = cfg.end[b] - 1; i >= cfg.start[b]; i--) {
        // The second slot of ld_imm64 has no opcode, and its first one writes.
        if (((readsAndWrites(insns, i, () => 5) >>> (16 + reg)) & 1) !== 0) return greatest(insns, i);
      }
      if (b === 0 || cfg.predRow[b + 1] - cfg.predRow[b] !== 1) break;
      b = cfg.preds[cfg.predRow[b]];
    }
    return ANY;
  }

  #table(root: number, inside: ReadonlySet<number>): Tree | undefined {
    const { insns } = this;
    const wide = (insns.code[this.#last(root)] & 7) === BPF_JMP;
    const sample = (u: number): Sample => ({ u, s: wide ? u : u | 0 });
    const limit = this.#limit(root);
    // Between two starts, all values go the same way.
    const starts = new Set([0, ...(wide ? [] : [0x8000_0000])]);
    for (const b of inside) {
      const k = insns.imm[this.#last(b)] >>> 0;
      starts.add(k);
      if (k < 0xffff_ffff) starts.add(k + 1);
    }
    const sorted = [...starts].filter((u) => u <= limit).sort((a, b) => a - b);
    const ways = sorted.map((u) => this.#walk(root, inside, sample(u)));
    const fallback = ways[ways.length - 1];
    if (wide && limit > 0xffff_ffff && BEYOND.some((v) => this.#walk(root, inside, v) !== fallback)) return undefined;
    const first = ways.findIndex((way) => way !== fallback);
    if (first < 0) return undefined;
    const last = ways.findLastIndex((way) => way !== fallback);
    const low = sorted[first];
    const size = sorted[last + 1] - low;
    if (size > Math.min(MOST_VALUES, VALUES_PER_COMPARE * inside.size)) return undefined;
    const targets = Array.from({ length: size }, () => fallback);
    for (let k = first; k <= last; k++) targets.fill(ways[k], sorted[k] - low, sorted[k + 1] - low);
    return {
      inner: [...inside].filter((b) => b !== root),
      switch: { reg: insns.dst[this.#last(root)], wide, low, targets },
      fallback,
    };
  }
}

/** Greatest value that the instruction at `i` gives its register. */
function greatest(insns: Insns, i: number): number {
  const code = insns.code[i];
  const imm = insns.imm[i];
  if ((code & 0xe7) === (BPF_LDX | BPF_MEM))
    return (code & 0x18) === BPF_B ? 0xff : (code & 0x18) === BPF_H ? 0xffff : ANY;
  if ((code === (BPF_ALU | BPF_AND) || code === (BPF_ALU64 | BPF_AND)) && imm >= 0) return imm;
  return code === (BPF_ALU | BPF_RSH) && imm > 0 && imm < 32 ? 0xffff_ffff >>> imm : ANY;
}
const ANY = Number.POSITIVE_INFINITY;

/** The graph without the inner blocks of trees, renumbered. */
function withSwitches(cfg: Cfg, trees: ReadonlyMap<number, Tree>): Cfg {
  const gone = new Set<number>();
  for (const { inner } of trees.values()) for (const b of inner) gone.add(b);
  const kept: number[] = [];
  const number = new Int32Array(cfg.count).fill(-1);
  for (let b = 0; b < cfg.count; b++) if (!gone.has(b)) number[b] = kept.push(b) - 1;
  const renamed = (b: number): number => (b < 0 ? -1 : number[b]);
  const switches = new Map<number, Switch>();
  for (const [b, { switch: s }] of trees) switches.set(number[b], { ...s, targets: s.targets.map(renamed) });
  const fallback = (b: number): number => trees.get(b)?.fallback ?? cfg.next[b];
  const cols = {
    start: Int32Array.from(kept, (b) => cfg.start[b]),
    end: Int32Array.from(kept, (b) => cfg.end[b]),
    kind: Uint8Array.from(kept, (b) => (trees.has(b) ? END_SWITCH : cfg.kind[b])),
    next: Int32Array.from(kept, (b) => renamed(fallback(b))),
    taken: Int32Array.from(kept, (b) => (trees.has(b) ? -1 : renamed(cfg.taken[b]))),
  };
  return new Cfg(kept.length, cols, switches);
}
