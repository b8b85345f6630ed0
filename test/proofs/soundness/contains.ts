/** Whether a concrete machine state lies inside an abstract one. */
import {
  baseType,
  CONST_PTR_TO_MAP,
  MEM_RDONLY,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../../../src/kernel/rules/reg-types.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { Scalar } from '../../../src/kernel/verifier/domain/scalar.ts';
import { coerceToSize } from '../../../src/kernel/verifier/domain/cast.ts';
import { slt64, ult32, ult64 } from '../../../src/kernel/verifier/domain/word.ts';
import {
  A,
  FRAMENO,
  loadScalar,
  OFF,
  s64ToNumber,
  slotType,
  STACK_SPILL,
  STACK_ZERO,
  TYPE,
} from '../../../src/kernel/verifier/state/row.ts';

/** One function on the call stack: its registers as halves (r0 to r9), those that are known, and its frame pointer. */
export interface ConcreteFrame {
  readonly regs: ArrayLike<number>;
  /** First register whose value is known: callers keep r6 to r9 only. */
  readonly from: number;
  readonly fp: number;
  /** Original instruction that called it; -1 when nothing did. */
  readonly callsite: number;
}

/** What pointers may point to. */
export interface World {
  readonly view: DataView;
  readonly ctx: number;
  /** Start of the packet and of its metadata, and its end; 0 when there is none. */
  readonly data: number;
  readonly dataMeta: number;
  readonly dataEnd: number;
  readonly frames: readonly ConcreteFrame[];
  /** Those that the program names; of maps inside of others the verifier knows one only that is like them. */
  readonly maps: readonly MapDesc[];
  /** Addresses that helpers returned and callbacks were given. */
  readonly known: ReadonlySet<number>;
}

const s = new Scalar();
const NULL_PAGE = 0x10000;
const OF_MAPS: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS,
]);

function inRange(lo: number, hi: number): boolean {
  if (((lo ^ s.valLo) & ~s.maskLo) !== 0 || ((hi ^ s.valHi) & ~s.maskHi) !== 0) return false;
  if (ult64(lo, hi, s.uminLo, s.uminHi) || ult64(s.umaxLo, s.umaxHi, lo, hi)) return false;
  return !(slt64(lo, hi, s.sminLo, s.sminHi) || slt64(s.smaxLo, s.smaxHi, lo, hi));
}
const in32 = (lo: number): boolean => !ult32(lo, s.u32min) && !ult32(s.u32max, lo) && lo >= s.s32min && lo <= s.s32max;

/** The variable part that makes the pointer what it is lies in its bounds, when the object begins at `base`. */
function at(address: number, base: number, off: number): boolean {
  const delta = address - base - off;
  return inRange(delta | 0, delta < 0 ? -1 : 0);
}

/** `rows[r]` is a register row or a spilled one; lo and hi are what the machine holds. `shift`: index of frame 0 of the abstract state. */
export function holdsRegister(w: World, rows: Int32Array, r: number, lo: number, hi: number, shift: number): boolean {
  const type = rows[r + TYPE];
  if (type === NOT_INIT) return true;
  loadScalar(s, rows, r);
  if (type === SCALAR_VALUE) return inRange(lo, hi) && in32(lo);
  const base = baseType(type);
  if (lo === 0 && hi === 0 && (type & PTR_MAYBE_NULL || base === PTR_TO_BTF_ID)) return true;
  const address = lo >>> 0;
  const off = rows[r + OFF];
  switch (base) {
    case PTR_TO_STACK:
      return hi === 0 && at(address, w.frames[rows[r + FRAMENO] + shift].fp, off);
    case PTR_TO_CTX:
      return hi === 0 && at(address, w.ctx, off);
    case PTR_TO_PACKET:
      if (hi !== 0 || w.data === 0) return hi === 0;
      if (rows[r + A] > 0 && address - off + rows[r + A] > w.dataEnd) return false;
      return at(address, w.data, off);
    case PTR_TO_PACKET_META:
      return hi === 0 && (w.dataMeta === 0 || at(address, w.dataMeta, off));
    case PTR_TO_PACKET_END:
      return hi === 0 && (w.dataEnd === 0 || address === w.dataEnd);
    case CONST_PTR_TO_MAP:
      return hi === 0 && (w.maps[rows[r + A]] === undefined || address === w.maps[rows[r + A]].addr);
    case PTR_TO_MAP_VALUE:
      return hi === 0 && holdsValue(w, w.maps[rows[r + A]], address, off);
    case PTR_TO_FUNC:
      return hi === 0;
    case PTR_TO_MAP_KEY:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
      // Arguments of global functions may point anywhere that the caller may read.
      return hi === 0 && address >= NULL_PAGE && (shift > 0 || (type & MEM_RDONLY) !== 0 || isKnown(w, address, off));
    case PTR_TO_BTF_ID:
      // Contexts other than packets are random, and so are the pointers in them.
      return w.data === 0 || (hi === 0 && address >= NULL_PAGE);
    default:
      return hi === 0 && address >= NULL_PAGE;
  }
}

function holdsValue(w: World, map: MapDesc | undefined, address: number, off: number): boolean {
  // What a lookup in a map of maps gives is a map, though the verifier says so only once it is not null.
  if (map === undefined || map.valuesAddr === 0 || OF_MAPS.has(map.type)) return isKnown(w, address, off);
  // The elements from which the variable part can lead here.
  const there = address - off - map.valuesAddr;
  const first = Math.max(0, Math.ceil((there - s64ToNumber(s.smaxLo, s.smaxHi)) / map.elemSize));
  const last = Math.min(map.maxEntries - 1, Math.floor((there - s64ToNumber(s.sminLo, s.sminHi)) / map.elemSize));
  for (let i = first; i <= last; i++) if (at(address, map.valuesAddr + i * map.elemSize, off)) return true;
  return false;
}

function isKnown(w: World, address: number, off: number): boolean {
  if (s.isConst()) return w.known.has(address - off - s.valLo);
  for (const base of w.known) if (at(address, base, off)) return true;
  return false;
}

/** The row as it would have to be. */
export function showRow(rows: Int32Array, r: number): string {
  loadScalar(s, rows, r);
  const num = (lo: number, hi: number): string => `0x${((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(16)}`;
  return (
    `type ${rows[r + TYPE]} off ${rows[r + OFF]} var ${num(s.valLo, s.valHi)};${num(s.maskLo, s.maskHi)} ` +
    `u64 ${num(s.uminLo, s.uminHi)}..${num(s.umaxLo, s.umaxHi)} s64 ${num(s.sminLo, s.sminHi)}..${num(s.smaxLo, s.smaxHi)}`
  );
}

/** `rows[r]` is the row of stack slot `spi` of a function whose frame pointer is `fp`. */
export function holdsSlot(w: World, rows: Int32Array, r: number, spi: number, fp: number, shift: number): boolean {
  const address = fp - 8 * spi - 8;
  for (let i = 0; i < 8; i++) {
    // Entry i is the byte at fp - 8 * spi - 1 - i.
    if (slotType(rows, r, i) === STACK_ZERO && w.view.getUint8(address + 7 - i) !== 0) return false;
  }
  if (slotType(rows, r, 7) !== STACK_SPILL) return true;
  const lo = w.view.getInt32(address, true);
  if (slotType(rows, r, 0) === STACK_SPILL)
    return holdsRegister(w, rows, r, lo, w.view.getInt32(address + 4, true), shift);
  // The row describes the whole number of which the lower bytes were stored.
  let bytes = 8;
  while (bytes > 0 && slotType(rows, r, 8 - bytes) !== STACK_SPILL) bytes--;
  if (bytes > 4 || rows[r + TYPE] !== SCALAR_VALUE) return true;
  loadScalar(s, rows, r);
  coerceToSize(s, bytes);
  const part = bytes === 4 ? lo : lo & ((1 << (8 * bytes)) - 1);
  return inRange(part, 0) && in32(part);
}
