/** The layout of a register or stack slot: 32 int32 words (struct bpf_reg_state and one 8-byte slot of struct bpf_stack_state). */
import type { Scalar } from '../domain/scalar.ts';

export const ROW = 32;
export const ROW_SHIFT = 5;

/** Type word: base type and flags of spec/reg-types. For stack slots: the type of the spilled register. */
export const TYPE = 0;
/** Fixed offset of a pointer, bytes; for scalars the delta of a linked id. */
export const OFF = 1;
/** Id that links copies; bit 31 (BPF_ADD_CONST64) and bit 30 (BPF_ADD_CONST32) mark an added constant. */
export const ID = 2;
export const REF_OBJ_ID = 3;
export const VALUE_LO = 4;
export const VALUE_HI = 5;
export const MASK_LO = 6;
export const MASK_HI = 7;
export const UMIN_LO = 8;
export const UMIN_HI = 9;
export const UMAX_LO = 10;
export const UMAX_HI = 11;
export const SMIN_LO = 12;
export const SMIN_HI = 13;
export const SMAX_LO = 14;
export const SMAX_HI = 15;
export const U32_MIN = 16;
export const U32_MAX = 17;
export const S32_MIN = 18;
export const S32_MAX = 19;
/**
 * Three words by type:
 * PTR_TO_PACKET*: A = range (bytes, or AT_PKT_END = -1, BEYOND_PKT_END = -2).
 * CONST_PTR_TO_MAP, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE: A = index in env.maps, B = map_uid.
 * PTR_TO_BTF_ID: A = index in env.btfs, B = type id.
 * PTR_TO_MEM, PTR_TO_BUF: A = mem_size, B = dynptr id, C = reference of the packet that it lies in.
 * PTR_TO_FUNC: A = subprogram number.
 * Dynptr slot or CONST_PTR_TO_DYNPTR: A = dynptr type (DYNPTR_TYPE_*), B = first_slot (0 or 1), C = reference of its packet.
 * Iterator slot: A = index in env.btfs, B = type id, C = state (1 active, 2 drained) | depth << 2.
 * IRQ flag slot: A = kfunc class.
 */
export const A = 20;
export const B = 21;
export const C = 22;
export const FRAMENO = 23;
/** 0 when the last definition was 64-bit, else 1 + the instruction that defined the low half. */
export const SUBREG_DEF = 24;
export const PRECISE = 25;
/** Slot types of the eight bytes of a stack slot, four bits each; entry i is the kernel's slot_type[i], the byte at fp - 8 * spi - 1 - i. */
export const SLOT_TYPES = 26;
/** Words of a row that mean anything. */
export const USED = SLOT_TYPES + 1;

/** Bits of ID (env ids never reach them). */
export const BPF_ADD_CONST64 = 1 << 31;
export const BPF_ADD_CONST32 = 1 << 30;
export const BPF_ADD_CONST = BPF_ADD_CONST64 | BPF_ADD_CONST32;

export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

/** enum bpf_stack_slot_type. */
export const STACK_INVALID = 0;
export const STACK_SPILL = 1;
export const STACK_MISC = 2;
export const STACK_ZERO = 3;
export const STACK_DYNPTR = 4;
export const STACK_ITER = 5;
export const STACK_IRQ_FLAG = 6;

/** The kernel's slot_type[i]: entry 7 is the lowest address of the slot, where every spill begins. */
export const slotType = (rows: Int32Array, slot: number, i: number): number =>
  (rows[slot + SLOT_TYPES] >>> (i << 2)) & 15;

export function setSlotType(rows: Int32Array, slot: number, i: number, type: number): void {
  const shift = i << 2;
  rows[slot + SLOT_TYPES] = (rows[slot + SLOT_TYPES] & ~(15 << shift)) | (type << shift);
}

/** The SLOT_TYPES word whose eight bytes all have one type. */
export const allSlots = (type: number): number => Math.imul(type, 0x11111111);

/** Reads the abstract value of a row. */
export function loadScalar(s: Scalar, rows: Int32Array, r: number): void {
  s.valLo = rows[r + VALUE_LO];
  s.valHi = rows[r + VALUE_HI];
  s.maskLo = rows[r + MASK_LO];
  s.maskHi = rows[r + MASK_HI];
  s.uminLo = rows[r + UMIN_LO];
  s.uminHi = rows[r + UMIN_HI];
  s.umaxLo = rows[r + UMAX_LO];
  s.umaxHi = rows[r + UMAX_HI];
  s.sminLo = rows[r + SMIN_LO];
  s.sminHi = rows[r + SMIN_HI];
  s.smaxLo = rows[r + SMAX_LO];
  s.smaxHi = rows[r + SMAX_HI];
  s.u32min = rows[r + U32_MIN];
  s.u32max = rows[r + U32_MAX];
  s.s32min = rows[r + S32_MIN];
  s.s32max = rows[r + S32_MAX];
}

/** Writes an abstract value into a row; type, ids and the other words stay. */
export function storeScalar(s: Scalar, rows: Int32Array, r: number): void {
  rows[r + VALUE_LO] = s.valLo;
  rows[r + VALUE_HI] = s.valHi;
  rows[r + MASK_LO] = s.maskLo;
  rows[r + MASK_HI] = s.maskHi;
  rows[r + UMIN_LO] = s.uminLo;
  rows[r + UMIN_HI] = s.uminHi;
  rows[r + UMAX_LO] = s.umaxLo;
  rows[r + UMAX_HI] = s.umaxHi;
  rows[r + SMIN_LO] = s.sminLo;
  rows[r + SMIN_HI] = s.sminHi;
  rows[r + SMAX_LO] = s.smaxLo;
  rows[r + SMAX_HI] = s.smaxHi;
  rows[r + U32_MIN] = s.u32min;
  rows[r + U32_MAX] = s.u32max;
  rows[r + S32_MIN] = s.s32min;
  rows[r + S32_MAX] = s.s32max;
}

/** The 64-bit words as JavaScript numbers, for printing and for bounds that are known to be small. Exact below 2^53. */
export const u64ToNumber = (lo: number, hi: number): number => (hi >>> 0) * 4294967296 + (lo >>> 0);
export const s64ToNumber = (lo: number, hi: number): number => hi * 4294967296 + (lo >>> 0);
export const sminOf = (rows: Int32Array, r: number): number => s64ToNumber(rows[r + SMIN_LO], rows[r + SMIN_HI]);
export const smaxOf = (rows: Int32Array, r: number): number => s64ToNumber(rows[r + SMAX_LO], rows[r + SMAX_HI]);
export const uminOf = (rows: Int32Array, r: number): number => u64ToNumber(rows[r + UMIN_LO], rows[r + UMIN_HI]);
export const umaxOf = (rows: Int32Array, r: number): number => u64ToNumber(rows[r + UMAX_LO], rows[r + UMAX_HI]);

/** tnum_is_const(reg->var_off). */
export const varOffConst = (rows: Int32Array, r: number): boolean => (rows[r + MASK_LO] | rows[r + MASK_HI]) === 0;
/** The variable part is the constant 0: the pointer moved by its fixed offset only. */
export const varOffZero = (rows: Int32Array, r: number): boolean =>
  (rows[r + MASK_LO] | rows[r + MASK_HI] | rows[r + VALUE_LO] | rows[r + VALUE_HI]) === 0;

/** Copies a whole register row (copy_register_state). */
export function copyRow(dst: Int32Array, d: number, src: Int32Array, s: number): void {
  for (let i = 0; i < USED; i++) dst[d + i] = src[s + i];
}
