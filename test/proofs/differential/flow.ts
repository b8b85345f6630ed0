/** Fragments about control flow: branches, ladders, loops of every shape, early exits. */
import * as op from '../../../src/isa/opcodes.ts';
import { type Frame, type Label, NONE, NUM, SLOTS } from './frame.ts';
import { block, type Program } from './generate.ts';
import { fill, fixedValue, spill } from './memory.ts';
import { arithmetic, COMPARES, constant, narrow, number } from './scalars.ts';

/** if / else on a number. */
export function branch(p: Program, f: Frame): void {
  const { rng } = f;
  const reg = number(p, f);
  if (reg < 0) return;
  const other: Label = { at: -1 };
  const join: Label = { at: -1 };
  narrow(f, reg, other);
  const before = f.snapshot();
  block(p, f, rng.between(1, 3));
  const both = rng.chance(60);
  if (both) f.jump(join);
  const after = f.snapshot();
  f.code.place(other);
  f.restore(before);
  if (both) block(p, f, rng.between(1, 3));
  f.code.place(join);
  f.join(after);
}

/** A ladder of ifs that set one register, as a switch compiles to. */
export function ladder(p: Program, f: Frame): void {
  const { rng } = f;
  const reg = number(p, f);
  if (reg < 0) return;
  const dst = f.free('num');
  if (dst < 0 || dst === reg) return;
  f.movImm(dst, constant(f));
  f.set(dst, NUM);
  const done: Label = { at: -1 };
  for (let i = rng.between(2, 5); i > 0; i--) {
    const next: Label = { at: -1 };
    f.jumpImm(rng.pick(COMPARES), reg, rng.chance(50) ? i * 8 : constant(f), next, rng.chance(60));
    if (rng.chance(70)) f.movImm(dst, rng.chance(60) ? i : constant(f));
    else f.addImm(dst, i);
    if (rng.chance(70)) f.jump(done);
    f.code.place(next);
  }
  f.code.place(done);
}

/** Compares of pointers with each other and with 0. */
export function pointerCompare(_p: Program, f: Frame): void {
  const { rng } = f;
  const vals = f.having('val');
  if (vals.length === 0) return;
  const next: Label = { at: -1 };
  if (rng.chance(40)) f.jumpImm(rng.pick([op.BPF_JEQ, op.BPF_JNE]), rng.pick(vals), 0, rng.chance(60) ? next : f.bail);
  else f.jumpReg(rng.pick([op.BPF_JEQ, op.BPF_JNE]), rng.pick(vals), rng.pick(vals), next);
  const nums = f.having('num').filter((r) => !f.frozen.has(r));
  f.addImm(nums.length > 0 ? rng.pick(nums) : scratch(f), 1);
  f.code.place(next);
}
function scratch(f: Frame): number {
  const r = f.free('num');
  if (r < 0) return 0;
  f.movImm(r, 0);
  f.set(r, NUM);
  return r;
}

export function earlyExit(_p: Program, f: Frame): void {
  const nums = f.having('num');
  if (nums.length > 0) narrow(f, f.rng.pick(nums));
}

/** A loop; its counter lives in a register or a slot. */
export function loop(p: Program, f: Frame): void {
  const { rng } = f;
  if (f.loopDepth >= 2 || p.loops >= 3) return;
  p.loops++;
  p.hit('loop');
  p.hit('T10');
  const shape = rng.weighted([
    [5, 'count'],
    [2, 'down'],
    [2, 'slot'],
    [2, 'unknown'],
    [2, 'may_goto'],
    [1, 'until'],
  ] as const);
  const n = rng.pick([2, 3, 4, 4, 8, 10, 16, 33]);
  const counter = f.free('num', true);
  if (counter < 0) return;
  const slot = rng.below(SLOTS);
  if (shape === 'slot' && f.frozenSlots.has(slot)) return;
  const limit = shape === 'unknown' ? f.having('num').filter((r) => r >= 6 && r !== counter)[0] : undefined;
  for (let r = 0; r < 6; r++) f.set(r, NONE);
  if (limit !== undefined) f.jumpImm(op.BPF_JGT, limit, n, f.bail);
  f.movImm(counter, shape === 'down' ? n : 0);
  f.set(counter, NUM);
  if (shape === 'slot') {
    f.store(op.BPF_DW, 10, -8 * (slot + 1), counter);
    f.slots[slot] = NUM;
  }
  const head: Label = { at: f.code.rows.length };
  const end: Label = { at: -1 };
  if (shape === 'may_goto') p.hit('mayGoto');
  if (shape === 'may_goto') f.code.emit(op.BPF_JMP | op.BPF_JCOND, 0, 0, 0, 0, end);
  const saved = protect(f, [counter, ...(limit === undefined ? [] : [limit])], shape === 'slot' ? slot : -1);
  const entry = f.snapshot();
  if (shape === 'slot') f.frozen.delete(counter);
  block(p, f, rng.between(1, 4));
  if (rng.chance(20) && f.having('num').length > 0) narrow(f, rng.pick(f.having('num')), end);
  f.restore(entry);
  step(f, shape, counter, slot, n, limit, head);
  f.code.place(end);
  f.frozen = saved.frozen;
  f.numOnly = saved.numOnly;
  f.frozenSlots = saved.frozenSlots;
  f.loopDepth--;
}

/** Hundreds of turns of a body without branches of its own. */
export function longLoop(p: Program, f: Frame): void {
  const { rng } = f;
  const counter = f.free('num', true);
  if (counter < 0 || f.loopDepth > 0) return;
  p.loops++;
  p.hit('loop');
  number(p, f);
  for (let r = 0; r < 6; r++) f.set(r, NONE);
  const inner = rng.chance(25);
  const n = inner ? rng.pick([10, 20, 30]) : rng.pick([50, 100, 150, 300, 600]);
  f.movImm(counter, 0);
  f.set(counter, NUM);
  const head: Label = { at: f.code.rows.length };
  const saved = protect(f, [counter], -1);
  const entry = f.snapshot();
  const body = (): void => {
    for (let k = rng.between(2, 5); k > 0; k--) rng.pick([arithmetic, spill, fill, fixedValue])(p, f);
  };
  const second = inner ? f.free('num', true) : -1;
  if (second >= 0 && second !== counter) {
    f.movImm(second, 0);
    f.frozen.add(second);
    f.set(second, NUM);
    for (let r = 0; r < 6; r++) f.set(r, NONE);
    const again: Label = { at: f.code.rows.length };
    const before = f.snapshot();
    body();
    f.restore(before);
    f.addImm(second, 1);
    f.jumpImm(op.BPF_JLT, second, rng.pick([5, 10, 20]), again);
  } else body();
  f.restore(entry);
  f.addImm(counter, 1);
  f.jumpImm(rng.pick([op.BPF_JLT, op.BPF_JNE, op.BPF_JSLT]), counter, n, head);
  f.frozen = saved.frozen;
  f.numOnly = saved.numOnly;
  f.frozenSlots = saved.frozenSlots;
  f.loopDepth--;
}

/** Independent branches of which each sets a bit that matters later: as many paths as the bits allow. */
export function bitLadder(p: Program, f: Frame): void {
  const { rng } = f;
  const bits = f.free('num', true);
  if (bits < 0) return;
  p.hit('T5');
  const width = rng.between(5, 8);
  f.movImm(bits, 0);
  f.set(bits, NUM);
  f.frozen.add(bits);
  const value = f.having('val').find((r) => r >= 6 && f.regs[r].room >= 48);
  for (let k = 0; k < width; k++) {
    const cond = number(p, f);
    const next: Label = { at: -1 };
    if (cond >= 0 && cond !== bits) f.jumpImm(rng.pick(COMPARES), cond, rng.chance(50) ? k * 8 : constant(f), next);
    f.code.emit(op.BPF_ALU64 | op.BPF_OR | op.BPF_K, bits, 0, 0, 1 << k);
    f.code.place(next);
    if (rng.chance(50)) arithmetic(p, f);
  }
  f.frozen.delete(bits);
  const ptr = f.free('val');
  if (value === undefined || ptr < 0 || ptr === value || ptr === bits) return;
  f.code.emit(op.BPF_ALU64 | op.BPF_AND | op.BPF_K, bits, 0, 0, 31);
  f.mov(ptr, value);
  f.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_X, ptr, bits);
  f.set(ptr, NONE);
  f.load(op.BPF_B, ptr, ptr, 0);
  f.set(ptr, NUM);
}

/** The next round, if there is one. */
function step(
  f: Frame,
  shape: string,
  counter: number,
  slot: number,
  n: number,
  limit: number | undefined,
  head: Label,
): void {
  const { rng } = f;
  const wide = rng.chance(80);
  if (shape === 'slot') f.load(op.BPF_DW, counter, 10, -8 * (slot + 1));
  if (shape === 'down') {
    f.addImm(counter, -1);
    f.jumpImm(rng.pick([op.BPF_JNE, op.BPF_JSGT, op.BPF_JGT]), counter, 0, head);
    return;
  }
  f.code.emit(
    (wide ? op.BPF_ALU64 : op.BPF_ALU) | op.BPF_ADD | op.BPF_K,
    counter,
    0,
    0,
    shape === 'count' && rng.chance(15) ? 2 : 1,
  );
  if (shape === 'slot') f.store(op.BPF_DW, 10, -8 * (slot + 1), counter);
  if (limit !== undefined) f.jumpReg(rng.pick([op.BPF_JLT, op.BPF_JSLT, op.BPF_JNE]), counter, limit, head);
  else if (shape === 'may_goto') f.jump(head);
  else f.jumpImm(rng.pick([op.BPF_JLT, op.BPF_JLE, op.BPF_JSLT]), counter, n, head, wide);
}

/** What holds at the head must hold at the end: pointers stay, numbers stay numbers. */
function protect(
  f: Frame,
  also: number[],
  slot: number,
): { frozen: Set<number>; numOnly: Set<number>; frozenSlots: Set<number> } {
  const saved = { frozen: new Set(f.frozen), numOnly: new Set(f.numOnly), frozenSlots: new Set(f.frozenSlots) };
  f.regs.forEach((r, i) => {
    if (r.kind === 'num') f.numOnly.add(i);
    else if (r.kind !== 'none') f.frozen.add(i);
  });
  f.slots.forEach((s, i) => {
    if (s.kind !== 'num' && s.kind !== 'none') f.frozenSlots.add(i);
  });
  for (const r of also) f.frozen.add(r);
  if (slot >= 0) f.frozenSlots.add(slot);
  f.loopDepth++;
  return saved;
}
