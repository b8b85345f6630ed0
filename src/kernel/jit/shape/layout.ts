/** Orders blocks so that loops are contiguous, and nests wasm `block` and `loop` scopes over that order. Iterative and linear. */
import { type Cfg, END_SWITCH } from './cfg.ts';
import { findLoops } from './loops.ts';

/** Blocks in emission order with the scopes that open before each position. */
export interface Layout {
  readonly order: Int32Array;
  /** Position of each block in the order. */
  readonly position: Int32Array;
  /** First scope that opens at each position (outermost first), -1 without; continue with scopeNext. */
  readonly scopeAt: Int32Array;
  readonly scopeNext: Int32Array;
  /** Position at which a scope ends. */
  readonly scopeEnd: Int32Array;
  /** Whether a scope is a loop (a branch goes to its start) or a block (to its end). */
  readonly scopeIsLoop: Uint8Array;
  /** Scope to name when branching to a block: forward (its `block`), and backward (its `loop`), -1 without. */
  readonly blockScope: Int32Array;
  readonly loopScope: Int32Array;
  readonly scopes: number;
}

class ScopeNest {
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly isLoop: Uint8Array;
  count = 0;
  /** Scopes seen so far that no later one contains yet, left to right. */
  #open: Int32Array;
  #top = 0;

  constructor(capacity: number) {
    this.start = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.isLoop = new Uint8Array(capacity);
    this.#open = new Int32Array(capacity);
  }

  /** Adds a scope that ends at `end` and begins at or before `start`; ends must arrive in ascending order. */
  add(start: number, end: number, isLoop: boolean): number {
    let s = start;
    while (this.#top > 0 && this.end[this.#open[this.#top - 1]] > s) {
      const inner = this.#open[--this.#top];
      if (this.start[inner] < s) s = this.start[inner];
    }
    const id = this.count++;
    this.start[id] = s;
    this.end[id] = end;
    this.isLoop[id] = isLoop ? 1 : 0;
    this.#open[this.#top++] = id;
    return id;
  }
}

/** Blocks whose forward predecessors are laid out, by enclosing loop, so that a loop is finished before what follows it. */
class ReadyBlocks {
  /** Row 0: outside of all loops. */
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  readonly #parent: Int32Array;

  constructor(parent: Int32Array) {
    this.#head = new Int32Array(parent.length + 1).fill(-1);
    this.#next = new Int32Array(parent.length);
    this.#parent = parent;
  }

  push(b: number): void {
    const row = this.#parent[b] + 1;
    this.#next[b] = this.#head[row];
    this.#head[row] = b;
  }

  /** Takes the last one out of loop `header`, -1 for outside of all. */
  pop(header: number): number {
    const b = this.#head[header + 1];
    this.#head[header + 1] = this.#next[b];
    return b;
  }
}

/** How many edges into each block come from above it. */
function forwardPredecessors(cfg: Cfg, goesBack: (from: number, to: number) => boolean): Int32Array {
  const count = new Int32Array(cfg.count);
  for (let b = 0; b < cfg.count; b++) {
    for (let e = cfg.predRow[b]; e < cfg.predRow[b + 1]; e++) if (!goesBack(cfg.preds[e], b)) count[b]++;
  }
  return count;
}

/** The scopes that begin at each position, as a linked list. */
function scopesByStart(nest: ScopeNest, positions: number): { scopeAt: Int32Array; scopeNext: Int32Array } {
  const scopeAt = new Int32Array(positions).fill(-1);
  const scopeNext = new Int32Array(nest.count);
  for (let s = 0; s < nest.count; s++) {
    scopeNext[s] = scopeAt[nest.start[s]];
    scopeAt[nest.start[s]] = s;
  }
  return { scopeAt, scopeNext };
}

/** A layout with structured scopes, or undefined when the graph is irreducible. */
export function structureCfg(cfg: Cfg): Layout | undefined {
  const forest = findLoops(cfg);
  if (forest.irreducible) return undefined;
  const n = cfg.count;
  const { parent, size, pre, last } = forest;
  const goesBack = (from: number, to: number): boolean => pre[from] >= pre[to] && pre[from] <= last[to];
  const waiting = forwardPredecessors(cfg, goesBack);
  const ready = new ReadyBlocks(parent);
  const left = size.slice();
  const [order, position] = [new Int32Array(n), new Int32Array(n)];
  const nest = new ScopeNest(2 * n);
  const [blockScope, loopScope] = [new Int32Array(n).fill(-1), new Int32Array(n).fill(-1)];
  let current = -1;
  let at = 0;
  const reach = (from: number, to: number): void => {
    if (to >= 0 && !goesBack(from, to) && --waiting[to] === 0) ready.push(to);
  };
  const closeLoops = (): void => {
    while (current >= 0 && left[current] === 0) {
      loopScope[current] = nest.add(position[current], at, true);
      const outer = parent[current];
      if (outer >= 0) left[outer] -= size[current];
      current = outer;
    }
  };
  ready.push(0);
  while (at < n) {
    closeLoops();
    const b = ready.pop(current);
    let first = at;
    // A block right after a jump falls through; what a switch leads to has to have a name.
    let named = false;
    for (let e = cfg.predRow[b]; e < cfg.predRow[b + 1]; e++) {
      const p = cfg.preds[e];
      if (goesBack(p, b)) continue;
      if (position[p] < first) first = position[p];
      named ||= cfg.kind[p] === END_SWITCH;
    }
    if (first < at - 1 || named) blockScope[b] = nest.add(first, at, false);
    if (size[b] > 0) current = b;
    if (current >= 0) left[current]--;
    position[b] = at;
    order[at++] = b;
    const cases = cfg.cases(b);
    for (let k = cases.length - 1; k >= 0; k--) reach(b, cases[k]);
    reach(b, cfg.taken[b]);
    reach(b, cfg.next[b]);
  }
  closeLoops();
  return {
    order,
    position,
    ...scopesByStart(nest, n),
    scopeEnd: nest.end,
    scopeIsLoop: nest.isLoop,
    blockScope,
    loopScope,
    scopes: nest.count,
  };
}
