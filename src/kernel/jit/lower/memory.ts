/** Lowering of loads and stores (BPF_MEM, BPF_MEMSX, BPF_ST) and of loads that may fault (BPF_PROBE_MEM, BPF_PROBE_MEMSX). */
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_END,
  BPF_H,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEMSX,
  BPF_ST,
  BPF_TO_BE,
  bpfSizeBytes,
} from '../../../isa/opcodes.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { NULL_REGION } from '../../mem/memory.ts';
import { CONST, FRAME, type FnState } from './fn-state.ts';
import { emitCheck } from './guard.ts';
import { isDropped } from '../rewrite/merge-loads.ts';
import { JitRefusal } from '../plan.ts';
import * as w from '../wasm/wasm-ops.ts';

const FP = 10;

/** Width in bytes to the wasm load (zero- and sign-extending) and store. */
const LOAD = { 1: w.I64_LOAD8_U, 2: w.I64_LOAD16_U, 4: w.I64_LOAD32_U, 8: w.I64_LOAD } as Record<number, number>;
const LOAD_SX = { 1: w.I64_LOAD8_S, 2: w.I64_LOAD16_S, 4: w.I64_LOAD32_S } as Record<number, number>;
/** Loads and stores of the low half: of 8 bytes, a narrow value is the first four. */
const LOAD32 = { 1: w.I32_LOAD8_U, 2: w.I32_LOAD16_U, 4: w.I32_LOAD, 8: w.I32_LOAD } as Record<number, number>;
const STORE32 = { 1: w.I32_STORE8, 2: w.I32_STORE16, 4: w.I32_STORE } as Record<number, number>;
const STORE = { 1: w.I64_STORE8, 2: w.I64_STORE16, 4: w.I64_STORE32, 8: w.I64_STORE } as Record<number, number>;

export const loadOp = (size: number): number => LOAD[size];
export const storeOp = (size: number): number => STORE[size];

/** Bytes behind a register. */
export interface MemAt {
  readonly reg: number;
  readonly off: number;
  readonly size: number;
}

/**
 * Pushes the i32 address of the bytes and returns the offset left for the instruction itself.
 * A verified access lies above the null region, so a positive offset can never be what brings it there from below 0.
 */
export function pushAddress(f: FnState, { reg, off, size }: MemAt, write: boolean, pc: number): number {
  const { out } = f;
  if (f.plan.guard !== undefined) {
    f.push64(reg);
    if (off !== 0) {
      out.i64(off, off >> 31);
      out.byte(w.I64_ADD);
    }
    emitCheck(f, size, write, pc);
    return 0;
  }
  if (f.kind[reg] === FRAME) {
    const at = f.frameSize + f.lo[reg] + off;
    out.get(f.base);
    if (at >= 0) return at;
    out.i32(at);
    out.byte(w.I32_ADD);
    return 0;
  }
  if (f.kind[reg] === CONST) {
    out.i32((f.lo[reg] + off) | 0);
    return 0;
  }
  f.push32(reg);
  if (off >= 0) return off;
  out.i32(off);
  out.byte(w.I32_ADD);
  return 0;
}

/** Lowers a load; false when its encoding is unknown. */
export function lowerLoad(f: FnState, i: number): boolean {
  const { insns, out } = f;
  const code = insns.code[i];
  const mode = code & 0xe0;
  const size = bpfSizeBytes(code);
  const at = { reg: insns.src[i], off: insns.off[i], size };
  const dst = insns.dst[i];
  const signed = mode === BPF_MEMSX || mode === BPF_PROBE_MEMSX;
  const op = signed ? LOAD_SX[size] : LOAD[size];
  if (op === undefined) return false;
  if (mode === BPF_PROBE_MEM || mode === BPF_PROBE_MEMSX) {
    if (f.plan.guard !== undefined) return false;
    lowerProbe(f, at, op);
  } else if (mode === BPF_PROBE_MEM32) {
    lowerArenaLoad(f, i, at, op);
  } else if (mode === BPF_MEM || mode === BPF_MEMSX) {
    if (foldConstant(f, at, signed, dst)) return true;
    if (!signed && foldSlot(f, at, dst)) return true;
    if (loadPromoted(f, at, signed, dst)) return true;
    const offset = pushAddress(f, at, false, i);
    if (f.narrowDef && !signed) {
      out.mem(LOAD32[size], 0, offset);
      if (size < 8) f.set32(dst);
      else f.setLow(dst);
      return true;
    }
    out.mem(op, 0, offset);
  } else return false;
  f.set64(dst, !signed && size < 8);
  return true;
}

/** Where the bytes of the halfword loaded at `i` are swapped before anything else happens, -1 when they are not. */
export function swapOfLoad(f: FnState, i: number, stop: number): number {
  const { insns } = f;
  if (insns.code[i] !== (BPF_LDX | BPF_MEM | BPF_H) || f.plan.guard !== undefined) return -1;
  let at = i + 1;
  while (at < stop && isDropped(insns, at)) at++;
  if (at === stop || insns.dst[at] !== insns.dst[i] || insns.imm[at] !== 16) return -1;
  const swaps = insns.code[at] === (BPF_ALU | BPF_END | BPF_TO_BE) || insns.code[at] === (BPF_ALU64 | BPF_END);
  return swaps && f.kind[insns.src[i]] !== CONST ? at : -1;
}

/** Lowers the load at `i` and the swap after it as two loads of bytes; the width asked for is the swap's. */
export function lowerSwappedLoad(f: FnState, i: number, liveAfter: number): void {
  const { insns, out } = f;
  const dst = insns.dst[i];
  if (((liveAfter >>> dst) & 1) === 0) return;
  const at = { reg: insns.src[i], off: insns.off[i], size: 2 };
  const first = pushAddress(f, at, false, i);
  out.mem(w.I32_LOAD8_U, 0, first);
  out.i32(8);
  out.byte(w.I32_SHL);
  const second = pushAddress(f, { reg: at.reg, off: at.off + 1, size: 1 }, false, i);
  out.mem(w.I32_LOAD8_U, 0, second);
  out.byte(w.I32_OR);
  f.set32(dst);
}

/** Reads frozen read-only data (.rodata) at translation time. */
function foldConstant(f: FnState, { reg, off, size }: MemAt, signed: boolean, dst: number): boolean {
  if (f.plan.guard !== undefined || f.kind[reg] !== CONST || f.hi[reg] !== 0) return false;
  const addr = (f.lo[reg] >>> 0) + off;
  for (const map of f.plan.program.usedMaps) {
    const from = addr - map.valuesAddr;
    if (map.readConst === undefined || map.valuesAddr === 0 || from < 0) continue;
    const bytes = map.readConst(from, size);
    if (bytes === undefined) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    if (size === 8) f.setConst(dst, view.getInt32(0, true), view.getInt32(4, true));
    else {
      const raw = size === 4 ? view.getInt32(0, true) : size === 2 ? view.getUint16(0, true) : bytes[0];
      const lo = signed ? (raw << (32 - 8 * size)) >> (32 - 8 * size) : raw;
      f.setConst(dst, lo, signed ? lo >> 31 : 0);
    }
    return true;
  }
  return false;
}

/** A stack slot that is a local. */
function loadPromoted(f: FnState, { reg, off, size }: MemAt, signed: boolean, dst: number): boolean {
  const local = reg === FP ? f.promoted.get(off) : undefined;
  if (local === undefined) return false;
  f.out.get(local);
  if (size === 8) f.set64(dst);
  else if (signed) {
    f.out.byte(w.I64_EXTEND_I32_S);
    f.set64(dst);
  } else f.set32(dst);
  return true;
}

/** A constant that was stored to the stack comes back. */
function foldSlot(f: FnState, { reg, off, size }: MemAt, dst: number): boolean {
  if (f.kind[reg] !== FRAME) return false;
  const known = f.slots.load(f.lo[reg] + off, size);
  if (known === undefined) return false;
  f.setConst(dst, known[0], known[1]);
  return true;
}

/** Notes what a store does to the known constants on the stack. */
export function noteStore(f: FnState, { reg, off, size }: MemAt, value?: readonly [number, number]): void {
  if (f.plan.guard !== undefined || f.kind[reg] === CONST) return;
  if (f.kind[reg] !== FRAME) f.slots.clear();
  else if (value === undefined) f.slots.forget(f.lo[reg] + off, size);
  else f.slots.note(f.lo[reg] + off, size, value[0], value[1]);
}

/** Pushes the value there, or 0 when the memory does not hold it or the address lies in the null region. */
function lowerProbe(f: FnState, { reg, off, size }: MemAt, op: number): void {
  const { out } = f;
  const t = f.temp64();
  f.push64(reg);
  if (off !== 0) {
    out.i64(off, off >> 31);
    out.byte(w.I64_ADD);
  }
  out.tee(t);
  out.i64(NULL_REGION, 0);
  out.byte(w.I64_SUB);
  const room = f.plan.linkage.env.mem.size - NULL_REGION - size + 1;
  out.i64(room | 0, room > 0xffffffff ? 1 : 0);
  out.byte2(w.I64_LT_U, w.IF);
  out.byte(w.T_I64);
  out.get(t);
  out.byte(w.I32_WRAP_I64);
  out.mem(op, 0, 0);
  out.byte(w.ELSE);
  out.i64(0, 0);
  out.byte(w.END);
  f.free64(t);
}

/** The arena of this program as its storage. */
function arenaOf(f: FnState, i: number): { addr: number; size: number } {
  const arena = f.plan.program.usedMaps.find((m) => m.type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARENA);
  if (arena === undefined || arena.valuesAddr === 0) {
    throw new JitRefusal('unsupported', i, 'arena access without arena storage');
  }
  return { addr: arena.valuesAddr, size: arena.maxEntries * 4096 };
}

/** Pushes an i32: whether the bytes, at the low half of the register, lie in the arena; leaves the offset in local `t`. */
function pushArenaTest(f: FnState, { reg, off, size }: MemAt, arenaSize: number, t: number): void {
  const { out } = f;
  f.push32(reg);
  if (off !== 0) {
    out.i32(off);
    out.byte(w.I32_ADD);
  }
  out.tee(t);
  out.i32(arenaSize - size + 1);
  out.byte(w.I32_LT_U);
}

function lowerArenaLoad(f: FnState, i: number, at: MemAt, op: number): void {
  const { out } = f;
  const arena = arenaOf(f, i);
  const t = f.temp32();
  pushArenaTest(f, at, arena.size, t);
  out.byte2(w.IF, w.T_I64);
  out.get(t);
  out.mem(op, 0, arena.addr);
  out.byte(w.ELSE);
  out.i64(0, 0);
  out.byte(w.END);
  f.free32(t);
}

/** Lowers a plain store of a register or an immediate; false when its encoding is unknown. */
export function lowerStore(f: FnState, i: number): boolean {
  const { insns, out } = f;
  const code = insns.code[i];
  const mode = code & 0xe0;
  const size = bpfSizeBytes(code);
  const at = { reg: insns.dst[i], off: insns.off[i], size };
  const immediate = (code & 7) === BPF_ST;
  const pushValue = (): void => {
    if (immediate) out.i64(insns.imm[i], insns.imm[i] >> 31);
    else f.push64(insns.src[i]);
  };
  if (mode === BPF_PROBE_MEM32) {
    const arena = arenaOf(f, i);
    const t = f.temp32();
    pushArenaTest(f, at, arena.size, t);
    out.byte2(w.IF, w.T_EMPTY);
    out.get(t);
    pushValue();
    out.mem(STORE[size], 0, arena.addr);
    out.byte(w.END);
    f.free32(t);
    return true;
  }
  if (mode !== BPF_MEM) return false;
  const src = insns.src[i];
  const constant = immediate || f.isConst(src);
  const local = at.reg === FP ? f.promoted.get(insns.off[i]) : undefined;
  if (local !== undefined) {
    if (size === 8) pushValue();
    else if (immediate) out.i32(insns.imm[i]);
    else f.push32(src);
    out.set(local);
    return true;
  }
  const offset = pushAddress(f, at, true, i);
  if (size < 8 && (constant || f.isNarrow(src))) {
    if (immediate) out.i32(insns.imm[i]);
    else f.push32(src);
    out.mem(STORE32[size], 0, offset);
  } else {
    pushValue();
    out.mem(STORE[size], 0, offset);
  }
  const value = immediate ? ([insns.imm[i], insns.imm[i] >> 31] as const) : ([f.lo[src], f.hi[src]] as const);
  noteStore(f, at, constant ? value : undefined);
  return true;
}
