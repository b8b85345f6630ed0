/** Control flow as data: successors of an instruction, and postorder of each function (bpf_insn_successors, compute_postorder). */
import type { Insns } from '../../../isa/insn.ts';
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, bpfClass, bpfOp } from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';
import { isLdImm64, jumpOffset } from './subprogs.ts';

/** The fall-through successor of `i` inside its function, or -1 (exit and unconditional jumps have none). */
export function fallthroughOf(insns: Insns, i: number): number {
  const cls = bpfClass(insns.code[i]);
  if (cls === BPF_JMP || cls === BPF_JMP32) {
    const op = bpfOp(insns.code[i]);
    if (op === BPF_JA || (op === BPF_EXIT && cls === BPF_JMP)) return -1;
    return i + 1;
  }
  return i + (isLdImm64(insns, i) ? 2 : 1);
}

/** The jump target of `i`, or -1 when it does not jump; calls do not. */
export function jumpTargetOf(insns: Insns, i: number): number {
  const cls = bpfClass(insns.code[i]);
  if (cls !== BPF_JMP && cls !== BPF_JMP32) return -1;
  const op = bpfOp(insns.code[i]);
  if (op === BPF_CALL || op === BPF_EXIT) return -1;
  return i + jumpOffset(insns, i) + 1;
}

/** Fills env.insnPostorder function by function; each function's part begins at its postorderStart. */
export function computePostorder(env: VerifierEnv): void {
  const { insns, subprogs } = env;
  const n = insns.length;
  const order = new Int32Array(n);
  const stack = new Int32Array(n);
  // 0: not seen, 1: on the stack, 2: its successors are on the stack or done.
  const state = new Uint8Array(n);
  let done = 0;
  for (const subprog of subprogs) {
    subprog.postorderStart = done;
    let depth = 0;
    stack[depth++] = subprog.start;
    state[subprog.start] = 1;
    while (depth > 0) {
      const i = stack[depth - 1];
      if (state[i] === 2) {
        order[done++] = i;
        depth--;
        continue;
      }
      state[i] = 2;
      const next = fallthroughOf(insns, i);
      if (next >= 0 && next < n && state[next] === 0) {
        state[next] = 1;
        stack[depth++] = next;
      }
      const target = jumpTargetOf(insns, i);
      if (target >= 0 && target < n && state[target] === 0) {
        state[target] = 1;
        stack[depth++] = target;
      }
    }
  }
  env.insnPostorder = order.subarray(0, done);
}
