/** Lowering of arithmetic, moves, byte swaps and sign extension (BPF_ALU, BPF_ALU64; RFC 9669 section 4). */
import {
  BPF_ADD,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_TO_BE,
  BPF_X,
  BPF_XOR,
} from '../../../isa/opcodes.ts';
import { FRAME, type FnState } from './fn-state.ts';
import { type Halves, foldAlu } from '../rewrite/fold.ts';
import { JIT_ROTL } from '../rewrite/idioms.ts';
import * as w from '../wasm/wasm-ops.ts';

/** BPF operation (high nibble) to the wasm operators of 64 and 32 bits. */
const BINARY: readonly (readonly [number, number] | undefined)[] = (() => {
  const rows: [number, number, number][] = [
    [BPF_ADD, w.I64_ADD, w.I32_ADD],
    [BPF_SUB, w.I64_SUB, w.I32_SUB],
    [BPF_MUL, w.I64_MUL, w.I32_MUL],
    [BPF_OR, w.I64_OR, w.I32_OR],
    [BPF_AND, w.I64_AND, w.I32_AND],
    [BPF_LSH, w.I64_SHL, w.I32_SHL],
    [BPF_RSH, w.I64_SHR_U, w.I32_SHR_U],
    [BPF_XOR, w.I64_XOR, w.I32_XOR],
    [BPF_ARSH, w.I64_SHR_S, w.I32_SHR_S],
  ];
  const table: (readonly [number, number] | undefined)[] = Array.from({ length: 16 }, () => undefined);
  for (const [op, wide, narrow] of rows) table[op >> 4] = [wide, narrow];
  return table;
})();

/** The second operand: a register, or a number known at translation time. */
interface Operand {
  readonly reg: number;
  readonly known: boolean;
  readonly lo: number;
  readonly hi: number;
}

function operandOf(f: FnState, i: number): Operand {
  const { insns } = f;
  const reg = insns.src[i];
  if ((insns.code[i] & BPF_X) === 0) return { reg, known: true, lo: insns.imm[i], hi: insns.imm[i] >> 31 };
  return { reg, known: f.isConst(reg), lo: f.lo[reg], hi: f.hi[reg] };
}

function push64(f: FnState, b: Operand): void {
  if (b.known) f.out.i64(b.lo, b.hi);
  else f.push64(b.reg);
}

function push32(f: FnState, b: Operand): void {
  if (b.known) f.out.i32(b.lo);
  else f.push32(b.reg);
}

/** Lowers the arithmetic instruction at `i`; false when its encoding is unknown. */
export function lowerAlu(f: FnState, i: number): boolean {
  const { insns } = f;
  const code = insns.code[i];
  const op = code & 0xf0;
  const wide = (code & 7) === BPF_ALU64;
  if (op === BPF_MOV) return lowerMov(f, i, wide);
  if (op === BPF_END) return lowerEnd(f, i, wide);
  const dst = insns.dst[i];
  if (op === JIT_ROTL && wide && f.plan.guard === undefined) {
    f.push64(dst);
    f.out.i64(insns.imm[i], 0);
    return finish(f, dst, w.I64_ROTL, true);
  }
  if (op === BPF_NEG) return lowerNeg(f, dst, wide);
  const operand = operandOf(f, i);
  if (op === BPF_DIV || op === BPF_MOD) {
    if (insns.off[i] !== 0 && insns.off[i] !== 1) return false;
    return lowerDivision(f, dst, operand, { wide, signed: insns.off[i] === 1, mod: op === BPF_MOD });
  }
  if (BINARY[op >> 4] === undefined || insns.off[i] !== 0) return false;
  return (operand.known && foldBinary(f, op, dst, operand, wide)) || lowerBinary(f, op, dst, operand, wide);
}

function lowerNeg(f: FnState, dst: number, wide: boolean): boolean {
  if (f.isConst(dst)) return fold(f, dst, BPF_NEG, NOTHING, wide);
  if (wide && f.narrowDef) {
    f.out.i32(0);
    f.push32(dst);
    f.out.byte(w.I32_SUB);
    f.setLow(dst);
    return true;
  }
  if (wide) f.out.i64(0, 0);
  else f.out.i32(0);
  if (wide) f.push64(dst);
  else f.push32(dst);
  return finish(f, dst, wide ? w.I64_SUB : w.I32_SUB, wide);
}

/** With a known operand: computes constants and offsets into the frame, and leaves out what changes nothing. */
function foldBinary(f: FnState, op: number, dst: number, b: Operand, wide: boolean): boolean {
  if (f.isConst(dst)) return fold(f, dst, op, [b.lo, b.hi], wide);
  if (wide && f.kind[dst] === FRAME && (op === BPF_ADD || op === BPF_SUB)) {
    f.setFrame(dst, (f.lo[dst] + (op === BPF_ADD ? b.lo : -b.lo)) | 0);
    return true;
  }
  return isIdentity(op, b.lo, b.hi, wide) && (wide || f.isZext(dst)) && f.isNarrow(dst) === f.narrowDef;
}

/** A binary operator, in the narrowest form that gives the bits that are needed. */
function lowerBinary(f: FnState, op: number, dst: number, b: Operand, wide: boolean): boolean {
  const [op64, op32] = BINARY[op >> 4]!;
  const bitwise = op === BPF_AND || op === BPF_OR || op === BPF_XOR;
  const dstZext = f.isZext(dst);
  const srcZext = b.known ? !wide || b.hi === 0 : f.isZext(b.reg);
  if (wide && f.narrowDef && lowHalfSuffices(f, op, dst, b)) {
    const zext = wideStaysZext(op, b, { dstZext, srcZext });
    f.push32(dst);
    push32(f, b);
    f.out.byte(op32);
    if (zext) f.set32(dst);
    else f.setLow(dst);
    return true;
  }
  // Bitwise 32-bit operations on zero-extended values need no narrowing.
  if (bitwise && !wide && !f.narrowDef && (dstZext || op === BPF_AND) && srcZext) {
    f.push64(dst);
    if (b.known) f.out.i64(b.lo, 0);
    else f.push64(b.reg);
    f.out.byte(op64);
    f.set64(dst, true);
    return true;
  }
  if (wide) {
    f.push64(dst);
    push64(f, b);
    f.out.byte(op64);
    f.set64(dst, wideStaysZext(op, b, { dstZext, srcZext }));
    return true;
  }
  f.push32(dst);
  push32(f, b);
  return finish(f, dst, op32, false);
}

/** Whether the upper half of a 64-bit result is known to be zero. */
function wideStaysZext(op: number, b: Operand, zext: { dstZext: boolean; srcZext: boolean }): boolean {
  const { dstZext, srcZext } = zext;
  if (op === BPF_AND) return dstZext || srcZext;
  if (op === BPF_OR || op === BPF_XOR) return dstZext && srcZext;
  return op === BPF_RSH && (dstZext || (b.known && (b.lo & 63) >= 32));
}

/** Whether the low half of a 64-bit result is the 32-bit operation on the low halves. */
function lowHalfSuffices(f: FnState, op: number, dst: number, b: Operand): boolean {
  if (op === BPF_LSH) return b.known && (b.lo & 63) < 32;
  if (op === BPF_RSH) return b.known && (b.lo & 63) < 32 && f.isZext(dst);
  return op !== BPF_ARSH;
}

function isIdentity(op: number, lo: number, hi: number, wide: boolean): boolean {
  if (op === BPF_AND) return lo === -1 && (!wide || hi === -1);
  if (op === BPF_MUL) return lo === 1 && (!wide || hi === 0);
  return lo === 0 && (!wide || hi === 0);
}

function finish(f: FnState, dst: number, wasmOp: number, wide: boolean): boolean {
  f.out.byte(wasmOp);
  if (wide) f.set64(dst);
  else f.set32(dst);
  return true;
}

const NOTHING: Halves = [0, 0];

/** Computes a constant at translation time. */
function fold(f: FnState, dst: number, op: number, b: Halves, wide: boolean): boolean {
  const r = foldAlu(op, [f.lo[dst], f.hi[dst]], b, wide);
  f.setConst(dst, r[0], r[1]);
  return true;
}

function lowerMov(f: FnState, i: number, wide: boolean): boolean {
  const { insns } = f;
  const dst = insns.dst[i];
  const off = insns.off[i];
  if ((insns.code[i] & BPF_X) === 0) {
    if (off !== 0) return false;
    f.setConst(dst, insns.imm[i], wide ? insns.imm[i] >> 31 : 0);
    return true;
  }
  const src = insns.src[i];
  if (off === 8 || off === 16 || (off === 32 && wide)) return lowerMovSx(f, dst, src, off, wide);
  const cast = wide && off === BPF_ADDR_SPACE_CAST;
  if (off !== 0 && !cast) return false;
  const whole = wide && !cast;
  if (f.isConst(src)) f.setConst(dst, f.lo[src], whole ? f.hi[src] : 0);
  else if (f.kind[src] === FRAME) f.setFrame(dst, f.lo[src]);
  else if (dst === src && (whole || f.isZext(src)) && f.isNarrow(src) === f.narrowDef) return true;
  else if (f.narrowDef) {
    const zext = f.isZext(src);
    f.push32(src);
    if (zext || !whole) f.set32(dst);
    else f.setLow(dst);
  } else if (whole || f.isZext(src)) {
    const zext = f.isZext(src);
    f.push64(src);
    f.set64(dst, zext);
  } else {
    f.push32(src);
    f.set32(dst);
  }
  return true;
}

function lowerMovSx(f: FnState, dst: number, src: number, bits: number, wide: boolean): boolean {
  if (f.isConst(src)) {
    const lo = bits === 32 ? f.lo[src] : (f.lo[src] << (32 - bits)) >> (32 - bits);
    f.setConst(dst, lo, wide ? lo >> 31 : 0);
    return true;
  }
  if (!wide) {
    f.push32(src);
    return finish(f, dst, bits === 8 ? w.I32_EXTEND8_S : w.I32_EXTEND16_S, false);
  }
  f.push64(src);
  return finish(f, dst, bits === 8 ? w.I64_EXTEND8_S : bits === 16 ? w.I64_EXTEND16_S : w.I64_EXTEND32_S, true);
}

interface Division {
  readonly wide: boolean;
  readonly signed: boolean;
  readonly mod: boolean;
}

/** DIV_U, DIV_S, REM_U, REM_S. */
const DIVISIONS_64 = [w.I64_DIV_U, w.I64_DIV_S, w.I64_REM_U, w.I64_REM_S];
const DIVISIONS_32 = [w.I32_DIV_U, w.I32_DIV_S, w.I32_REM_U, w.I32_REM_S];

/** Division by zero gives 0, modulo by zero leaves the dividend, and INT_MIN / -1 is INT_MIN. */
function lowerDivision(f: FnState, dst: number, b: Operand, d: Division): boolean {
  const { wide } = d;
  const at = (d.mod ? 2 : 0) + (d.signed ? 1 : 0);
  const wasm = wide ? DIVISIONS_64[at] : DIVISIONS_32[at];
  if (b.known && b.lo === 0 && (!wide || b.hi === 0) && !d.mod) {
    f.setConst(dst, 0, 0);
    return true;
  }
  if (b.known) divideByKnown(f, dst, b, d, wasm);
  else divideByRegister(f, dst, b.reg, d, wasm);
  if (wide) f.set64(dst);
  else f.set32(dst);
  return true;
}

function pushOperand(f: FnState, reg: number, wide: boolean): void {
  if (wide) f.push64(reg);
  else f.push32(reg);
}

function pushNumber(f: FnState, n: number, wide: boolean): void {
  if (wide) f.out.i64(n, n >> 31);
  else f.out.i32(n);
}

function divideByKnown(f: FnState, dst: number, b: Operand, { wide, signed, mod }: Division, wasm: number): void {
  const zero = b.lo === 0 && (!wide || b.hi === 0);
  const minusOne = b.lo === -1 && (!wide || b.hi === -1);
  if (zero) return pushOperand(f, dst, wide);
  if (minusOne && signed && !mod) {
    pushNumber(f, 0, wide);
    pushOperand(f, dst, wide);
    f.out.byte(wide ? w.I64_SUB : w.I32_SUB);
    return;
  }
  pushOperand(f, dst, wide);
  if (wide) f.out.i64(b.lo, b.hi);
  else f.out.i32(b.lo);
  f.out.byte(wasm);
}

function divideByRegister(f: FnState, dst: number, src: number, { wide, signed, mod }: Division, wasm: number): void {
  const { out } = f;
  const s = wide ? f.temp64() : f.temp32();
  pushOperand(f, src, wide);
  out.tee(s);
  if (signed && !mod) {
    // s + 1 < 2 holds only for 0 and -1, and for those the quotient is -dst & s.
    pushNumber(f, 1, wide);
    out.byte(wide ? w.I64_ADD : w.I32_ADD);
    pushNumber(f, 2, wide);
    out.byte(wide ? w.I64_LT_U : w.I32_LT_U);
  } else out.byte(wide ? w.I64_EQZ : w.I32_EQZ);
  out.byte2(w.IF, wide ? w.T_I64 : w.T_I32);
  if (mod) pushOperand(f, dst, wide);
  else {
    pushNumber(f, 0, wide);
    if (signed) {
      pushOperand(f, dst, wide);
      out.byte(wide ? w.I64_SUB : w.I32_SUB);
      out.get(s);
      out.byte(wide ? w.I64_AND : w.I32_AND);
    }
  }
  out.byte(w.ELSE);
  pushOperand(f, dst, wide);
  out.get(s);
  out.byte2(wasm, w.END);
  if (wide) f.free64(s);
  else f.free32(s);
}

/** BPF_END: to little endian truncates, to big endian and BPF_ALU64 (bswap) reverse bytes. */
function lowerEnd(f: FnState, i: number, wide: boolean): boolean {
  const { insns } = f;
  const dst = insns.dst[i];
  const bits = insns.imm[i];
  const toBe = (insns.code[i] & BPF_TO_BE) !== 0;
  if ((bits !== 16 && bits !== 32 && bits !== 64) || (wide && toBe)) return false;
  if (!wide && !toBe) return lowerTruncate(f, dst, bits);
  if (bits === 64) return lowerSwap64(f, dst);
  return lowerSwap(f, dst, bits);
}

function lowerTruncate(f: FnState, dst: number, bits: 16 | 32 | 64): boolean {
  if (bits === 64) {
    f.push64(dst);
    f.set64(dst, f.isZext(dst));
  } else if (bits === 32) {
    f.push32(dst);
    f.set32(dst);
  } else {
    f.push64(dst);
    f.out.i64(0xffff, 0);
    f.out.byte(w.I64_AND);
    f.set64(dst, true);
  }
  return true;
}

function lowerSwap64(f: FnState, dst: number): boolean {
  const { out } = f;
  const t = f.temp64();
  f.push64(dst);
  out.set(t);
  swapPairs64(f, t, 8, 0x00ff00ff);
  swapPairs64(f, t, 16, 0x0000ffff);
  out.get(t);
  out.i64(32, 0);
  f.free64(t);
  return finish(f, dst, w.I64_ROTL, true);
}

function lowerSwap(f: FnState, dst: number, bits: 16 | 32): boolean {
  const { out } = f;
  const t = f.temp32();
  f.push32(dst);
  out.tee(t);
  if (bits === 32) {
    // rotl(x, 8) & 0x00ff00ff | rotl(x, 24) & 0xff00ff00
    out.i32(8);
    out.byte(w.I32_ROTL);
    out.i32(0x00ff00ff);
    out.byte(w.I32_AND);
    out.get(t);
    out.i32(24);
    out.byte(w.I32_ROTL);
    out.i32(0xff00ff00);
    out.byte(w.I32_AND);
  } else {
    out.i32(8);
    out.byte(w.I32_SHL);
    out.i32(0xff00);
    out.byte(w.I32_AND);
    out.get(t);
    out.i32(8);
    out.byte(w.I32_SHR_U);
    out.i32(0xff);
    out.byte(w.I32_AND);
  }
  f.free32(t);
  return finish(f, dst, w.I32_OR, false);
}

/** t = (t & mask) << bits | t >> bits & mask, the mask repeated in both halves. */
function swapPairs64(f: FnState, t: number, bits: number, mask: number): void {
  const { out } = f;
  out.get(t);
  out.i64(mask, mask);
  out.byte(w.I64_AND);
  out.i64(bits, 0);
  out.byte(w.I64_SHL);
  out.get(t);
  out.i64(bits, 0);
  out.byte(w.I64_SHR_U);
  out.i64(mask, mask);
  out.byte(w.I64_AND);
  out.byte(w.I64_OR);
  out.set(t);
}
