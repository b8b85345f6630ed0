/**
 * The short end of a loop's body, `i++; if i != n goto head`, again at each place that jumps to it. Where the ways through a body
 * join before its end, V8 moves values together there and keeps the constants among them in registers all the time.
 *
 * The copies are blocks of the same instructions, so that all that is known of those by then holds for the copies as well.
 */
import type { Insns } from '../../../isa/insn.ts';
import { BPF_ALU, BPF_ALU64, BPF_JCOND, BPF_MOV } from '../../../isa/opcodes.ts';
import { Cfg, END_COND, END_FALL, END_JUMP } from './cfg.ts';
import { findLoops, type LoopForest } from './loops.ts';

/** Slots of a loop's end at most, its jump included, and copies of one. */
const MOST_SLOTS = 4;
const MOST_COPIES = 32;
/** Ways that join at least: with two, V8's code gets no better, and worse in places (docs/performance.md). */
const LEAST_WAYS = 3;

export interface Unjoined {
  readonly cfg: Cfg;
  /** The original of each block, or the block itself: columns of blocks are extended by it. */
  readonly origin: Int32Array;
}

/** The graph with the ends of its loops copied; undefined when it has none to copy, and for irreducible graphs. */
export function unjoinLatches(insns: Insns, cfg: Cfg): Unjoined | undefined {
  const origin: number[] = [];
  const next = Array.from(cfg.next);
  let forest: LoopForest | undefined;
  for (let b = 0; b < cfg.count; b++) {
    const ways = cfg.predRow[b + 1] - cfg.predRow[b];
    if (ways < LEAST_WAYS || !isShort(insns, cfg, b)) continue;
    const from = joining(insns, cfg, b);
    // One of them goes on to the block itself when nobody else does.
    if (from.length === ways) from.pop();
    if (from.length === 0) continue;
    forest ??= findLoops(cfg);
    if (forest.irreducible) return undefined;
    if (!goesBack(forest, b, cfg.next[b]) && !goesBack(forest, b, cfg.taken[b])) continue;
    for (const p of from.slice(0, MOST_COPIES)) {
      next[p] = cfg.count + origin.length;
      origin.push(b);
    }
  }
  if (origin.length === 0) return undefined;
  const blocks = Int32Array.from([...Array.from({ length: cfg.count }, (_, b) => b), ...origin]);
  const cols = {
    start: blocks.map((b) => cfg.start[b]),
    end: blocks.map((b) => cfg.end[b]),
    kind: Uint8Array.from(blocks, (b) => cfg.kind[b]),
    next: Int32Array.from(blocks, (b, k) => (k < cfg.count ? next[k] : cfg.next[b])),
    taken: blocks.map((b) => cfg.taken[b]),
  };
  return { cfg: new Cfg(blocks.length, cols, cfg.switches), origin: blocks };
}

/** Whether a block is a few computations, at most, and a jump that does not lead to itself. */
function isShort(insns: Insns, cfg: Cfg, b: number): boolean {
  const end = cfg.end[b];
  if (end - cfg.start[b] > MOST_SLOTS || (cfg.kind[b] !== END_COND && cfg.kind[b] !== END_JUMP)) return false;
  if (cfg.next[b] === b || cfg.taken[b] === b) return false;
  if (cfg.kind[b] === END_COND && (insns.code[end - 1] & 0xf0) === BPF_JCOND) return false;
  for (let i = cfg.start[b]; i < end - 1; i++) {
    const cls = insns.code[i] & 7;
    if (cls !== BPF_ALU && cls !== BPF_ALU64) return false;
  }
  return true;
}

const goesBack = ({ pre, last }: LoopForest, from: number, to: number): boolean =>
  to >= 0 && pre[from] >= pre[to] && pre[from] <= last[to];

/** Blocks that go to `b` and nowhere else, without those that may become a select. */
function joining(insns: Insns, cfg: Cfg, b: number): number[] {
  const found: number[] = [];
  for (let e = cfg.predRow[b]; e < cfg.predRow[b + 1]; e++) {
    const p = cfg.preds[e];
    if ((cfg.kind[p] === END_JUMP || cfg.kind[p] === END_FALL) && !isConstant(insns, cfg, p)) found.push(p);
  }
  return found;
}

/** Whether a block only sets a register to a constant. */
function isConstant(insns: Insns, cfg: Cfg, p: number): boolean {
  const length = cfg.end[p] - cfg.start[p] - (cfg.kind[p] === END_JUMP ? 1 : 0);
  const code = insns.code[cfg.start[p]];
  return length === 1 && (code === (BPF_ALU | BPF_MOV) || code === (BPF_ALU64 | BPF_MOV));
}
