/** Successors and predecessors of every instruction inside its function: what analyses that run backwards need. */
import type { VerifierEnv } from '../env.ts';
import { subprogEnd } from '../subprog.ts';
import { fallthroughOf, jumpTargetOf } from './flow.ts';

export class FlowGraph {
  /** Instructions in postorder, function by function (env.insnPostorder). */
  readonly order: Int32Array;
  /** Up to two successors of an instruction, or -1; the second repeats the first when there is only one. */
  readonly one: Int32Array;
  readonly two: Int32Array;
  /** Where the predecessors of an instruction begin in `preds`; one entry more than instructions. */
  readonly predStart: Int32Array;
  readonly preds: Int32Array;

  constructor(env: VerifierEnv) {
    const { insns, insnPostorder, subprogs } = env;
    const n = insns.length;
    this.order = insnPostorder;
    this.one = new Int32Array(n).fill(-1);
    this.two = new Int32Array(n).fill(-1);
    this.predStart = new Int32Array(n + 1);
    for (let s = 0; s < subprogs.length; s++) {
      const { start, postorderStart } = subprogs[s];
      const end = subprogEnd(env, s);
      const inside = (i: number): number => (i >= start && i < end ? i : -1);
      for (let p = postorderStart; p < (subprogs[s + 1]?.postorderStart ?? insnPostorder.length); p++) {
        const i = insnPostorder[p];
        const next = inside(fallthroughOf(insns, i));
        const target = inside(jumpTargetOf(insns, i));
        this.one[i] = next >= 0 ? next : target;
        this.two[i] = target >= 0 ? target : next;
        if (next >= 0) this.predStart[next + 1]++;
        if (target >= 0 && target !== next) this.predStart[target + 1]++;
      }
    }
    for (let i = 0; i < n; i++) this.predStart[i + 1] += this.predStart[i];
    this.preds = new Int32Array(this.predStart[n]);
    const filled = this.predStart.slice();
    for (const i of insnPostorder) {
      const one = this.one[i];
      const two = this.two[i];
      if (one >= 0) this.preds[filled[one]++] = i;
      if (two >= 0 && two !== one) this.preds[filled[two]++] = i;
    }
  }
}
