/** Fragments about what must be given back or kept in order: iterators, sockets, ring buffer records, dynptrs, locks; and the ways out of a program. */
import * as op from '../../../src/isa/opcodes.ts';
import { BUFFER, type Frame, type Label, NONE, NUM } from './frame.ts';
import { block, MAP, MAPS, type Program } from './generate.ts';
import { access, fixedValue, initBuffer, key, loadMap, SIZES } from './memory.ts';
import { bound, narrow } from './scalars.ts';

/** Kernel functions by the number that stands in a generated call. */
export const KFUNCS = ['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy'] as const;
/** fp offsets below the buffer: an iterator for each nesting, then a dynptr of 16 bytes. */
const ITERATOR = -168;
const DYNPTR = -208;

/** Runs `inside` while paths that give up go to `to`, what the registers hold stays protected, and no pointer is spilled. */
function region(f: Frame, to: Label, keep: readonly number[], inside: () => void): void {
  const { bail } = f;
  const saved = { frozen: new Set(f.frozen), numOnly: new Set(f.numOnly), frozenSlots: new Set(f.frozenSlots) };
  f.bail = to;
  f.regs.forEach((r, i) => {
    if (r.kind === 'num') f.numOnly.add(i);
    else if (r.kind !== 'none') f.frozen.add(i);
  });
  f.slots.forEach((s, i) => {
    if (s.kind !== 'num' && s.kind !== 'none') f.frozenSlots.add(i);
  });
  for (const r of keep) f.frozen.add(r);
  f.loopDepth++;
  const entry = f.snapshot();
  inside();
  f.restore(entry);
  f.clobber();
  f.loopDepth--;
  f.frozen = saved.frozen;
  f.numOnly = saved.numOnly;
  f.frozenSlots = saved.frozenSlots;
  f.bail = bail;
}

function stackAddress(f: Frame, reg: number, off: number): void {
  if (f.rng.chance(15)) {
    // A number plus the frame's address: for some kernels the frame of the first function.
    f.movImm(reg, off);
    f.add(reg, 10);
    return;
  }
  f.mov(reg, 10);
  f.addImm(reg, off);
}
function kfunc(f: Frame, index: number): void {
  f.code.emit(op.BPF_JMP | op.BPF_CALL, 0, op.BPF_PSEUDO_KFUNC_CALL, 0, index);
}
/** Rarely something is left out or done twice: the program must then be refused. */
const slips = (f: Frame): boolean => f.rng.chance(3);

/** bpf_for(): an open-coded loop over numbers. */
export function iterator(p: Program, f: Frame): void {
  const { rng } = f;
  if (f.loopDepth >= 2 || p.loops >= 3) return;
  p.loops++;
  p.hit('iterator');
  p.hit('T9');
  const at = ITERATOR - 8 * f.loopDepth;
  const number = f.having('num').find((r) => r >= 6);
  if (number !== undefined && rng.chance(40)) f.mov(3, number);
  else f.movImm(3, rng.pick([1, 5, 10, 1000, 0, -1]));
  stackAddress(f, 1, at);
  f.movImm(2, rng.pick([0, 0, 0, 1, 7, -3]));
  kfunc(f, 0);
  f.clobber();
  const head: Label = { at: f.code.rows.length };
  const end: Label = { at: -1 };
  region(f, end, [], () => {
    stackAddress(f, 1, at);
    kfunc(f, 1);
    f.clobber();
    if (!slips(f)) f.jumpImm(op.BPF_JEQ, 0, 0, end);
    const dst = f.free('num');
    if (dst >= 0) {
      f.load(op.BPF_W, dst, 0, 0);
      f.set(dst, NUM);
    }
    block(p, f, rng.between(1, 3));
    f.jump(head);
  });
  f.code.place(end);
  if (slips(f)) return;
  stackAddress(f, 1, at);
  kfunc(f, 2);
  f.clobber();
}

/** bpf_sk_lookup_tcp() or udp, some reads, bpf_sk_release(). */
export function socket(p: Program, f: Frame): void {
  const { rng } = f;
  const ctx = f.having('ctx').find((r) => r >= 6);
  const keep = f.free('val', true);
  if (p.packet === undefined || p.progType === 8 || ctx === undefined || keep < 0 || keep === ctx || f.loopDepth > 1)
    return fixedValue(p, f);
  p.hit('socket');
  p.hit('T9');
  initBuffer(f);
  f.mov(1, ctx);
  stackAddress(f, 2, BUFFER);
  f.movImm(3, rng.pick([12, 12, 36]));
  f.movImm(4, -1);
  f.movImm(5, 0);
  f.call(rng.pick([84, 85]));
  f.clobber();
  const release: Label = { at: -1 };
  const skip: Label = { at: -1 };
  f.mov(keep, 0);
  f.set(keep, NONE);
  if (!slips(f)) f.jumpImm(op.BPF_JEQ, rng.chance(60) ? keep : 0, 0, skip);
  region(f, release, [keep], () => {
    const dst = f.free('num');
    if (dst >= 0 && dst !== keep) {
      f.load(op.BPF_W, dst, keep, rng.pick([0, 4, 8, 12, 16, 24, 28]));
      f.set(dst, NUM);
    }
    block(p, f, rng.between(0, 2));
  });
  f.code.place(release);
  if (!slips(f)) {
    f.mov(1, keep);
    f.call(86);
  }
  f.clobber();
  f.code.place(skip);
  f.clobber();
}

/** bpf_ringbuf_reserve(), writes, bpf_ringbuf_submit() or discard. */
export function ringbuf(p: Program, f: Frame): void {
  const { rng } = f;
  const keep = f.free('val', true);
  if (keep < 0 || f.loopDepth > 1) return fixedValue(p, f);
  p.hit('ringbuf');
  p.hit('T9');
  const size = rng.pick([8, 16, 24, 64]);
  loadMap(f, 1, MAP.ringbuf);
  f.movImm(2, size);
  f.movImm(3, 0);
  f.call(131);
  f.clobber();
  const done: Label = { at: -1 };
  const skip: Label = { at: -1 };
  f.mov(keep, 0);
  f.set(keep, { kind: 'val', room: size });
  if (!slips(f)) f.jumpImm(op.BPF_JEQ, rng.chance(60) ? keep : 0, 0, skip);
  region(f, done, [keep], () => {
    access(f, keep, rng.below(size / 8) * 8, rng.pick(SIZES));
    block(p, f, rng.between(0, 2));
  });
  f.code.place(done);
  if (!slips(f)) {
    // A number plus the record's address: not the record itself for some kernels.
    if (rng.chance(15)) {
      f.movImm(1, 0);
      f.add(1, keep);
    } else f.mov(1, keep);
    f.movImm(2, 0);
    f.call(rng.chance(60) ? 132 : 133);
  }
  f.clobber();
  f.code.place(skip);
  f.clobber();
  f.set(keep, NONE);
  if (f.frozen.has(keep)) return;
  // After the join it is a dead pointer on one path and null on the other.
  f.movImm(keep, 0);
  f.set(keep, NUM);
}

/** A dynptr over a map value or a ring buffer record: reads, writes, a slice. */
export function dynptr(p: Program, f: Frame): void {
  const { rng } = f;
  if (f.loopDepth > 0) return;
  const value = f.having('val').find((r) => r >= 6 && f.regs[r].room >= 8);
  const ring = value === undefined || rng.chance(40);
  p.hit('dynptr');
  p.hit('T9');
  if (ring) {
    loadMap(f, 1, MAP.ringbuf);
    f.movImm(2, rng.pick([16, 32, 64]));
    f.movImm(3, 0);
  } else {
    f.mov(1, value);
    f.movImm(2, f.regs[value].room);
    f.movImm(3, 0);
  }
  stackAddress(f, 4, DYNPTR);
  f.call(ring ? 198 : 197);
  f.clobber();
  initBuffer(f);
  for (let n = rng.between(1, 2); n > 0; n--) {
    const how = rng.below(3);
    if (how < 2) {
      stackAddress(f, how === 0 ? 1 : 3, BUFFER);
      stackAddress(f, how === 0 ? 3 : 1, DYNPTR);
      if (how === 0) {
        f.movImm(2, rng.pick([1, 8, 16]));
        f.movImm(4, rng.pick([0, 4, 1000]));
        f.movImm(5, 0);
        f.call(201);
      } else {
        f.movImm(2, rng.pick([0, 4, 1000]));
        f.movImm(4, rng.pick([1, 8, 16]));
        f.movImm(5, 0);
        f.call(202);
      }
      f.clobber();
      continue;
    }
    const size = rng.pick([8, 16]);
    stackAddress(f, 1, DYNPTR);
    f.movImm(2, rng.pick([0, 8]));
    f.movImm(3, size);
    f.call(203);
    f.clobber();
    const none: Label = { at: -1 };
    f.jumpImm(op.BPF_JEQ, 0, 0, none);
    const entry = f.snapshot();
    f.frozen.add(0);
    access(f, 0, rng.below(size / 8) * 8, rng.pick(SIZES));
    f.frozen.delete(0);
    f.join(entry);
    f.code.place(none);
    f.clobber();
  }
  if (!ring || slips(f)) return;
  stackAddress(f, 1, DYNPTR);
  f.movImm(2, 0);
  f.call(rng.pick([199, 200]));
  f.clobber();
}

/** bpf_spin_lock(), accesses, bpf_spin_unlock(): nothing in between may call. */
export function spinLock(p: Program, f: Frame): void {
  const { rng } = f;
  const keep = f.free('val', true);
  if (!p.btf || keep < 0 || (!p.packetWrite && rng.chance(90))) return fixedValue(p, f);
  p.hit('spinLock');
  p.hit('T9');
  key(f);
  loadMap(f, 1, MAP.locked);
  f.call(1);
  f.clobber();
  f.jumpImm(op.BPF_JEQ, 0, 0, f.bail);
  f.mov(keep, 0);
  f.set(keep, NONE);
  f.mov(1, keep);
  f.call(93);
  f.clobber();
  for (let n = rng.between(1, 3); n > 0; n--) {
    const { bail } = f;
    const out: Label = { at: -1 };
    f.bail = out;
    f.frozen.add(keep);
    const entry = f.snapshot();
    if (rng.chance(30) && f.having('num').length > 0) narrow(f, rng.pick(f.having('num')));
    access(f, keep, slips(f) ? 0 : rng.between(1, 5) * 8, rng.pick(SIZES));
    f.join(entry);
    f.frozen.delete(keep);
    f.bail = bail;
    f.code.place(out);
  }
  if (slips(f)) return;
  f.mov(1, keep);
  f.call(94);
  f.clobber();
}

/**
 * bpf_tail_call(): the program goes on where the array has no entry. In the main program alone: tracing precision back
 * through tail calls of functions can make 6.18 access memory before its tables (__mark_chain_precision, frame -1).
 */
export function tailCall(p: Program, f: Frame): void {
  const { rng } = f;
  if (f.callDepth > 0) return;
  const ctx = f.having('ctx').find((r) => r >= 6);
  if (ctx === undefined) return;
  p.hit('tailCall');
  p.hit('T10');
  const nums = f.having('num').filter((r) => r >= 6);
  f.mov(1, ctx);
  loadMap(f, 2, MAP.programs);
  if (nums.length > 0 && rng.chance(50)) f.mov(3, rng.pick(nums));
  else f.movImm(3, rng.below(6));
  f.call(12);
  f.clobber();
  if (!f.frozen.has(0)) f.set(0, NUM);
}

/** LD_ABS and LD_IND of packets. */
export function ldAbs(p: Program, f: Frame): void {
  const { rng } = f;
  // 6.18 writes outside of its memory when precision goes back over a function that a packet load left.
  if (!p.skb || f.callDepth > 0) return;
  if (f.regs[6].kind !== 'ctx') {
    const [ctx] = f.having('ctx');
    if (ctx === undefined || f.frozen.has(6) || f.numOnly.has(6)) return;
    f.mov(6, ctx);
    f.set(6, f.regs[ctx]);
  }
  p.hit('ldAbs');
  const size = rng.pick([op.BPF_B, op.BPF_H, op.BPF_W]);
  const nums = f.having('num');
  const indirect = nums.length > 0 && rng.chance(40);
  if (indirect) f.code.emit(op.BPF_LD | size | op.BPF_IND, 0, rng.pick(nums), 0, rng.pick([0, 14, -1]));
  else f.code.emit(op.BPF_LD | size | op.BPF_ABS, 0, 0, 0, rng.pick([0, 12, 14, 23, 30, 1000, -0x1000, -1]));
  f.clobber();
  if (!f.frozen.has(0)) f.set(0, NUM);
}

/** Two results of lookups, of which one is checked and both may be used (T4). */
export function nullness(p: Program, f: Frame): void {
  const { rng } = f;
  const first = f.free('val', true);
  if (first < 0) return;
  p.hit('T4');
  const map = rng.below(4);
  key(f);
  loadMap(f, 1, map);
  f.call(1);
  f.clobber();
  f.mov(first, 0);
  f.set(first, NONE);
  f.frozen.add(first);
  const second = f.free('val', true);
  f.frozen.delete(first);
  if (second < 0 || second === first) return;
  f.set(second, NONE);
  const shared = rng.chance(75);
  if (shared) f.mov(second, 0);
  else {
    loadMap(f, 1, map);
    f.mov(2, 10);
    f.addImm(2, BUFFER);
    f.call(1);
    f.clobber();
    f.mov(second, 0);
  }
  const slot = rng.chance(30) && !f.frozenSlots.has(0);
  if (slot) {
    f.store(op.BPF_DW, 10, -8, second);
    f.slots[0] = NONE;
  }
  f.jumpImm(op.BPF_JEQ, first, 0, f.bail);
  if (!shared && rng.chance(80)) f.jumpReg(op.BPF_JNE, first, second, f.bail);
  if (slot) f.load(op.BPF_DW, second, 10, -8);
  f.set(first, { kind: 'val', room: MAPS[map].valueSize });
  f.set(second, { kind: 'val', room: MAPS[map].valueSize });
}

/** Paths that join with values that look alike until they are used (T5). */
export function pruneTrap(p: Program, f: Frame): void {
  const { rng } = f;
  const value = f.having('val').find((r) => r >= 6 && f.regs[r].room >= 32);
  const index = f.free('num', true);
  const nums = f.having('num').filter((r) => r !== index);
  if (value === undefined || index < 0 || index === value || nums.length === 0) return fixedValue(p, f);
  p.hit('T5');
  const { room } = f.regs[value];
  const inSlot = rng.chance(50) && !f.frozenSlots.has(3);
  const arms = rng.between(2, 3);
  const join: Label = { at: -1 };
  const cond = rng.pick(nums);
  for (let i = 0; i < arms; i++) {
    const next: Label = { at: -1 };
    if (i + 1 < arms) narrow(f, cond, next);
    f.movImm(index, rng.chance(5) ? room : rng.below(room - 8));
    if (inSlot) f.store(op.BPF_DW, 10, -32, index);
    f.jump(join);
    f.code.place(next);
  }
  f.code.place(join);
  f.set(index, NUM);
  if (inSlot) f.slots[3] = NUM;
  // Something to do until the value matters, so that checkpoints lie in between.
  for (let n = rng.between(2, 12); n > 0; n--) f.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_K, cond, 0, 0, 1);
  if (f.frozen.has(cond)) return;
  if (inSlot) f.load(op.BPF_DW, index, 10, -32);
  const ptr = f.free('val');
  if (ptr < 0 || ptr === index || ptr === value || ptr === cond) return;
  f.mov(ptr, value);
  f.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_X, ptr, index);
  f.set(ptr, NONE);
  f.load(rng.pick(SIZES), ptr, ptr, 0);
  f.set(ptr, NUM);
}

/** A spilled value that is overwritten in part, then read in part or whole (T6). */
export function partialSpill(_p: Program, f: Frame): void {
  const { rng } = f;
  const nums = f.having('num');
  if (nums.length === 0 || f.frozenSlots.has(5)) return;
  _p.hit('T6');
  const value = f.having('val').find((r) => f.regs[r].room >= 8);
  f.store(op.BPF_DW, 10, -48, value !== undefined && rng.chance(15) ? value : rng.pick(nums));
  const size = rng.pick([op.BPF_B, op.BPF_H, op.BPF_W]);
  const bytes = op.bpfSizeBytes(size);
  f.store(size, 10, -48 + rng.below(8 / bytes) * bytes, rng.pick(nums));
  const dst = f.free('num');
  f.slots[5] = NONE;
  if (dst < 0) return;
  const part = rng.pick(SIZES);
  const width = op.bpfSizeBytes(part);
  f.load(part, dst, 10, -48 + rng.below(8 / width) * width, false);
  f.set(dst, NUM);
  if (rng.chance(50)) bound(f, dst, 31);
}
