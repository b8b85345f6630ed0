/** One walk over all edges: unreachable code, back edges, and where the exploration must save states (check_cfg). */
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_MAY_GOTO,
  BPF_PSEUDO_CALL,
  bpfClass,
  bpfOp,
} from '../../../isa/opcodes.ts';
import {
  AUX_CALLS_CALLBACK,
  AUX_FORCE_CHECKPOINT,
  AUX_IS_ITER_NEXT,
  AUX_JMP_POINT,
  AUX_PRUNE_POINT,
} from '../insn-aux.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import type { VerifierEnv } from '../env.ts';
import { printLineInfo } from '../state/print-insn.ts';
import { findContainingSubprog } from '../subprog.ts';
import { callsAsyncCallback, callsSyncCallback, helperProto, isIterNextCall, isThrowCall } from './call-summary.ts';
import { KF_SLEEPABLE } from '../../rules/rows/kfuncs/row.ts';
import { kfuncRow } from './kfuncs.ts';
import { isHelperCall, isKfuncCall, isLdImm64, isPseudoFunc, jumpOffset } from './subprogs.ts';

// Marks of the walk: how far an instruction's edges were followed.
const DISCOVERED = 0x10;
const EXPLORED = 0x20;
const FALLTHROUGH = 1;
const BRANCH = 2;

/** Checks the control flow graph and marks prune points, jump points and forced checkpoints in env.aux. */
export function checkCfg(env: VerifierEnv): void {
  const walk = new CfgWalk(env);
  walk.from(0);
  const exceptionCb = env.exceptionCallbackSubprog;
  if (exceptionCb > 0) walk.from(env.subprogs[exceptionCb].start);
  const { insns } = env;
  for (let i = 0; i < insns.length; i++) {
    if (walk.state[i] !== EXPLORED) reject(env, STRUCTURE.UNREACHABLE, i);
    if (isLdImm64(insns, i)) {
      if (walk.state[i + 1] !== 0) reject(env, STRUCTURE.MIDDLE_OF_LDIMM64, i);
      i++;
    }
  }
}

class CfgWalk {
  readonly state: Uint8Array;
  readonly #stack: Int32Array;
  #depth = 0;

  constructor(readonly env: VerifierEnv) {
    this.state = new Uint8Array(env.insns.length);
    this.#stack = new Int32Array(env.insns.length);
  }

  /** Depth-first from one root; an instruction stays on the stack until both its edges were followed. */
  from(root: number): void {
    if (this.state[root] === EXPLORED) return;
    this.state[root] = DISCOVERED;
    this.#stack[0] = root;
    this.#depth = 1;
    while (this.#depth > 0) {
      const i = this.#stack[this.#depth - 1];
      if (this.#visit(i)) continue;
      this.state[i] = EXPLORED;
      this.#depth--;
    }
  }

  /** Follows one more edge of `i`: true when an instruction was pushed, false when there is none left. */
  #visit(i: number): boolean {
    const { env } = this;
    const { insns, aux } = env;
    if (isPseudoFunc(insns, i)) return this.#visitCall(i, true);
    const cls = bpfClass(insns.code[i]);
    if (cls !== BPF_JMP && cls !== BPF_JMP32) return this.#push(i, i + (isLdImm64(insns, i) ? 2 : 1), FALLTHROUGH);
    switch (bpfOp(insns.code[i])) {
      case BPF_EXIT:
        return false;
      case BPF_CALL:
        this.#markCall(i);
        return this.#visitCall(i, insns.src[i] === BPF_PSEUDO_CALL);
      case BPF_JA: {
        const to = i + jumpOffset(insns, i) + 1;
        if (this.#push(i, to, FALLTHROUGH)) return true;
        aux.flags[to] |= AUX_PRUNE_POINT | AUX_JMP_POINT;
        return false;
      }
      default:
        aux.flags[i] |= AUX_PRUNE_POINT;
        if (insns.code[i] === (BPF_JMP | BPF_JCOND) && insns.src[i] === BPF_MAY_GOTO)
          aux.flags[i] |= AUX_FORCE_CHECKPOINT;
        return this.#push(i, i + 1, FALLTHROUGH) || this.#push(i, i + insns.off[i] + 1, BRANCH);
    }
  }

  /** Marks and summaries that come from what a call does. */
  #markCall(i: number): void {
    const { env } = this;
    const { insns, aux } = env;
    // An asynchronous callback is explored as a root of its own, pushed by the call: a state must be saved before.
    if (callsAsyncCallback(env, i)) aux.flags[i] |= AUX_PRUNE_POINT;
    // A callback's repetitions end when a state repeats at the call.
    if (callsSyncCallback(env, i))
      aux.flags[i] |= AUX_CALLS_CALLBACK | AUX_FORCE_CHECKPOINT | AUX_PRUNE_POINT | AUX_JMP_POINT;
    if (isHelperCall(insns, i)) {
      const proto = helperProto(env, i);
      if (proto === undefined) return;
      const subprog = env.subprogs[findContainingSubprog(env, i)];
      // Linux does not know yet what a program that replaces a function may call.
      if (proto.mightSleep === true && env.input.progType !== BPF_PROG_TYPE.BPF_PROG_TYPE_EXT)
        subprog.mightSleep = true;
      if (proto.changesPktData === true) subprog.changesPktData = true;
    } else if (isKfuncCall(insns, i)) {
      if (isIterNextCall(env, i)) aux.flags[i] |= AUX_PRUNE_POINT | AUX_FORCE_CHECKPOINT | AUX_IS_ITER_NEXT;
      const subprog = env.subprogs[findContainingSubprog(env, i)];
      if (isThrowCall(env, i)) subprog.mightThrow = true;
      const kfunc = kfuncRow(env, i);
      if (((kfunc?.flags ?? 0) & KF_SLEEPABLE) !== 0) subprog.mightSleep = true;
      if (kfunc?.changesPacket === true) subprog.changesPktData = true;
    }
  }

  /** Calls and function addresses: the instruction after, then the function (visit_func_call_insn). */
  #visitCall(i: number, callee: boolean): boolean {
    const { env } = this;
    const { insns, aux } = env;
    const next = i + (isLdImm64(insns, i) ? 2 : 1);
    if (this.#push(i, next, FALLTHROUGH)) return true;
    aux.flags[next] |= AUX_PRUNE_POINT | AUX_JMP_POINT;
    if (!callee) return false;
    const to = i + insns.imm[i] + 1;
    aux.flags[i] |= AUX_PRUNE_POINT;
    this.#mergeCalleeEffects(i, to);
    return this.#push(i, to, BRANCH);
  }

  /** What a callee may do, its caller may do (merge_callee_effects); callees are finished before callers ask the second time. */
  #mergeCalleeEffects(i: number, to: number): void {
    const { env } = this;
    const caller = env.subprogs[findContainingSubprog(env, i)];
    const callee = env.subprogs[findContainingSubprog(env, to)];
    if (callee.changesPktData) caller.changesPktData = true;
    if (callee.mightSleep) caller.mightSleep = true;
    if (callee.mightThrow) caller.mightThrow = true;
  }

  /** push_insn: follows the edge `from` -> `to` once; true when `to` is new. */
  #push(from: number, to: number, edge: number): boolean {
    const { env, state } = this;
    if (state[from] >= (DISCOVERED | edge)) return false;
    if (to < 0 || to >= state.length) {
      printLineInfo(env, from, `${from}: `);
      reject(env, STRUCTURE.JUMP_OUT_OF_RANGE, from, to);
    }
    if (edge === BRANCH) env.aux.flags[to] |= AUX_PRUNE_POINT | AUX_JMP_POINT;
    if (state[to] === 0) {
      state[from] = DISCOVERED | edge;
      state[to] = DISCOVERED;
      // Every instruction is put there once.
      this.#stack[this.#depth++] = to;
      return true;
    }
    if ((state[to] & 0xf0) === DISCOVERED) {
      if (env.bpfCapable) return false;
      printLineInfo(env, from, `${from}: `);
      printLineInfo(env, to, `${to}: `);
      reject(env, STRUCTURE.BACK_EDGE, from, to);
    }
    state[from] = DISCOVERED | edge;
    return false;
  }
}
