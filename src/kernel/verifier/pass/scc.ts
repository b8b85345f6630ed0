/** Strongly connected components of each function's control flow: which instructions form loops (compute_scc; Tarjan 1972, with a stack). */
import type { VerifierEnv } from '../env.ts';
import { AUX_CALLS_CALLBACK } from '../insn-aux.ts';
import { fallthroughOf, jumpTargetOf } from './flow.ts';

/** Numbers components into env.aux.scc from 1, in the order in which they are completed; 0 stays on what is in no loop. */
export function computeScc(env: VerifierEnv): void {
  const { insns, aux } = env;
  const n = insns.length;
  const pre = new Int32Array(n);
  /** Lowest preorder number that is reachable; n + 1 once the component is complete. */
  const low = new Int32Array(n);
  const open = new Int32Array(n);
  const path = new Int32Array(n);
  const callbacks = !env.openHoles.has('CALLBACK_LOOP_PRECISION');
  const calls = (i: number): boolean => (aux.flags[i] & AUX_CALLS_CALLBACK) !== 0;
  let openCount = 0;
  let counter = 1;
  let next = 1;

  for (let root = 0; root < n; root++) {
    if (pre[root] !== 0 || insns.code[root] === 0) continue;
    let depth = 0;
    path[depth++] = root;
    while (depth > 0) {
      const i = path[depth - 1];
      if (pre[i] === 0) {
        pre[i] = low[i] = counter++;
        open[openCount++] = i;
      }
      const a = fallthroughOf(insns, i);
      const b = jumpTargetOf(insns, i);
      if (inRange(a, n) && pre[a] === 0) {
        path[depth++] = a;
        continue;
      }
      if (inRange(b, n) && pre[b] === 0) {
        path[depth++] = b;
        continue;
      }
      if (inRange(a, n) && low[a] < low[i]) low[i] = low[a];
      if (inRange(b, n) && low[b] < low[i]) low[i] = low[b];
      depth--;
      if (low[i] < pre[i]) continue;
      // A single instruction counts when it jumps to itself, and when it runs a callback any number of times.
      const loop = open[openCount - 1] !== i || a === i || b === i || (callbacks && calls(i));
      for (;;) {
        const member = open[--openCount];
        low[member] = n + 1;
        if (loop) aux.scc[member] = next;
        if (member === i) break;
      }
      if (loop) next++;
    }
  }
  env.sccCount = next;
}

const inRange = (i: number, n: number): boolean => i >= 0 && i < n;
