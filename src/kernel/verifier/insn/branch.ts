/** Conditional jumps: decided, or explored both ways with what each way proves (check_cond_jmp_op). */
import {
  BPF_JCOND,
  BPF_JEQ,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_MAY_GOTO,
  BPF_X,
  bpfClass,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { PTR_TO_BTF_ID, PTR_TO_STACK, SCALAR_VALUE, baseType, typeMayBeNull } from '../../rules/reg-types.ts';
import { BRANCH } from '../diag/catalogue/branch.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { reject } from '../diag/reject.ts';
import { isScalarBranchTaken, flipOpcode, refineBranch, revOpcode } from '../domain/branch.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import { checkBounds } from '../state/sanity.ts';
import { isPointerType, isPointerValue, regNotNull } from '../state/pointer.ts';
import { ID, TYPE, loadScalar, storeScalar } from '../state/row.ts';
import { checkRegRead, markPtrNotNullReg } from '../state/regs.ts';
import { type VerifierState, regRow } from '../state/state.ts';
import { printInsnState } from '../state/print.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { INSN_F_DST_REG_STACK, INSN_F_SRC_REG_STACK, pushInsnHistory, pushLinkedRegs } from '../paths/history.ts';
import { collectLinkedRegs, syncLinkedRegs } from '../paths/linked.ts';
import { findPrevEntry, widenImpreciseScalars } from '../paths/loops.ts';
import { markPtrOrNullRegs } from './nullness.ts';
import { isPktPointerAny, matchPktPointers, pktBranchTaken } from './packet-range.ts';
import { sanitizeSpeculativePath } from '../paths/speculation.ts';
import { pushStack } from '../paths/worklist.ts';

const a = new Scalar();
const b = new Scalar();

/** may_goto: the way on is explored first, the way out waits. */
function checkMayGoto(env: VerifierEnv, idx: number): void {
  const { insns, state } = env;
  if (
    insns.code[idx] !== (BPF_JMP | BPF_JCOND) ||
    insns.src[idx] !== BPF_MAY_GOTO ||
    insns.dst[idx] ||
    insns.imm[idx] ||
    (insns.off[idx] === 0 && !env.input.rules.features.mayGotoNext)
  ) {
    reject(env, BRANCH.MAY_GOTO_IMM, insns.imm[idx]);
  }
  const prev = findPrevEntry(env, state.parent, idx);
  const queued = pushStack(env, idx + 1, idx, false, ERRNO.ENOMEM);
  queued.mayGotoDepth++;
  if (prev !== undefined) widenImpreciseScalars(env, prev, queued);
  env.insnIdx += insns.off[idx];
}

/** Reads the second operand, a register or an immediate, into `to`. */
function loadOperand(env: VerifierEnv, idx: number, to: Scalar): void {
  const { insns } = env;
  if (bpfSrc(insns.code[idx]) === BPF_X) loadScalar(to, env.state.frame.rows, regRow(insns.src[idx]));
  else to.setConst(insns.imm[idx], insns.imm[idx] >> 31);
}

/** is_branch_taken. */
function branchTaken(env: VerifierEnv, idx: number, op: number, is32: boolean): 1 | 0 | -1 {
  const { insns } = env;
  const { rows } = env.state.frame;
  const d = regRow(insns.dst[idx]);
  const isReg = bpfSrc(insns.code[idx]) === BPF_X;
  const s = isReg ? regRow(insns.src[idx]) : -1;
  const dType = rows[d + TYPE];
  const sType = isReg ? rows[s + TYPE] : SCALAR_VALUE;
  if (isReg && isPktPointerAny(dType) && isPktPointerAny(sType) && !is32) return pktBranchTaken(rows, d, s, op);
  if (dType !== SCALAR_VALUE || sType !== SCALAR_VALUE) {
    // A pointer that cannot be NULL against a constant zero.
    const ptrIsDst = sType === SCALAR_VALUE;
    if (ptrIsDst) loadOperand(env, idx, b);
    else if (dType === SCALAR_VALUE) loadScalar(b, rows, d);
    else return -1;
    if (is32 ? !b.isConst32() : !b.isConst()) return -1;
    if (!regNotNull(rows, ptrIsDst ? d : s)) return -1;
    if (b.valLo !== 0 || (!is32 && b.valHi !== 0)) return -1;
    const o = ptrIsDst ? op : flipOpcode(op);
    return o === BPF_JEQ ? 0 : o === BPF_JNE ? 1 : -1;
  }
  loadScalar(a, rows, d);
  loadOperand(env, idx, b);
  return isScalarBranchTaken(a, b, op, is32);
}

/** check_cond_jmp_op: on return env.insnIdx stands on the jump or its taken target less one. */
export function checkCondJmpOp(env: VerifierEnv): void {
  const { insns } = env;
  const idx = env.insnIdx;
  const code = insns.code[idx];
  const op = bpfOp(code);
  const is32 = bpfClass(code) === BPF_JMP32;
  if (op === BPF_JCOND) return checkMayGoto(env, idx);
  checkOperands(env, idx);
  const pred = branchTaken(env, idx, op, is32);
  if (pred >= 0) {
    markOperandsPrecise(env, idx);
    if (!env.bypassSpecV1) {
      sanitizeSpeculativePath(env, pred === 1 ? idx + 1 : idx + insns.off[idx] + 1, idx);
    }
    if (env.log.enabled) printInsnState(env, env.state, env.state.curframe);
    if (pred === 1) env.insnIdx += insns.off[idx];
    return;
  }
  exploreBoth(env, idx, op, is32);
  if (env.log.enabled) printInsnState(env, env.state, env.state.curframe);
}

function checkOperands(env: VerifierEnv, idx: number): void {
  const { insns } = env;
  const { rows } = env.state.frame;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  checkRegRead(env, dst);
  let flags = 0;
  if (bpfSrc(insns.code[idx]) === BPF_X) {
    if (insns.imm[idx] !== 0) reject(env, BRANCH.RESERVED_FIELDS);
    checkRegRead(env, src);
    const bothPkt = isPktPointerAny(rows[regRow(dst) + TYPE]) && isPktPointerAny(rows[regRow(src) + TYPE]);
    if (!bothPkt && isPointerValue(env, src)) reject(env, BRANCH.POINTER_COMPARISON, src);
    if (rows[regRow(src) + TYPE] === PTR_TO_STACK) flags |= INSN_F_SRC_REG_STACK;
  } else if (src !== 0) reject(env, BRANCH.RESERVED_FIELDS);
  if (rows[regRow(dst) + TYPE] === PTR_TO_STACK) flags |= INSN_F_DST_REG_STACK;
  if (flags !== 0) pushInsnHistory(env, flags);
}

/** A decided branch depends on the exact values that decided it. */
function markOperandsPrecise(env: VerifierEnv, idx: number): void {
  const { insns } = env;
  const { rows } = env.state.frame;
  if (!isPointerType(rows[regRow(insns.dst[idx]) + TYPE])) markChainPrecision(env, insns.dst[idx]);
  if (bpfSrc(insns.code[idx]) === BPF_X && !isPointerType(rows[regRow(insns.src[idx]) + TYPE])) {
    markChainPrecision(env, insns.src[idx]);
  }
}

function exploreBoth(env: VerifierEnv, idx: number, op: number, is32: boolean): void {
  const { insns, state } = env;
  const { rows } = state.frame;
  const isReg = bpfSrc(insns.code[idx]) === BPF_X;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  const d = regRow(dst);
  const s = regRow(src);
  const linked: number[] = [];
  if (isReg && rows[s + TYPE] === SCALAR_VALUE && rows[s + ID] !== 0)
    collectLinkedRegs(env, state, rows[s + ID], linked);
  if (rows[d + TYPE] === SCALAR_VALUE && rows[d + ID] !== 0) collectLinkedRegs(env, state, rows[d + ID], linked);
  if (linked.length > 1) pushLinkedRegs(env, linked);

  const other = pushStack(env, idx + insns.off[idx] + 1, idx, false);
  const otherRows = other.frame.rows;
  const scalars = rows[d + TYPE] === SCALAR_VALUE && (!isReg || rows[s + TYPE] === SCALAR_VALUE);
  if (scalars) {
    refineState(env, rows, revOpcode(op), is32, FALSE_REGS);
    refineState(env, otherRows, op, is32, TRUE_REGS);
  }
  if (isReg && rows[s + TYPE] === SCALAR_VALUE && rows[s + ID] !== 0) syncBoth(state, other, s, linked);
  if (rows[d + TYPE] === SCALAR_VALUE && rows[d + ID] !== 0) syncBoth(state, other, d, linked);
  const equalRows = op === BPF_JEQ ? otherRows : op === BPF_JNE ? rows : undefined;
  if (!is32 && isReg && equalRows !== undefined) inferNotNull(env, equalRows, d, s);

  if (!is32 && !isReg && insns.imm[idx] === 0 && (op === BPF_JEQ || op === BPF_JNE) && typeMayBeNull(rows[d + TYPE])) {
    markPtrOrNullRegs(env, state, dst, op === BPF_JNE);
    markPtrOrNullRegs(env, other, dst, op === BPF_JEQ);
  } else if (!(isReg && !is32 && matchPktPointers(op, dst, src, state, other)) && isPointerValue(env, dst)) {
    reject(env, BRANCH.POINTER_COMPARISON, dst);
  }
}

/** The operands of a branch in messages. */
type RegNames = readonly [string, string];
const FALSE_REGS: RegNames = ['false_reg1', 'false_reg2'];
const TRUE_REGS: RegNames = ['true_reg1', 'true_reg2'];

/** Refines the operands of the branch at hand in the state of `rows`. */
function refineState(env: VerifierEnv, rows: Int32Array, op: number, is32: boolean, names: RegNames): void {
  const { insns, insnIdx: idx } = env;
  const d = regRow(insns.dst[idx]);
  const isReg = bpfSrc(insns.code[idx]) === BPF_X;
  const s = regRow(insns.src[idx]);
  loadScalar(a, rows, d);
  if (isReg && s === d) {
    // A register compared with itself is refined as one value, twice.
    refineBranch(a, a, op, is32);
    checkBounds(env, a, names[0]);
    storeScalar(a, rows, d);
    return;
  }
  if (isReg) loadScalar(b, rows, s);
  else b.setConst(insns.imm[idx], insns.imm[idx] >> 31);
  refineBranch(a, b, op, is32);
  checkBounds(env, a, names[0]);
  checkBounds(env, b, names[1]);
  storeScalar(a, rows, d);
  if (isReg) storeScalar(b, rows, s);
}

function syncBoth(state: VerifierState, other: VerifierState, r: number, linked: readonly number[]): void {
  syncLinkedRegs(state, state.frame.rows, r, linked);
  syncLinkedRegs(other, other.frame.rows, r, linked);
}

/** A maybe-null pointer that equals a pointer that is not NULL is not NULL either; `rows` are those where they are equal. */
function inferNotNull(env: VerifierEnv, rows: Int32Array, d: number, s: number): void {
  const dType = rows[d + TYPE];
  const sType = rows[s + TYPE];
  if (!isPointerType(dType) || !isPointerType(sType) || typeMayBeNull(dType) === typeMayBeNull(sType)) return;
  if (baseType(dType) === PTR_TO_BTF_ID || baseType(sType) === PTR_TO_BTF_ID) return;
  markPtrNotNullReg(env, rows, typeMayBeNull(sType) ? s : d);
}
