/** Integers at whole bytes of guest memory that numbers hold: written and read without bigints. */
import { BTF_INT_SIGNED, BTF_KIND } from '../../../btf/types.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import type { Place, StructTypes } from '../struct-types.ts';

export interface PlainInt {
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** What it and a number can hold. */
  readonly least: number;
  readonly most: number;
}

const SIZES = [1, 2, 4, 8];

/** Undefined of everything that is not such an integer: pointers, truth values, bit fields. */
export function plainInt(types: StructTypes, { type, bit, width }: Place): PlainInt | undefined {
  const t = types.plain(type);
  const { encoding = 0, bitOffset = 0, bits = 0 } = t?.int ?? {};
  if (t?.kind !== BTF_KIND.INT || !SIZES.includes(t.size) || (encoding & ~BTF_INT_SIGNED) !== 0) return undefined;
  if (width !== 0 || bit % 8 !== 0 || bitOffset !== 0 || bits !== t.size * 8) return undefined;
  const signed = encoding !== 0;
  const most = Math.min(2 ** (signed ? bits - 1 : bits) - 1, Number.MAX_SAFE_INTEGER);
  return { size: t.size, least: signed ? -most : 0, most };
}

/** Whether a value is a number that the integer holds. */
export const holds = ({ least, most }: PlainInt, value: unknown): value is number =>
  typeof value === 'number' && value >= least && value <= most && Number.isInteger(value);

/** Writes a number that it holds. */
export function writePlain({ u8, u16, i32 }: KernelMemory, at: number, size: number, value: number): void {
  if (size === 4 && (at & 3) === 0) i32[at >>> 2] = value;
  else if (size === 1) u8[at] = value;
  else if (size === 2 && (at & 1) === 0) u16[at >>> 1] = value;
  else if (size === 8 && (at & 3) === 0) {
    i32[at >>> 2] = value;
    i32[(at >>> 2) + 1] = Math.floor(value / 2 ** 32);
  } else {
    let left = value;
    for (let i = 0; i < size; i++) {
      u8[at + i] = left;
      left = Math.floor(left / 256);
    }
  }
}

/** Reads an integer of at most four bytes that lies at the beginning of a word. */
export function readPlain({ u32, i32 }: KernelMemory, at: number, { size, least }: PlainInt): number {
  const unused = 32 - size * 8;
  return least < 0 ? (i32[at >>> 2] << unused) >> unused : (u32[at >>> 2] << unused) >>> unused;
}
