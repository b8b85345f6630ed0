/** Arithmetic on registers (check_alu_op, adjust_reg_min_max_vals, adjust_scalar_min_max_vals). */
import {
  BPF_ADD,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_K,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_TO_BE,
  BPF_X,
  bpfClass,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { PTR_TO_ARENA, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { AUX_NEEDS_ZEXT } from '../insn-aux.ts';
import { ALU } from '../diag/catalogue/alu.ts';
import { reject } from '../diag/reject.ts';
import { safeForAlu, scalarAlu } from '../domain/alu.ts';
import { byteSwap, coerceSubregToSizeSx, coerceToSizeSx, zext32To64 } from '../domain/cast.ts';
import { Scalar } from '../domain/scalar.ts';
import { regBoundsSync } from '../domain/sync.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { maybeForkScalars } from '../paths/fork.ts';
import { isPointerValue } from '../state/pointer.ts';
import {
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  BPF_ADD_CONST64,
  ID,
  OFF,
  PRECISE,
  SUBREG_DEF,
  TYPE,
  UMAX_HI,
  UMAX_LO,
  copyRow,
  loadScalar,
  storeScalar,
} from '../state/row.ts';
import { checkRegRead, checkRegWrite, defineReg, markRegConst, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { aluString } from './alu-name.ts';
import { adjustPtrMinMaxVals } from './alu-ptr.ts';
import { sanitizeValAlu } from './sanitize.ts';
import { assignScalarId, regWidth } from '../state/scalar-id.ts';
import { checkBounds } from '../state/sanity.ts';

const dstVal = new Scalar();
/** The number that a pointer or another number is combined with. */
const operand = new Scalar();

/** check_alu_op. */
export function checkAluOp(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  const op = bpfOp(insns.code[idx]);
  if (op === BPF_END || op === BPF_NEG) checkUnary(env, op);
  else if (op === BPF_MOV) checkMov(env);
  else checkBinary(env, op);
  const { rows } = env.state.frame;
  const d = regRow(insns.dst[idx]);
  // Pointers only on mispredicted paths: elsewhere theirs were deduced anew by the arithmetic itself.
  if (rows[d + TYPE] !== SCALAR_VALUE && !env.state.speculative) return;
  loadScalar(dstVal, rows, d);
  if (checkBounds(env, dstVal, 'alu')) storeScalar(dstVal, rows, d);
}

function checkUnary(env: VerifierEnv, op: number): void {
  const { insns, insnIdx: idx } = env;
  const code = insns.code[idx];
  const imm = insns.imm[idx];
  const is64 = bpfClass(code) === BPF_ALU64;
  if (op === BPF_NEG) {
    if (bpfSrc(code) !== BPF_K || insns.src[idx] || insns.off[idx] || imm) reject(env, ALU.NEG_RESERVED_FIELDS);
  } else if (
    insns.src[idx] !== 0 ||
    insns.off[idx] !== 0 ||
    (imm !== 16 && imm !== 32 && imm !== 64) ||
    (is64 && bpfSrc(code) === BPF_TO_BE)
  ) {
    reject(env, ALU.END_RESERVED_FIELDS);
  }
  const dst = insns.dst[idx];
  checkRegRead(env, dst);
  if (isPointerValue(env, dst)) reject(env, ALU.POINTER_ARITHMETIC, dst);
  const { rows } = env.state.frame;
  const d = regRow(dst);
  if (op === BPF_NEG && rows[d + TYPE] === SCALAR_VALUE) {
    checkRegWrite(env, dst, is64);
    adjustScalar(env, op, d, undefined, is64);
    rows[d + ID] = rows[d + OFF] = 0;
  } else if (op === BPF_END && rows[d + TYPE] === SCALAR_VALUE) {
    checkRegWrite(env, dst, is64);
    loadScalar(dstVal, rows, d);
    byteSwap(dstVal, imm, is64 || bpfSrc(code) === BPF_TO_BE);
    storeScalar(dstVal, rows, d);
    // Sixty-four bits in the machine's own order stay what they were.
    if (is64 || bpfSrc(code) === BPF_TO_BE || imm !== 64) rows[d + ID] = rows[d + OFF] = 0;
  } else defineReg(env, dst, is64);
}

function checkMov(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  const code = insns.code[idx];
  const off = insns.off[idx];
  const imm = insns.imm[idx];
  const is64 = bpfClass(code) === BPF_ALU64;
  const isReg = bpfSrc(code) === BPF_X;
  if (!isReg) {
    if (insns.src[idx] !== 0 || off !== 0) reject(env, ALU.MOV_RESERVED_FIELDS);
  } else if (is64 && off === BPF_ADDR_SPACE_CAST) {
    if (imm !== 1 && imm !== 1 << 16) reject(env, ALU.ADDR_SPACES);
    if (!env.hasArena) reject(env, ALU.NO_ARENA);
  } else if ((off !== 0 && off !== 8 && off !== 16 && !(is64 && off === 32)) || imm !== 0) {
    reject(env, ALU.MOV_RESERVED_FIELDS);
  }
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  if (isReg) checkRegRead(env, src);
  checkRegWrite(env, dst, is64);
  const { rows } = env.state.frame;
  const d = regRow(dst);
  if (!isReg) {
    markRegConst(env, rows, d, imm, is64 ? imm >> 31 : 0);
  } else if (is64) mov64(env, dst, src, off, imm);
  else mov32(env, dst, src, off);
}

function mov64(env: VerifierEnv, dst: number, src: number, off: number, imm: number): void {
  const { rows } = env.state.frame;
  const d = regRow(dst);
  const s = regRow(src);
  if (imm !== 0) {
    markRegUnknown(env, rows, d);
    if (imm === 1) {
      rows[d + TYPE] = PTR_TO_ARENA;
      rows[d + SUBREG_DEF] = env.insnIdx + 1;
    }
    return;
  }
  if (off === 0) {
    assignScalarId(env, rows, s);
    copyRow(rows, d, rows, s);
    rows[d + SUBREG_DEF] = 0;
    return;
  }
  if (isPointerValue(env, src)) reject(env, ALU.SIGN_EXTEND_POINTER, src);
  if (rows[s + TYPE] !== SCALAR_VALUE) return markRegUnknown(env, rows, d);
  copySignExtended(env, rows, d, s, off);
  loadScalar(dstVal, rows, d);
  coerceToSizeSx(dstVal, off >> 3);
  storeScalar(dstVal, rows, d);
  rows[d + SUBREG_DEF] = 0;
}

/** Copies the source, keeping the link, and the distance that goes with it, only when the sign bit is known to be clear. */
function copySignExtended(env: VerifierEnv, rows: Int32Array, d: number, s: number, bits: number): void {
  const noSext = rows[s + UMAX_HI] === 0 && rows[s + UMAX_LO] >>> 0 < 2 ** (bits - 1);
  if (noSext) assignScalarId(env, rows, s);
  copyRow(rows, d, rows, s);
  if (!noSext) rows[d + ID] = rows[d + OFF] = 0;
}

function mov32(env: VerifierEnv, dst: number, src: number, off: number): void {
  const { rows } = env.state.frame;
  const d = regRow(dst);
  const s = regRow(src);
  if (isPointerValue(env, src)) reject(env, ALU.PARTIAL_COPY, src);
  if (rows[s + TYPE] !== SCALAR_VALUE) {
    markRegUnknown(env, rows, d);
    loadScalar(dstVal, rows, d);
  } else if (off === 0) {
    const fits = regWidth(rows, s) <= 32;
    if (fits) assignScalarId(env, rows, s);
    copyRow(rows, d, rows, s);
    if (!fits) rows[d + ID] = rows[d + OFF] = 0;
    loadScalar(dstVal, rows, d);
  } else {
    copySignExtended(env, rows, d, s, off);
    loadScalar(dstVal, rows, d);
    coerceSubregToSizeSx(dstVal, off >> 3);
  }
  rows[d + SUBREG_DEF] = env.insnIdx + 1;
  zext32To64(dstVal);
  regBoundsSync(dstVal);
  storeScalar(dstVal, rows, d);
}

function checkBinary(env: VerifierEnv, op: number): void {
  const { insns, insnIdx: idx } = env;
  const code = insns.code[idx];
  const off = insns.off[idx];
  const imm = insns.imm[idx];
  const is64 = bpfClass(code) === BPF_ALU64;
  const isReg = bpfSrc(code) === BPF_X;
  const badOff = (off !== 0 && off !== 1) || (off === 1 && op !== BPF_MOD && op !== BPF_DIV);
  if ((isReg ? imm !== 0 : insns.src[idx] !== 0) || badOff) reject(env, ALU.ALU_RESERVED_FIELDS);
  if (isReg) checkRegRead(env, insns.src[idx]);
  const dst = insns.dst[idx];
  checkRegRead(env, dst);
  if ((op === BPF_MOD || op === BPF_DIV) && !isReg && imm === 0) reject(env, ALU.DIV_BY_ZERO);
  if ((op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH) && !isReg && (imm < 0 || imm >= (is64 ? 64 : 32))) {
    reject(env, ALU.INVALID_SHIFT, imm);
  }
  checkRegWrite(env, dst, is64);
  adjustRegMinMaxVals(env, op, is64);
}

/** adjust_reg_min_max_vals: pointer and number, or two numbers. */
function adjustRegMinMaxVals(env: VerifierEnv, op: number, is64: boolean): void {
  const { insns, insnIdx: idx } = env;
  const isReg = bpfSrc(insns.code[idx]) === BPF_X;
  const { rows } = env.state.frame;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  const d = regRow(dst);
  const s = regRow(src);
  if (rows[d + TYPE] === PTR_TO_ARENA) {
    if (is64) env.aux.flags[idx] |= AUX_NEEDS_ZEXT;
    return;
  }
  const dstIsPtr = rows[d + TYPE] !== SCALAR_VALUE;
  if (isReg) {
    if (rows[s + TYPE] !== SCALAR_VALUE) {
      if (dstIsPtr) {
        if (op === BPF_SUB && env.allowPtrLeaks) return markRegUnknown(env, rows, d);
        reject(env, ALU.POINTERS_COMBINED, dst, aluString(op));
      }
      markChainPrecision(env, dst);
      loadScalar(operand, rows, d);
      return adjustPtrMinMaxVals(env, s, d, operand);
    }
    if (dstIsPtr) {
      markChainPrecision(env, src);
      loadScalar(operand, rows, s);
      return adjustPtrMinMaxVals(env, d, s, operand);
    }
    if (rows[d + PRECISE]) markChainPrecision(env, src);
    loadScalar(operand, rows, s);
  } else {
    operand.setConst(insns.imm[idx], insns.imm[idx] >> 31);
    if (dstIsPtr) return adjustPtrMinMaxVals(env, d, -1, operand);
  }
  // A distance in 32 bits is one of the whole register only when there was nothing in the upper half.
  const linkable = is64 || rows[d + UMAX_HI] === 0;
  adjustScalar(env, op, d, operand, is64);
  if (linkable) linkDelta(env, op, d, operand, is64);
  else rows[d + ID] = rows[d + OFF] = 0;
}

/** Remembers a constant distance between linked scalars, or cuts the link (BPF_ADD_CONST32, BPF_ADD_CONST64). */
function linkDelta(env: VerifierEnv, op: number, d: number, added: Scalar, is64: boolean): void {
  const { rows } = env.state.frame;
  const linked = env.bpfCapable && rows[d + ID] !== 0 && !(rows[d + ID] & BPF_ADD_CONST);
  const delta = linked ? constDelta(env, op, added, is64) : undefined;
  if (delta === undefined) {
    rows[d + ID] = rows[d + OFF] = 0;
    return;
  }
  rows[d + ID] |= is64 ? BPF_ADD_CONST64 : BPF_ADD_CONST32;
  rows[d + OFF] = delta;
}

/** The signed 32-bit constant that the instruction adds, or undefined. */
function constDelta(env: VerifierEnv, op: number, added: Scalar, is64: boolean): number | undefined {
  const { insns, insnIdx: idx } = env;
  if (op !== BPF_ADD && op !== BPF_SUB) return undefined;
  if (bpfSrc(insns.code[idx]) === BPF_X && insns.src[idx] === insns.dst[idx]) return undefined;
  if (is64 ? !added.isConst() : !added.isConst32()) return undefined;
  if (is64 && added.valHi !== added.valLo >> 31) return undefined;
  if (op === BPF_ADD) return added.valLo;
  return added.valLo === -0x80000000 ? undefined : -added.valLo;
}

/** adjust_scalar_min_max_vals. `src` undefined for negation. */
function adjustScalar(env: VerifierEnv, op: number, d: number, src: Scalar | undefined, is64: boolean): void {
  const { rows } = env.state.frame;
  if (src !== undefined && !safeForAlu(op, src, is64)) {
    const subreg = rows[d + SUBREG_DEF];
    markRegUnknown(env, rows, d);
    rows[d + SUBREG_DEF] = subreg;
    return;
  }
  if (op === BPF_ADD || op === BPF_SUB) sanitizeValAlu(env);
  if ((op === BPF_AND || op === BPF_OR) && src !== undefined) maybeForkScalars(env, op, rows, d, src);
  loadScalar(dstVal, rows, d);
  scalarAlu(op, dstVal, src ?? dstVal, is64);
  storeScalar(dstVal, rows, d);
}
