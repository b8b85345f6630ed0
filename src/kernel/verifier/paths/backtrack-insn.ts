/** One step of the backward trace: what had to be precise before an instruction (backtrack_insn). */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_NEG,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_ST,
  BPF_STX,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import type { Insns } from '../../../isa/insn.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { AUX_CALLS_CALLBACK } from '../insn-aux.ts';
import { EXPLORE } from '../diag/catalogue/explore.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { findSubprogAt } from '../subprog.ts';
import { printInsn } from '../state/print-insn.ts';
import type { BacktrackState } from './backtrack-state.ts';
import {
  HIST_FLAGS,
  INSN_F_DST_REG_STACK,
  INSN_F_LINKED,
  INSN_F_SRC_REG_STACK,
  INSN_F_STACK_ACCESS,
  historyFrameno,
  historySpi,
  linkedFrame,
  linkedIndex,
  linkedIsReg,
} from './history.ts';
import { MAX_CALL_FRAMES } from '../../rules/limits.ts';

const ARGS_MASK = 0x3e;

/** Answer of one step: go on, or give up and mark every scalar precise. */
export type Step = 'ok' | 'unsupported';

/** bt_sync_linked_regs(): when one of a linked group is tracked, all of it is. */
function syncLinkedRegs(env: VerifierEnv, bt: BacktrackState, record: number): void {
  const linked = env.history.linkedOf(record);
  let some = false;
  for (const p of linked) {
    const frame = linkedFrame(p);
    if (linkedIsReg(p) ? (bt.regs[frame] & (1 << linkedIndex(p))) !== 0 : bt.isFrameSlotSet(frame, linkedIndex(p)))
      some = true;
  }
  if (!some) return;
  for (const p of linked) {
    if (linkedIsReg(p)) bt.setFrameReg(linkedFrame(p), linkedIndex(p));
    else bt.setFrameSlot(linkedFrame(p), linkedIndex(p));
  }
}

/** Ends as 6.18 does where its own trace has lost its way (verifier_bug()). */
export function lostTrace(env: VerifierEnv, what: string): never {
  reject(env, EXPLORE.LOST_TRACE, what);
}

/** Leaves the current frame for its caller's (going backwards over the entry of a function). */
function subprogExit(env: VerifierEnv, bt: BacktrackState): void {
  if (bt.frame === 0) lostTrace(env, 'subprog exit from frame 0');
  bt.frame--;
}

/** Enters a callee's frame (going backwards over its exit). */
function subprogEnter(env: VerifierEnv, bt: BacktrackState): void {
  if (bt.frame === MAX_CALL_FRAMES - 1) lostTrace(env, `subprog enter from frame ${bt.frame}`);
  bt.frame++;
}

// Bits of a word of tracedRegs(), above those of the registers.
/** The requested set changes in any case. */
const TRACED_ALWAYS = 1 << 16;
/** A store: what is requested changes with the stack slot of its record. */
const TRACED_STORE = 1 << 17;

/** By instruction, the registers of which one has to be requested for backtrackInsn() to do anything. */
export function tracedRegs(insns: Insns): Int32Array {
  const out = new Int32Array(insns.length);
  for (let i = 0; i < insns.length; i++) {
    const code = insns.code[i];
    const dst = 1 << insns.dst[i];
    const cls = bpfClass(code);
    if (code === 0) out[i] = 0;
    else if (cls === BPF_ALU || cls === BPF_ALU64 || cls === BPF_LD) out[i] = dst;
    else if (cls === BPF_JMP || cls === BPF_JMP32) {
      const op = bpfOp(code);
      if (op === BPF_CALL || op === BPF_EXIT) out[i] = TRACED_ALWAYS;
      else out[i] = bpfSrc(code) === BPF_X ? dst | (1 << insns.src[i]) : 0;
    } else {
      const loaded = loadedReg(insns, i);
      out[i] = loaded >= 0 ? 1 << loaded : dst | TRACED_STORE;
    }
  }
  return out;
}

/** Whether backtrackInsn() has anything to do at an instruction with these flags in its record. */
export const tracesInsn = (traced: number, regs: number, flags: number): boolean =>
  (traced & (regs | TRACED_ALWAYS)) !== 0 ||
  (flags & INSN_F_LINKED) !== 0 ||
  ((flags & INSN_F_STACK_ACCESS) !== 0 && (traced & TRACED_STORE) !== 0);

/** `record`: the history record of the instruction, 0 without. */
export function backtrackInsn(
  env: VerifierEnv,
  idx: number,
  subseqIdx: number,
  record: number,
  bt: BacktrackState,
): Step {
  const { insns } = env;
  const code = insns.code[idx];
  if (code === 0) return 'ok';
  if (env.log.verbose) {
    env.log.write(`mark_precise: frame${bt.frame}: regs=${bt.formatRegs()} stack=${bt.formatSlots()} before ${idx}: `);
    printInsn(env, idx);
  }
  const flags = record === 0 ? 0 : env.history.words[record + HIST_FLAGS];
  const linked = (flags & INSN_F_LINKED) !== 0;
  if (linked) syncLinkedRegs(env, bt, record);
  const cls = bpfClass(code);
  if (cls === BPF_ALU || cls === BPF_ALU64) backtrackAlu(insns, idx, bt);
  else if (cls === BPF_LDX || cls === BPF_ST || cls === BPF_STX) {
    if (backtrackMem(env, idx, flags, bt) === 'unsupported') return 'unsupported';
  } else if (cls === BPF_JMP || cls === BPF_JMP32) {
    const step = backtrackJump(env, idx, subseqIdx, flags, bt);
    if (step === 'unsupported') return step;
    if (step === 'done') return 'ok';
  } else if (cls === BPF_LD) {
    if (!bt.isRegSet(insns.dst[idx])) return 'ok';
    bt.clearReg(insns.dst[idx]);
    const mode = bpfMode(code);
    if (mode === BPF_IND || mode === BPF_ABS) return 'unsupported';
  }
  if (linked) syncLinkedRegs(env, bt, record);
  return 'ok';
}

function backtrackAlu(insns: Insns, idx: number, bt: BacktrackState): void {
  const dst = insns.dst[idx];
  if (!bt.isRegSet(dst)) return;
  const code = insns.code[idx];
  const op = bpfOp(code);
  if (op === BPF_END || op === BPF_NEG) return;
  const src = insns.src[idx];
  if (op === BPF_MOV) bt.clearReg(dst);
  if (bpfSrc(code) === BPF_X && src !== 10) bt.setReg(src);
}

/** The register that a load defines, or -1. */
function loadedReg(insns: Insns, idx: number): number {
  const code = insns.code[idx];
  const acquire = bpfClass(code) === BPF_STX && bpfMode(code) === BPF_ATOMIC && insns.imm[idx] === BPF_LOAD_ACQ;
  return bpfClass(code) === BPF_LDX || acquire ? insns.dst[idx] : -1;
}

/** The register that an atomic operation fetches into, or -1. */
function fetchedReg(insns: Insns, idx: number): number {
  const code = insns.code[idx];
  const imm = insns.imm[idx];
  if (bpfClass(code) !== BPF_STX || bpfMode(code) !== BPF_ATOMIC || imm >= BPF_LOAD_ACQ) return -1;
  if (imm === BPF_CMPXCHG) return 0;
  return imm & BPF_FETCH ? insns.src[idx] : -1;
}

function backtrackMem(env: VerifierEnv, idx: number, flags: number, bt: BacktrackState): Step {
  const { insns } = env;
  const onStack = (flags & INSN_F_STACK_ACCESS) !== 0;
  const loaded = loadedReg(insns, idx);
  if (loaded >= 0) {
    if (!bt.isRegSet(loaded)) return 'ok';
    bt.clearReg(loaded);
    // Scalars stay precise only through the stack; a load from elsewhere yields an unknown value.
    if (onStack) bt.setFrameSlot(historyFrameno(flags), historySpi(flags));
    return 'ok';
  }
  // 6.18 traces what an atomic operation fetches as if it were stored, which loses the slot that it came from.
  const fetched = onStack ? fetchedReg(insns, idx) : -1;
  if (fetched >= 0 && bt.isRegSet(fetched) && env.fixed('ATOMIC_FETCH_PRECISION')) {
    bt.clearReg(fetched);
    bt.setFrameSlot(historyFrameno(flags), historySpi(flags));
    return 'ok';
  }
  // A store through a register that is tracked as a scalar: pointers were subtracted.
  if (bt.isRegSet(insns.dst[idx])) return 'unsupported';
  if (!onStack) return 'ok';
  const frame = historyFrameno(flags);
  const spi = historySpi(flags);
  if (!bt.isFrameSlotSet(frame, spi)) return 'ok';
  bt.clearFrameSlot(frame, spi);
  if (bpfClass(insns.code[idx]) === BPF_STX) bt.setReg(insns.src[idx]);
  return 'ok';
}

const isStaticCall = (insns: Insns, i: number): boolean =>
  i >= 0 && insns.code[i] === (BPF_JMP | BPF_CALL) && insns.src[i] === BPF_PSEUDO_CALL;

/** A tail call of a function, after which the walk went on behind the function's call. */
const isTailCallOut = (insns: Insns, idx: number, subseqIdx: number): boolean =>
  insns.src[idx] === 0 &&
  insns.imm[idx] === BPF_FUNC.BPF_FUNC_tail_call &&
  subseqIdx !== idx + 1 &&
  isStaticCall(insns, subseqIdx - 1);

function backtrackJump(
  env: VerifierEnv,
  idx: number,
  subseqIdx: number,
  flags: number,
  bt: BacktrackState,
): Step | 'done' {
  const { insns } = env;
  const code = insns.code[idx];
  const op = bpfOp(code);
  const cls = bpfClass(code);
  const call = op === BPF_CALL && cls === BPF_JMP;
  if (call && !isTailCallOut(insns, idx, subseqIdx)) return backtrackCall(env, idx, subseqIdx, bt);
  if (call || (op === BPF_EXIT && cls === BPF_JMP)) {
    // Backwards into a callee, from its exit or from the program that a tail call went to. Only a callback may still have R1-R5 requested: the calling function set them.
    if (subseqIdx >= 0 && env.aux.flags[subseqIdx] & AUX_CALLS_CALLBACK) bt.regs[bt.frame] &= ~ARGS_MASK;
    if (bt.regs[bt.frame] & ARGS_MASK) lostTrace(env, `backtracking exit unexpected regs ${bt.hexRegs()}`);
    const r0 = !call && isStaticCall(insns, subseqIdx - 1) && bt.isRegSet(0);
    bt.clearReg(0);
    subprogEnter(env, bt);
    if (r0) bt.setReg(0);
    return 'done';
  }
  if (bpfSrc(code) === BPF_X) {
    const dst = insns.dst[idx];
    const src = insns.src[idx];
    if (!bt.isRegSet(dst) && !bt.isRegSet(src)) return 'done';
    if (!(flags & INSN_F_SRC_REG_STACK)) bt.setReg(src);
    if (!(flags & INSN_F_DST_REG_STACK)) bt.setReg(dst);
  }
  return 'ok';
}

function backtrackCall(env: VerifierEnv, idx: number, subseqIdx: number, bt: BacktrackState): Step | 'done' {
  const { insns } = env;
  const src = insns.src[idx];
  if (src === BPF_PSEUDO_CALL) {
    const subprog = findSubprogAt(env, idx + insns.imm[idx] + 1);
    if (env.subprogs[subprog].isGlobal) {
      if (bt.regs[bt.frame] & ARGS_MASK) lostTrace(env, `global subprog unexpected regs ${bt.hexRegs()}`);
      bt.clearReg(0);
      return 'done';
    }
    if (bt.regs[bt.frame] & ~ARGS_MASK) lostTrace(env, `static subprog unexpected regs ${bt.hexRegs()}`);
    if (bt.hasSlots()) lostTrace(env, `static subprog leftover stack slots ${bt.hexSlots()}`);
    const args = bt.regs[bt.frame] & ARGS_MASK;
    bt.regs[bt.frame] &= ~ARGS_MASK;
    subprogExit(env, bt);
    bt.regs[bt.frame] |= args;
    return 'done';
  }
  if (env.aux.flags[idx] & AUX_CALLS_CALLBACK && idx !== subseqIdx - 1) {
    // From a callback's first instruction to the call of the helper that runs it.
    if (bt.regs[bt.frame] & ~ARGS_MASK) lostTrace(env, `callback unexpected regs ${bt.hexRegs()}`);
    if (bt.hasSlots()) lostTrace(env, `callback leftover stack slots ${bt.hexSlots()}`);
    bt.regs[bt.frame] &= ~ARGS_MASK;
    subprogExit(env, bt);
    return 'done';
  }
  if (src === BPF_PSEUDO_KFUNC_CALL && insns.imm[idx] === 0) return 'unsupported';
  bt.clearReg(0);
  if (bt.regs[bt.frame] & ARGS_MASK) lostTrace(env, `backtracking call unexpected regs ${bt.hexRegs()}`);
  return 'ok';
}
