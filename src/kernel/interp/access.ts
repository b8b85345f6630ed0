/** Memory accesses outside the loop's fast cases: atomics, accesses that may fault, and those that guard mode checks. */
import { NULL_REGION } from '../mem/memory.ts';
import { ATOMIC_ROWS } from '../../isa/op-rows.ts';
import { bpfSizeBytes } from '../../isa/opcodes.ts';
import { ProgramAbort } from '../../util/errors.ts';
import type { Activation } from './activation.ts';
import { OP_ARENA, OP_ATOMIC32, OP_ATOMIC64, OP_GUARDED, OP_PROBED, OP_TRAP } from './predecode.ts';

/** Memory that an unverified program may touch. */
export interface GuardRegion {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly writable: boolean;
}

const ROW = Object.fromEntries(ATOMIC_ROWS.map((r, i) => [r.name, i])) as Record<
  (typeof ATOMIC_ROWS)[number]['name'],
  number
>;

/** BPF_STX | BPF_ATOMIC: exact on plain memory, where nothing runs in between. `op` is OP_ATOMIC32 or 64 + row, `a` the address. */
export function atomicOp(op: number, R: Int32Array, s: number, a: number, V: DataView): void {
  const wide = op >= OP_ATOMIC64;
  const row = op - (wide ? OP_ATOMIC64 : OP_ATOMIC32);
  const lo = V.getInt32(a, true);
  const hi = wide ? V.getInt32(a + 4, true) : 0;
  const sl = R[s];
  const sh = wide ? R[s + 1] : 0;
  if (row === ROW.cmpxchg) {
    const equal = lo === R[0] && (!wide || hi === R[1]);
    R[0] = lo;
    R[1] = hi;
    if (equal) store(V, a, sl, sh, wide);
    return;
  }
  let rl = sl;
  let rh = sh;
  let fetch = true;
  switch (row) {
    case ROW.add:
    case ROW.fetch_add:
      fetch = row === ROW.fetch_add;
      rl = (lo + sl) | 0;
      rh = hi + sh + (rl >>> 0 < lo >>> 0 ? 1 : 0);
      break;
    case ROW.or:
    case ROW.fetch_or:
      fetch = row === ROW.fetch_or;
      rl |= lo;
      rh |= hi;
      break;
    case ROW.and:
    case ROW.fetch_and:
      fetch = row === ROW.fetch_and;
      rl &= lo;
      rh &= hi;
      break;
    case ROW.xor:
    case ROW.fetch_xor:
      fetch = row === ROW.fetch_xor;
      rl ^= lo;
      rh ^= hi;
      break;
    default: // xchg
  }
  store(V, a, rl, rh, wide);
  if (fetch) {
    R[s] = lo;
    R[s + 1] = hi;
  }
}

function store(V: DataView, a: number, lo: number, hi: number, wide: boolean): void {
  if (wide) V.setInt32(a + 4, hi, true);
  V.setInt32(a, lo, true);
}

const isAtomic = (base: number): boolean => base >= OP_ATOMIC32 && base < OP_ATOMIC64 + 16;

/** Bytes that an access touches. */
const accessSize = (base: number): number => (isAtomic(base) ? (base >= OP_ATOMIC64 ? 8 : 4) : bpfSizeBytes(base));

/** An operation that the loop's switch has no case for: a trap, a probing load, or a guarded access. */
export function slowAccess(act: Activation, op: number, d: number, s: number, off: number): void {
  const slot = act.p >> 2;
  const { program, regs: R } = act;
  if (op === OP_TRAP) {
    const trap = program.decoded.traps[off];
    throw new ProgramAbort(trap.reason, slot, trap.detail);
  }
  const base = op & 0x1ff;
  const atomic = isAtomic(base);
  const load = !atomic && (base & 7) === 1;
  const size = accessSize(base);
  const reg = load ? s : d;
  const lo = (R[reg] + off) | 0;
  const hi = (R[reg + 1] + (off >> 31) + (lo >>> 0 < R[reg] >>> 0 ? 1 : 0)) | 0;
  const a = lo >>> 0;
  if ((op & OP_ARENA) !== 0) return arenaAccess(act, base, d, s, a);
  if ((op & OP_PROBED) !== 0) {
    if (hi !== 0 || a < NULL_REGION || a + size > program.view.byteLength) {
      R[d] = 0;
      R[d + 1] = 0;
      return;
    }
  } else if ((op & OP_GUARDED) !== 0) {
    if (hi !== 0 || !allowed(act, a, size, !load)) {
      const at = `0x${hi === 0 ? '' : (hi >>> 0).toString(16)}${a.toString(16).padStart(8, '0')}`;
      const detail = `${load ? 'read' : 'write'} of ${size} bytes at ${at} is outside the memory that the program may use`;
      throw new ProgramAbort('out-of-bounds', slot, detail, [hi, lo]);
    }
    if (atomic && a % size !== 0) {
      throw new ProgramAbort('misaligned', slot, `atomic access of ${size} bytes is misaligned`, [hi, lo]);
    }
  }
  if (atomic) atomicOp(base, R, s, a, program.view);
  else access(act, base, d, s, a);
}

/** An access at an offset of the arena; the low half of the register and off make it. */
function arenaAccess(act: Activation, base: number, d: number, s: number, offset: number): void {
  const { arenaAddr, arenaSize, view } = act.program;
  const R = act.regs;
  const inside = offset + accessSize(base) <= arenaSize;
  if (base >= OP_ATOMIC32) {
    if (inside) atomicOp(base, R, s, arenaAddr + offset, view);
  } else if (inside) {
    access(act, base, d, s, arenaAddr + offset);
  } else if ((base & 7) === 1) {
    R[d] = 0;
    R[d + 1] = 0;
  }
}

function allowed(act: Activation, a: number, size: number, write: boolean): boolean {
  const end = a + size;
  if (a >= act.entrySp - act.program.decoded.reserve && end <= act.entrySp) return true;
  for (const r of act.program.regions) if (a >= r.start && end <= r.end && (r.writable || !write)) return true;
  return false;
}

/** A plain load or store by its opcode. */
function access(act: Activation, code: number, d: number, s: number, a: number): void {
  const R = act.regs;
  const V = act.program.view;
  const size = bpfSizeBytes(code);
  if ((code & 7) !== 1) {
    if (size === 1) V.setInt8(a, R[s]);
    else if (size === 2) V.setInt16(a, R[s], true);
    else store(V, a, R[s], R[s + 1], size === 8);
    return;
  }
  if (size === 8) {
    const hi = V.getInt32(a + 4, true);
    R[d] = V.getInt32(a, true);
    R[d + 1] = hi;
    return;
  }
  const signed = (code & 0xe0) === 0x80;
  let v: number;
  if (size === 1) v = signed ? V.getInt8(a) : V.getUint8(a);
  else if (size === 2) v = signed ? V.getInt16(a, true) : V.getUint16(a, true);
  else v = V.getInt32(a, true);
  R[d] = v;
  R[d + 1] = signed ? v >> 31 : 0;
}
