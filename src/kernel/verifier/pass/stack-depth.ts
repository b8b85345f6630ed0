/** How much stack the calls use together, and how deep they nest (check_max_stack_depth). */
import { MAX_BPF_STACK } from '../../../isa/opcodes.ts';
import { BPF_ATTACH_TYPE } from '../../../uapi/attach-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { findSubprogAt, subprogEnd } from '../subprog.ts';
import { isThrowCall } from './call-summary.ts';
import { isPseudoCall, isPseudoFunc } from './subprogs.ts';
import { BPF_PRIV_STACK_MIN_SIZE, MAX_CALL_FRAMES, MAX_TAIL_CALLER_STACK } from '../../rules/limits.ts';

/** Stack of one function as it counts: the machine code's frames are multiples of 16 (round_up_stack_depth). */
export const roundUpStackDepth = (depth: number): number => (depth + 15) & ~15;

/**
 * Stack of a function as the kernel counts it: spills around calls that keep registers are gone there
 * (remove_fastcall_spills_fills). Our engines keep them, inside their frames.
 */
export function countedStackDepth(env: VerifierEnv, idx: number): number {
  const subprog = env.subprogs[idx];
  if (subprog.keepFastcallStack) return subprog.stackDepth;
  let top = 1;
  for (let i = subprog.start; i < subprogEnd(env, idx); i++) {
    const spills = env.aux.extra.get(i)?.fastcallSpills;
    if (spills !== undefined) top = Math.min(top, env.insns.off[i - 1] + spills * 8);
  }
  return top > 0 ? subprog.stackDepth : -top;
}

/** Whether programs of this kind may give their functions stacks of their own (bpf_enable_priv_stack). */
export function mayUsePrivateStack(env: VerifierEnv): boolean {
  if (!env.input.rules.features.privateStack || env.subprogs.some((s) => s.hasTailCall)) return false;
  switch (env.input.progType) {
    case BPF_PROG_TYPE.BPF_PROG_TYPE_KPROBE:
    case BPF_PROG_TYPE.BPF_PROG_TYPE_TRACEPOINT:
    case BPF_PROG_TYPE.BPF_PROG_TYPE_PERF_EVENT:
    case BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT:
      return true;
    case BPF_PROG_TYPE.BPF_PROG_TYPE_TRACING:
      return env.input.expectedAttachType !== BPF_ATTACH_TYPE.BPF_TRACE_ITER;
    default:
      return false;
  }
}

/** Checks the main program and every asynchronous callback as roots; decides which functions get a private stack. */
export function checkMaxStackDepth(env: VerifierEnv): void {
  const { subprogs } = env;
  const privateAllowed = mayUsePrivateStack(env);
  // A function that an asynchronous callback reaches shares the common stack: callbacks go first.
  const shared = new Uint8Array(subprogs.length);
  for (let i = subprogs.length - 1; i >= 0; i--) {
    if (i === 0 || subprogs[i].isAsyncCb) new DepthWalk(env, shared, i === 0 && privateAllowed).from(i);
  }
}

/** One walk over the call tree below a root. */
class DepthWalk {
  readonly #ret = new Int32Array(MAX_CALL_FRAMES);
  readonly #retProg = new Int32Array(MAX_CALL_FRAMES);
  readonly #sizes = new Map<number, number>();
  #frame = 0;
  #depth = 0;

  constructor(
    readonly env: VerifierEnv,
    readonly shared: Uint8Array,
    readonly privateAllowed: boolean,
  ) {}

  from(root: number): void {
    const { env } = this;
    let idx = root;
    let i = env.subprogs[root].start;
    let tailCallReachable = false;
    this.#enter(idx);
    for (;;) {
      const callee = this.#nextCall(idx, i);
      if (callee >= 0) {
        if (env.subprogs[callee].hasTailCall) tailCallReachable = true;
        if (++this.#frame >= MAX_CALL_FRAMES) reject(env, STRUCTURE.FRAMES_TOO_DEEP, this.#frame);
        idx = callee;
        i = env.subprogs[callee].start;
        this.#enter(idx);
        continue;
      }
      if (tailCallReachable) this.#markTailCallReachable();
      if (this.#frame === 0) return;
      if (!env.subprogs[idx].privateStack) this.#depth -= this.#size(idx);
      this.#frame--;
      i = this.#ret[this.#frame];
      idx = this.#retProg[this.#frame];
    }
  }

  #size(idx: number): number {
    let size = this.#sizes.get(idx);
    if (size === undefined) this.#sizes.set(idx, (size = roundUpStackDepth(countedStackDepth(this.env, idx))));
    return size;
  }

  /** Adds a function's stack. */
  #enter(idx: number): void {
    const { env } = this;
    const subprog = env.subprogs[idx];
    if (!this.privateAllowed) {
      this.shared[idx] = 1;
      subprog.privateStack = false;
    }
    if (idx !== 0 && subprog.hasTailCall && this.#depth >= MAX_TAIL_CALLER_STACK)
      reject(env, STRUCTURE.STACK_TAIL_CALL, this.#depth);
    const size = this.#size(idx);
    if (this.privateAllowed && this.shared[idx] === 0 && size >= BPF_PRIV_STACK_MIN_SIZE) subprog.privateStack = true;
    if (subprog.privateStack) {
      if (size > MAX_BPF_STACK) reject(env, STRUCTURE.STACK_SUBPROG, idx, size);
      return;
    }
    this.#depth += size;
    if (this.#depth > MAX_BPF_STACK) reject(env, STRUCTURE.STACK_COMBINED, this.#frame + 1, this.#depth);
  }

  /** The next function that `idx` calls or names from instruction `i` on, or -1; remembers where to go on. */
  #nextCall(idx: number, i: number): number {
    const { env } = this;
    const { insns, subprogs } = env;
    const end = subprogEnd(env, idx);
    for (; i < end; i++) {
      if (isThrowCall(env, i) && this.#inCallback(idx)) reject(env, STRUCTURE.THROW_FROM_CALLBACK, i, idx);
      const called = isPseudoCall(insns, i);
      if (!called && !isPseudoFunc(insns, i)) continue;
      const callee = findSubprogAt(env, i + insns.imm[i] + 1);
      const target = subprogs[callee];
      if (target.isAsyncCb) {
        // It runs later, on a stack of its own.
        if (!called) continue;
        if (target.isExceptionCb) reject(env, STRUCTURE.EXCEPTION_CB_CALLED, i);
      }
      this.#ret[this.#frame] = i + 1;
      this.#retProg[this.#frame] = idx;
      return callee;
    }
    return -1;
  }

  #inCallback(idx: number): boolean {
    if (this.env.subprogs[idx].isCb) return true;
    for (let f = 0; f < this.#frame; f++) if (this.env.subprogs[this.#retProg[f]].isCb) return true;
    return false;
  }

  /** Every caller above a function that tail calls must carry the tail call count. */
  #markTailCallReachable(): void {
    const { env } = this;
    for (let f = 0; f < this.#frame; f++) {
      const caller = env.subprogs[this.#retProg[f]];
      if (caller.isExceptionCb) reject(env, STRUCTURE.EXCEPTION_CB_TAIL_CALL);
      caller.tailCallReachable = true;
    }
  }
}
