/** Fragments about numbers: where they come from, arithmetic of every kind, linked copies, narrowing by compares. */
import * as op from '../../../src/isa/opcodes.ts';
import { type Frame, NUM } from './frame.ts';
import type { Program } from './generate.ts';

const CONSTANTS = [
  0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 32, 33, 39, 40, 41, 47, 48, 49, 63, 64, 100, 127, 128, 129, 255, 256, 1000,
  4095, 4096, 0x7fff, 0x8000, 0xffff, 0x10000, 0xffffff, 0x7ffffff0, 0x7ffffffe, 0x7fffffff, -0x80000000, -0x7fffffff,
  -1, -2, -3, -8, -16, -64, -128, -129, -256, -32768, -32769, 0x55555555, 0x0ff00ff0,
];
const HIGH = [0, 0, 1, -1, 0x7fffffff, -0x80000000, 2, 0xff];
const SHIFTS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 33, 47, 48, 56, 59, 62, 63];
const ARITHMETIC = [
  op.BPF_ADD,
  op.BPF_ADD,
  op.BPF_SUB,
  op.BPF_MUL,
  op.BPF_DIV,
  op.BPF_MOD,
  op.BPF_OR,
  op.BPF_AND,
  op.BPF_AND,
  op.BPF_XOR,
] as const;
const SHIFT_OPS = [op.BPF_LSH, op.BPF_RSH, op.BPF_ARSH] as const;
export const COMPARES = [
  op.BPF_JEQ,
  op.BPF_JNE,
  op.BPF_JGT,
  op.BPF_JGE,
  op.BPF_JLT,
  op.BPF_JLE,
  op.BPF_JSGT,
  op.BPF_JSGE,
  op.BPF_JSLT,
  op.BPF_JSLE,
  op.BPF_JSET,
] as const;
/** Compares whose failing side has a small unsigned value. */
const UPPER = [op.BPF_JGT, op.BPF_JGE] as const;

export function constant(f: Frame): number {
  return f.rng.chance(70) ? f.rng.pick(CONSTANTS) : f.rng.chance(60) ? f.rng.between(-300, 300) : f.rng.u32() | 0;
}

/** A new number in a register; -1 when no register is free. */
export function source(p: Program, f: Frame): number {
  const { rng } = f;
  const dst = f.free('num');
  if (dst < 0) return -1;
  const vals = [...f.having('val'), ...f.having('rdonly')].filter((r) => f.regs[r].room >= 8);
  const ctx = f.having('ctx');
  const kind = rng.weighted([
    [3, 'imm'],
    [2, 'imm64'],
    [vals.length > 0 ? 6 : 0, 'val'],
    [ctx.length > 0 && p.ctxWords.length > 0 ? 4 : 0, 'ctx'],
    [6, 'random'],
    [1, 'ktime'],
  ] as const);
  if (kind === 'imm') f.movImm(dst, constant(f));
  else if (kind === 'imm64') {
    f.code.emit(op.BPF_LD | op.BPF_DW | op.BPF_IMM, dst, 0, 0, constant(f));
    f.code.emit(0, 0, 0, 0, rng.pick(HIGH));
  } else if (kind === 'val') {
    const size = rng.pick([op.BPF_B, op.BPF_H, op.BPF_W, op.BPF_DW]);
    const src = rng.pick(vals);
    f.load(size, dst, src, rng.below(f.regs[src].room / 8) * 8, size !== op.BPF_DW && rng.chance(25));
  } else if (kind === 'ctx') {
    const [size, off] = rng.pick(p.ctxWords);
    f.load(size, dst, rng.pick(ctx), off);
  } else {
    f.call(kind === 'random' ? 7 : rng.pick([5, 8]));
    f.clobber();
    f.set(0, NUM);
    if (f.frozen.has(dst) || dst === 0) return 0;
    f.mov(dst, 0);
  }
  f.set(dst, NUM);
  return dst;
}

/** Some number, an existing one if there is. */
export function number(p: Program, f: Frame): number {
  const have = f.having('num');
  return have.length > 0 && f.rng.chance(85) ? f.rng.pick(have) : source(p, f);
}

/** A number that may be changed. */
export function mutable(p: Program, f: Frame): number {
  const have = f.having('num').filter((r) => !f.frozen.has(r));
  return have.length > 0 && f.rng.chance(85) ? f.rng.pick(have) : source(p, f);
}

/** One arithmetic instruction on a number, with a constant or another number. */
export function arithmetic(p: Program, f: Frame): void {
  const dst = mutable(p, f);
  if (dst < 0) return;
  p.hit('T2');
  operate(f, dst);
}

export function operate(f: Frame, dst: number): void {
  const { rng, code } = f;
  const cls = rng.chance(55) ? op.BPF_ALU64 : op.BPF_ALU;
  const others = f.having('num');
  const kind = rng.weighted([
    [10, 'alu'],
    [5, 'shift'],
    [1, 'neg'],
    [3, 'movsx'],
    [2, 'swap'],
    [3, 'mov32'],
    [2, 'mask'],
  ] as const);
  if (kind === 'alu') {
    const o = rng.pick(ARITHMETIC);
    const signed = (o === op.BPF_DIV || o === op.BPF_MOD) && rng.chance(30) ? 1 : 0;
    if (rng.chance(45) && others.length > 0) code.emit(cls | o | op.BPF_X, dst, rng.pick(others), signed);
    else {
      let imm = constant(f);
      if ((o === op.BPF_DIV || o === op.BPF_MOD) && imm === 0) imm = 3;
      code.emit(cls | o | op.BPF_K, dst, 0, signed, imm);
    }
  } else if (kind === 'shift') {
    const o = rng.pick(SHIFT_OPS);
    if (rng.chance(25) && others.length > 0) code.emit(cls | o | op.BPF_X, dst, rng.pick(others));
    else code.emit(cls | o | op.BPF_K, dst, 0, 0, rng.pick(SHIFTS) & (cls === op.BPF_ALU ? 31 : 63));
  } else if (kind === 'neg') code.emit(cls | op.BPF_NEG, dst);
  else if (kind === 'movsx') {
    const bits = rng.pick(cls === op.BPF_ALU64 ? [8, 16, 32] : [8, 16]);
    code.emit(cls | op.BPF_MOV | op.BPF_X, dst, rng.chance(50) ? dst : rng.pick(others), bits);
  } else if (kind === 'swap') {
    const bits = rng.pick([16, 32, 64]);
    if (rng.chance(40)) code.emit(op.BPF_ALU64 | op.BPF_END, dst, 0, 0, bits);
    else code.emit(op.BPF_ALU | op.BPF_END | rng.pick([op.BPF_TO_LE, op.BPF_TO_BE]), dst, 0, 0, bits);
  } else if (kind === 'mov32')
    code.emit(op.BPF_ALU | op.BPF_MOV | op.BPF_X, dst, rng.chance(60) ? dst : rng.pick(others));
  else code.emit(cls | op.BPF_AND | op.BPF_K, dst, 0, 0, rng.pick([1, 3, 7, 15, 31, 32, 63, 127, 255, 0xfff]));
}

/** Copies of a number, some of them moved by a constant, of which one is then compared (T3). */
export function linked(p: Program, f: Frame): void {
  const { rng } = f;
  const src = number(p, f);
  if (src < 0) return;
  p.hit('linked');
  p.hit('T3');
  const group = [src];
  for (let i = rng.between(1, 3); i > 0; i--) {
    const dst = f.free('num');
    if (dst < 0 || group.includes(dst)) continue;
    f.code.emit((rng.chance(75) ? op.BPF_ALU64 : op.BPF_ALU) | op.BPF_MOV | op.BPF_X, dst, rng.pick(group));
    f.set(dst, NUM);
    if (rng.chance(70)) {
      const cls = rng.chance(70) ? op.BPF_ALU64 : op.BPF_ALU;
      f.code.emit(cls | rng.pick([op.BPF_ADD, op.BPF_ADD, op.BPF_ADD, op.BPF_SUB]) | op.BPF_K, dst, 0, 0, constant(f));
    }
    group.push(dst);
  }
  narrow(f, rng.pick(group));
  if (rng.chance(40)) narrow(f, rng.pick(group));
}

/** A compare whose one side gives up. */
export function narrow(f: Frame, reg: number, to = f.bail): void {
  const { rng } = f;
  const wide = rng.chance(65);
  const others = f.having('num').filter((r) => r !== reg);
  if (rng.chance(20) && others.length > 0) f.jumpReg(rng.pick(COMPARES), reg, rng.pick(others), to, wide);
  else f.jumpImm(rng.pick(rng.chance(50) ? UPPER : COMPARES), reg, constant(f), to, wide);
}

/** Makes `reg` at most `max`, or nearly so, in one of many ways. */
export function bound(f: Frame, reg: number, max: number): void {
  const { rng, code } = f;
  const slip = rng.chance(6) ? rng.pick([1, 2, 8, -1]) : 0;
  const limit = Math.max(0, max + slip);
  const wide = rng.chance(60);
  const cls = wide ? op.BPF_ALU64 : op.BPF_ALU;
  const how = rng.weighted([
    [6, 'jump'],
    [3, 'mask'],
    [2, 'mod'],
    [2, 'signed'],
    [2, 'width'],
    [2, 'shift'],
    [1, 'none'],
  ] as const);
  const mask = 2 ** Math.floor(Math.log2(limit + 1)) - 1;
  if (how === 'jump') {
    // A 32-bit compare is enough once the upper half is gone.
    if (!wide && rng.chance(85)) code.emit(op.BPF_ALU | op.BPF_MOV | op.BPF_X, reg, reg);
    if (rng.chance(50)) f.jumpImm(op.BPF_JGT, reg, limit, f.bail, wide);
    else f.jumpImm(op.BPF_JGE, reg, limit + 1, f.bail, wide);
  } else if (how === 'mask') code.emit(cls | op.BPF_AND | op.BPF_K, reg, 0, 0, mask & (rng.chance(50) ? -1 : ~7));
  else if (how === 'mod') code.emit(cls | op.BPF_MOD | op.BPF_K, reg, 0, 0, limit + 1);
  else if (how === 'signed') {
    if (!wide && rng.chance(85)) code.emit(op.BPF_ALU | op.BPF_MOV | op.BPF_X, reg, reg);
    const checks = [
      (): void => f.jumpImm(op.BPF_JSGT, reg, limit, f.bail, wide),
      (): void => f.jumpImm(op.BPF_JSLT, reg, 0, f.bail, wide),
    ];
    if (rng.chance(50)) checks.reverse();
    checks[0]();
    if (rng.chance(94)) checks[1]();
  } else if (how === 'width') {
    if (limit >= 255 && rng.chance(80)) code.emit(op.BPF_ALU | op.BPF_END, reg, 0, 0, 16);
    code.emit(cls | op.BPF_AND | op.BPF_K, reg, 0, 0, mask);
    if (rng.chance(30)) code.emit(op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, reg, reg, rng.pick([8, 16, 32]));
  } else if (how === 'shift') {
    const bits = Math.floor(Math.log2(limit + 1));
    code.emit(cls | op.BPF_RSH | op.BPF_K, reg, 0, 0, Math.max(0, (wide ? 64 : 32) - bits) & (wide ? 63 : 31));
  }
}
