/** Emission order and branches of irreducible graphs: one loop around a br_table over all blocks. Forward branches stay direct. */
import type { Cfg } from './cfg.ts';

/** Blocks of an irreducible graph in reverse postorder: most edges go forward. */
export function dispatchOrder(cfg: Cfg): { order: Int32Array; position: Int32Array } {
  const n = cfg.count;
  const state = new Uint8Array(n);
  const stack = new Int32Array(n);
  const order = new Int32Array(n);
  const position = new Int32Array(n);
  let sp = 0;
  let at = n;
  stack[sp++] = 0;
  const seen = new Uint8Array(n);
  seen[0] = 1;
  while (sp > 0) {
    const b = stack[sp - 1];
    const child = state[b] === 0 ? cfg.taken[b] : state[b] === 1 ? cfg.next[b] : -2;
    if (child === -2) {
      order[--at] = b;
      position[b] = at;
      sp--;
      continue;
    }
    state[b]++;
    if (child >= 0 && seen[child] === 0) {
      seen[child] = 1;
      stack[sp++] = child;
    }
  }
  return { order, position };
}
