/** Basic blocks of one subprogram, as columns. Only instructions that can be reached become blocks. */
import type { Insns } from '../../../isa/insn.ts';
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32 } from '../../../isa/opcodes.ts';

/** How a block ends. */
export const END_FALL = 0;
export const END_JUMP = 1;
export const END_COND = 2;
export const END_EXIT = 3;
/** By a table over the values of a register: see {@link Switch}. */
export const END_SWITCH = 4;

/** A jump by value: to `targets[value - low]`, and to the block's `next` for all other values. */
export interface Switch {
  readonly reg: number;
  /** All 64 bits of the register count. */
  readonly wide: boolean;
  readonly low: number;
  readonly targets: readonly number[];
}

/** Why a subprogram cannot become a graph: the program was never verified and is malformed. */
export interface CfgError {
  readonly insn: number;
  readonly detail: string;
}

export class Cfg {
  /** First slot of each block and the slot after its last; the terminator, if any, is the last instruction. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly kind: Uint8Array;
  /** Successor when the branch is not taken (or the only one), -1 without. */
  readonly next: Int32Array;
  /** Successor when the branch is taken, -1 without. */
  readonly taken: Int32Array;
  /** Predecessors in compressed rows: those of block b are preds[predRow[b]] to preds[predRow[b + 1] - 1]. */
  readonly predRow: Int32Array;
  readonly preds: Int32Array;
  /** Successors of blocks that end with a switch, apart from `next`; each once. */
  readonly #cases = new Map<number, readonly number[]>();

  constructor(
    readonly count: number,
    cols: { start: Int32Array; end: Int32Array; kind: Uint8Array; next: Int32Array; taken: Int32Array },
    readonly switches: ReadonlyMap<number, Switch> = new Map(),
  ) {
    this.start = cols.start;
    this.end = cols.end;
    this.kind = cols.kind;
    this.next = cols.next;
    this.taken = cols.taken;
    this.predRow = new Int32Array(count + 1);
    let edges = 0;
    for (const [b, { targets }] of switches) {
      const cases = [...new Set(targets)].filter((to) => to !== this.next[b]);
      this.#cases.set(b, cases);
      for (const to of cases) this.predRow[to + 1]++;
      edges += cases.length;
    }
    for (let b = 0; b < count; b++) {
      if (this.next[b] >= 0) {
        this.predRow[this.next[b] + 1]++;
        edges++;
      }
      if (this.taken[b] >= 0) {
        this.predRow[this.taken[b] + 1]++;
        edges++;
      }
    }
    for (let b = 0; b < count; b++) this.predRow[b + 1] += this.predRow[b];
    this.preds = new Int32Array(edges);
    const fill = this.predRow.slice(0, count);
    for (let b = 0; b < count; b++) {
      if (this.next[b] >= 0) this.preds[fill[this.next[b]]++] = b;
      if (this.taken[b] >= 0) this.preds[fill[this.taken[b]]++] = b;
      for (const to of this.cases(b)) this.preds[fill[to]++] = b;
    }
  }

  /** Where a switch leads besides `next`; nothing for other blocks. */
  cases(b: number): readonly number[] {
    return this.kind[b] === END_SWITCH ? (this.#cases.get(b) ?? NONE) : NONE;
  }
}

const NONE: readonly number[] = [];

/** Slot that a jump at `i` goes to. */
export function jumpTarget(insns: Insns, i: number): number {
  const gotol = insns.code[i] === (BPF_JMP32 | BPF_JA);
  return i + 1 + (gotol ? insns.imm[i] : insns.off[i]);
}

const isJump = (code: number): boolean => {
  const cls = code & 7;
  if (cls !== BPF_JMP && cls !== BPF_JMP32) return false;
  return (code & 0xf0) !== BPF_CALL;
};

const REACHED = 1;
const LEADER = 2;
/** Jumps that are followed to where they lead in the end; longer chains are left as they are. */
const MAX_HOPS = 32;

/** Where control that comes to slot `i` really goes: jumps that do nothing else are followed. */
function landing(insns: Insns, i: number, start: number, end: number): number {
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    if (i < start || i >= end) break;
    const code = insns.code[i];
    if (code !== (BPF_JMP | BPF_JA) && code !== (BPF_JMP32 | BPF_JA)) break;
    i = jumpTarget(insns, i);
  }
  return i;
}

/** Finds the reachable slots from `start` and marks where blocks begin. */
function markReachable(
  insns: Insns,
  start: number,
  end: number,
  marks: Uint8Array,
  land: (i: number) => number,
): CfgError | undefined {
  const work = [start];
  marks[0] |= LEADER;
  while (work.length > 0) {
    let i = work.pop()!;
    for (;;) {
      if (i < start || i >= end) return { insn: i, detail: 'control leaves the function' };
      if (marks[i - start] & REACHED) {
        break;
      }
      marks[i - start] |= REACHED;
      const code = insns.code[i];
      if (code === 0x18) {
        i += 2;
        continue;
      }
      if (!isJump(code)) {
        i++;
        continue;
      }
      const op = code & 0xf0;
      if (op === BPF_EXIT) break;
      const target = land(jumpTarget(insns, i));
      if (target < start || target >= end) return { insn: i, detail: `jump out of the function to ${target}` };
      marks[target - start] |= LEADER;
      if (op === BPF_JA) {
        i = target;
        continue;
      }
      if (!(marks[target - start] & REACHED)) work.push(target);
      i = land(i + 1);
      if (i >= start && i < end) marks[i - start] |= LEADER;
    }
  }
  return undefined;
}

/**
 * Cuts the slots `start` to `end` into blocks; block 0 is the entry.
 * @param threaded follow jumps to jumps; without it every jump is a block's end, as fuel counts them
 */
export function buildCfg(insns: Insns, start: number, end: number, threaded = false): Cfg | CfgError {
  const land = (i: number): number => (threaded ? landing(insns, i, start, end) : i);
  const n = end - start;
  if (n <= 0) return { insn: start, detail: 'empty function' };
  const marks = new Uint8Array(n + 1);
  const error = markReachable(insns, start, end, marks, land);
  if (error !== undefined) return error;
  const blockOf = new Int32Array(n).fill(-1);
  let count = 0;
  for (let i = 0; i < n; i++) if (marks[i] === (REACHED | LEADER)) blockOf[i] = count++;
  const cols = {
    start: new Int32Array(count),
    end: new Int32Array(count),
    kind: new Uint8Array(count),
    next: new Int32Array(count).fill(-1),
    taken: new Int32Array(count).fill(-1),
  };
  for (let i = 0; i < n; i++) {
    const b = blockOf[i];
    if (b < 0) continue;
    cols.start[b] = start + i;
    let j = i;
    for (;;) {
      const code = insns.code[start + j];
      if (isJump(code)) {
        const op = code & 0xf0;
        cols.end[b] = start + j + 1;
        if (op === BPF_EXIT) {
          cols.kind[b] = END_EXIT;
          break;
        }
        const target = blockOf[land(jumpTarget(insns, start + j)) - start];
        if (op === BPF_JA) {
          cols.kind[b] = END_JUMP;
          cols.next[b] = target;
          break;
        }
        cols.next[b] = blockOf[land(start + j + 1) - start];
        if (cols.next[b] === target) {
          cols.kind[b] = END_JUMP;
          break;
        }
        cols.kind[b] = END_COND;
        cols.taken[b] = target;
        break;
      }
      j += code === 0x18 ? 2 : 1;
      if (j >= n) return { insn: start + n - 1, detail: 'control falls off the end of the function' };
      if (blockOf[j] >= 0) {
        cols.end[b] = start + j;
        cols.kind[b] = END_FALL;
        cols.next[b] = blockOf[j];
        break;
      }
    }
  }
  return new Cfg(count, cols);
}
