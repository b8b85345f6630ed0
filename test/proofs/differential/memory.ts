/** Fragments about memory: stack slots, map values, packets, variable offsets, atomics. */
import * as op from '../../../src/isa/opcodes.ts';
import { BUFFER, BUFFER_SIZE, type Frame, NUM, type Place, SLOTS } from './frame.ts';
import { MAP, MAPS, type Program } from './generate.ts';
import { bound, mutable, narrow, number } from './scalars.ts';

export const SIZES = [op.BPF_B, op.BPF_H, op.BPF_W, op.BPF_DW] as const;
const slotOff = (slot: number): number => -8 * (slot + 1);

/** Stores a register, or part of it, to a slot. */
export function spill(p: Program, f: Frame): void {
  const { rng } = f;
  const slot = rng.below(SLOTS);
  if (f.frozenSlots.has(slot)) return;
  p.hit('spill');
  const pointers = [...f.having('val'), ...f.having('ctx'), ...f.having('pkt')];
  if (f.loopDepth === 0 && pointers.length > 0 && rng.chance(30)) {
    const src = rng.pick(pointers);
    f.store(op.BPF_DW, 10, slotOff(slot), src);
    f.slots[slot] = f.regs[src];
    return;
  }
  if (rng.chance(15)) {
    f.storeImm(op.BPF_DW, 10, slotOff(slot), rng.pick([0, 0, -1, 1, 7, 255, 0x7fffffff]));
    f.slots[slot] = NUM;
    return;
  }
  const src = number(p, f);
  if (src < 0) return;
  const size = rng.weighted([
    [5, op.BPF_DW],
    [3, op.BPF_W],
    [1, op.BPF_H],
    [1, op.BPF_B],
  ] as const);
  const bytes = op.bpfSizeBytes(size);
  f.store(size, 10, slotOff(slot) + (rng.chance(75) ? 0 : rng.below(8 / bytes) * bytes), src);
  if (size === op.BPF_DW) f.slots[slot] = NUM;
  else if (f.slots[slot].kind !== 'num')
    f.slots[slot] = p.perfmon && f.slots[slot].kind === 'none' ? NUM : { kind: 'none', room: 0 };
}

/** Loads a slot, or part of it. */
export function fill(_p: Program, f: Frame): void {
  const { rng } = f;
  const slots = f.slots.flatMap((s, i) => (s.kind === 'none' ? [] : [i]));
  if (slots.length === 0) return;
  const slot = rng.pick(slots);
  const place = f.slots[slot];
  const dst = f.free(place.kind);
  if (dst < 0) return;
  if (place.kind !== 'num') {
    f.load(op.BPF_DW, dst, 10, slotOff(slot));
    f.set(dst, place);
    return;
  }
  const size = rng.weighted([
    [5, op.BPF_DW],
    [3, op.BPF_W],
    [1, op.BPF_H],
    [1, op.BPF_B],
  ] as const);
  const bytes = op.bpfSizeBytes(size);
  const part = rng.chance(70) ? 0 : rng.below(8 / bytes) * bytes;
  f.load(size, dst, 10, slotOff(slot) + part, size !== op.BPF_DW && rng.chance(15));
  f.set(dst, NUM);
}

/** A pointer into the stack buffer, moved by a number, then used (T6). */
export function variableStack(p: Program, f: Frame): void {
  const { rng } = f;
  const index = mutable(p, f);
  const ptr = f.free('val');
  if (index < 0 || ptr < 0 || ptr === index) return;
  p.hit('T6');
  const size = rng.pick(SIZES);
  const bytes = op.bpfSizeBytes(size);
  if (rng.chance(60)) initBuffer(f);
  bound(f, index, BUFFER_SIZE - bytes);
  f.mov(ptr, 10);
  f.addImm(ptr, BUFFER);
  f.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_X, ptr, index);
  f.set(ptr, { kind: 'none', room: 0 });
  access(f, ptr, 0, size);
}

export function initBuffer(f: Frame): void {
  const zero = f.rng.chance(70);
  for (let i = 0; i < BUFFER_SIZE; i += 8) f.storeImm(op.BPF_DW, 10, BUFFER + i, zero ? 0 : i);
}

/** One load, store or atomic operation through a pointer. */
export function access(f: Frame, ptr: number, off: number, size: number): void {
  const { rng } = f;
  const kind = rng.weighted([
    [5, 'load'],
    [3, 'store'],
    [1, 'imm'],
    [1, 'atomic'],
  ] as const);
  if (kind === 'imm') f.storeImm(size, ptr, off, rng.pick([0, 1, -1]));
  else if (kind === 'load') {
    const dst = f.free('num');
    if (dst < 0) return;
    f.load(size, dst, ptr, off, size !== op.BPF_DW && rng.chance(20));
    f.set(dst, NUM);
  } else {
    const have = f.having('num');
    // No helper call here: it would take the pointer away.
    if (have.length === 0) return f.storeImm(size, ptr, off, 1);
    const src = rng.pick(have);
    if (kind === 'store' || size === op.BPF_B || size === op.BPF_H) f.store(size, ptr, off, src);
    else atomic(f, ptr, off, size, src);
  }
}

function atomic(f: Frame, ptr: number, off: number, size: number, src: number): void {
  const { rng } = f;
  const o = rng.pick([
    op.BPF_ADD,
    op.BPF_OR,
    op.BPF_AND,
    op.BPF_XOR,
    op.BPF_ADD | op.BPF_FETCH,
    op.BPF_AND | op.BPF_FETCH,
    op.BPF_XCHG,
    op.BPF_CMPXCHG,
  ]);
  if (o & op.BPF_FETCH && f.frozen.has(src)) return;
  if (o === op.BPF_CMPXCHG && f.regs[0].kind !== 'num') return;
  f.code.emit(op.BPF_STX | size | op.BPF_ATOMIC, ptr, src, off, o);
}

/** r0 = bpf_map_lookup_elem(map, key), checked, kept in a register that calls spare. */
export function lookup(p: Program, f: Frame): void {
  const { rng } = f;
  const map = rng.below(MAP.plain);
  const keep = f.free('val', true);
  p.hit('map');
  key(f);
  loadMap(f, 1, map);
  f.call(1);
  f.clobber();
  const place: Place = { kind: 'val', room: MAPS[map].valueSize };
  const early = keep >= 0 && rng.chance(30);
  if (early) f.mov(keep, 0);
  if (!rng.chance(2)) f.jumpImm(op.BPF_JEQ, rng.chance(50) || !early ? 0 : keep, 0, f.bail);
  if (keep >= 0) {
    if (!early) f.mov(keep, 0);
    f.set(keep, place);
  }
  if (!f.frozen.has(0) && !f.numOnly.has(0)) f.set(0, place);
}

/** A map's address. */
export function loadMap(f: Frame, reg: number, map: number): void {
  f.code.emit(op.BPF_LD | op.BPF_DW | op.BPF_IMM, reg, op.BPF_PSEUDO_MAP_IDX, 0, map);
  f.code.emit(0);
}

/** r2 = a key on the stack. */
export function key(f: Frame): void {
  const { rng } = f;
  const nums = f.having('num');
  if (nums.length > 0 && rng.chance(40)) f.store(op.BPF_W, 10, BUFFER, rng.pick(nums));
  else f.storeImm(op.BPF_W, 10, BUFFER, rng.pick([0, 0, 1, 3, 4, 100]));
  f.mov(2, 10);
  f.addImm(2, BUFFER);
}

/** A value pointer moved by a bounded number, then used. */
export function variableValue(p: Program, f: Frame): void {
  const { rng } = f;
  const vals = f.having('val').filter((r) => f.regs[r].room >= 8);
  if (vals.length === 0) return lookup(p, f);
  const base = rng.pick(vals);
  const { room } = f.regs[base];
  const index = mutable(p, f);
  if (index < 0 || index === base) return;
  const ptr = f.free('val');
  if (ptr < 0 || ptr === index || ptr === base || f.regs[base].kind !== 'val') return;
  const size = rng.pick(SIZES);
  const bytes = op.bpfSizeBytes(size);
  const before = rng.chance(30) ? rng.below(Math.min(room - bytes, 16) + 1) : 0;
  p.hit('T1');
  if (rng.chance(40)) narrow(f, index);
  bound(f, index, room - bytes - before);
  if (rng.chance(15)) f.code.emit(op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, index, index, 32);
  f.mov(ptr, base);
  const minus = rng.chance(10);
  if (minus) f.addImm(ptr, room - bytes);
  f.code.emit(op.BPF_ALU64 | (minus ? op.BPF_SUB : op.BPF_ADD) | op.BPF_X, ptr, index);
  f.set(ptr, { kind: 'none', room: 0 });
  access(f, ptr, minus ? 0 : before, size);
}

/** A fixed offset from a value pointer, now and then a byte too far. */
export function fixedValue(p: Program, f: Frame): void {
  const { rng } = f;
  const vals = [...f.having('val'), ...f.having('pkt')].filter((r) => f.regs[r].room >= 8);
  if (vals.length === 0) return lookup(p, f);
  const base = rng.pick(vals);
  const size = rng.pick(SIZES);
  const bytes = op.bpfSizeBytes(size);
  const last = f.regs[base].room / bytes - 1;
  const off = rng.chance(2) ? f.regs[base].room - bytes + 1 : rng.below(Math.floor(last) + 1) * bytes;
  if (f.regs[base].kind === 'pkt' && !p.packetWrite) {
    const dst = f.free('num');
    if (dst < 0 || dst === base) return;
    f.load(size, dst, base, off);
    f.set(dst, NUM);
  } else access(f, base, off, size);
}

/** Packet bounds: data plus a constant or a bounded number against data_end (T7). */
export function packet(p: Program, f: Frame): void {
  const { rng } = f;
  const [ctx] = f.having('ctx');
  if (p.packet === undefined || ctx === undefined) return lookup(p, f);
  const data = f.free('pkt');
  if (data < 0 || data === ctx) return;
  p.hit('packet');
  p.hit('T7');
  f.load(op.BPF_W, data, ctx, p.packet.data);
  f.set(data, { kind: 'pkt', room: 0 });
  const end = f.free('end');
  const probe = f.free('pkt');
  if (end < 0 || probe < 0 || new Set([ctx, data, end, probe]).size < 4) return;
  f.load(op.BPF_W, end, ctx, p.packet.end);
  const room = rng.pick([8, 14, 16, 24, 34, 64]);
  const index = rng.chance(40)
    ? f.having('num').filter((r) => r !== end && r !== probe && !f.frozen.has(r))[0]
    : undefined;
  if (index !== undefined) {
    bound(f, index, rng.pick([15, 63, 255, 1000, 0x7fff, 0xffff]));
    f.code.emit(op.BPF_ALU64 | op.BPF_ADD | op.BPF_X, data, index);
  }
  f.mov(probe, data);
  f.addImm(probe, room);
  const how = rng.below(4);
  if (how === 0) f.jumpReg(op.BPF_JGT, probe, end, f.bail);
  else if (how === 1) f.jumpReg(op.BPF_JLT, end, probe, f.bail);
  else if (how === 2) f.jumpReg(op.BPF_JGE, probe, end, f.bail);
  else f.jumpReg(op.BPF_JLE, end, probe, f.bail);
  f.set(end, { kind: 'end', room: 0 });
  f.set(probe, { kind: 'none', room: 0 });
  f.set(data, { kind: 'pkt', room });
  if (rng.chance(60)) fixedValue(p, f);
}
