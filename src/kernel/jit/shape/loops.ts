/** The loop forest of a control flow graph (Havlak's algorithm over a depth-first tree), and whether the graph is reducible. */
import type { Cfg } from './cfg.ts';

export interface LoopForest {
  /** Some loop can be entered elsewhere than at its header. */
  readonly irreducible: boolean;
  /** Header of the innermost loop around each block (of a header: the loop around its own loop), -1 outside. */
  readonly parent: Int32Array;
  /** Blocks in the loop that a block heads, itself and inner loops included; 0 for blocks that head none. */
  readonly size: Int32Array;
  /** Preorder number of each block; `last` is the greatest in its subtree. An edge to a tree ancestor goes back. */
  readonly pre: Int32Array;
  readonly last: Int32Array;
}

/** Depth-first preorder from block 0; fills pre and last, returns blocks by preorder number. */
function depthFirst(cfg: Cfg, pre: Int32Array, last: Int32Array): Int32Array {
  const byPre = new Int32Array(cfg.count);
  const stack = new Int32Array(cfg.count);
  /** Successors looked at so far: `next`, `taken`, then the cases of a switch. */
  const state = new Int32Array(cfg.count);
  let count = 0;
  let sp = 0;
  stack[sp++] = 0;
  pre[0] = count;
  byPre[count++] = 0;
  while (sp > 0) {
    const b = stack[sp - 1];
    const cases = cfg.cases(b);
    const all = 2 + cases.length;
    let child = -1;
    while (state[b] < all && (child < 0 || pre[child] >= 0)) {
      const at = state[b]++;
      child = at === 0 ? cfg.next[b] : at === 1 ? cfg.taken[b] : cases[at - 2];
    }
    if (child >= 0 && pre[child] < 0) {
      pre[child] = count;
      byPre[count++] = child;
      stack[sp++] = child;
    } else if (state[b] === all) {
      last[b] = count - 1;
      sp--;
    }
  }
  return byPre;
}

/** The representative of `x`; the way there gets shorter. */
function find(root: Int32Array, x: number): number {
  let r = x;
  while (root[r] !== r) r = root[r];
  for (let y = x; root[y] !== r; ) {
    const up = root[y];
    root[y] = r;
    y = up;
  }
  return r;
}

export function findLoops(cfg: Cfg): LoopForest {
  const n = cfg.count;
  const pre = new Int32Array(n).fill(-1);
  const last = new Int32Array(n);
  const byPre = depthFirst(cfg, pre, last);
  const parent = new Int32Array(n).fill(-1);
  const size = new Int32Array(n);
  const root = new Int32Array(n);
  for (let b = 0; b < n; b++) root[b] = b;
  const inBody = new Int32Array(n).fill(-1);
  const body: number[] = [];
  let irreducible = false;
  for (let k = n - 1; k >= 0; k--) {
    const w = byPre[k];
    body.length = 0;
    let isHeader = false;
    for (let e = cfg.predRow[w]; e < cfg.predRow[w + 1]; e++) {
      const v = cfg.preds[e];
      if (pre[v] < k || pre[v] > last[w]) continue;
      isHeader = true;
      const r = find(root, v);
      if (r !== w && inBody[r] !== w) {
        inBody[r] = w;
        body.push(r);
      }
    }
    if (!isHeader) continue;
    let total = 1;
    for (let at = 0; at < body.length; at++) {
      const x = body[at];
      total += size[x] > 0 ? size[x] : 1;
      for (let e = cfg.predRow[x]; e < cfg.predRow[x + 1]; e++) {
        const y = cfg.preds[e];
        if (pre[y] >= pre[x] && pre[y] <= last[x]) continue;
        const r = find(root, y);
        if (pre[r] < k || pre[r] > last[w]) {
          irreducible = true;
        } else if (r !== w && inBody[r] !== w) {
          inBody[r] = w;
          body.push(r);
        }
      }
    }
    for (const x of body) {
      parent[x] = w;
      root[x] = w;
    }
    size[w] = total;
    if (irreducible) break;
  }
  return { irreducible, parent, size, pre, last };
}
