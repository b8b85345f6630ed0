/** Values that a caller gave for fields of an attribute, of whatever types: as their fields hold them, or refused. */
import type { AttrField } from './layout.ts';
import { isUserBytes, viewUser } from './user-buffer.ts';

export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** A 32-bit number, unsigned; 0 for what is left out, undefined for what does not fit. */
export function u32OrZero(value: unknown): number | undefined {
  if (typeof value === 'number' && value >>> 0 === value) return value;
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff)
    return undefined;
  return value >>> 0;
}

/** A value as its field holds it, or undefined when the field cannot. */
export function scalar(kind: AttrField['kind'], value: unknown): unknown {
  switch (kind) {
    case 'u32':
    case 's32':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff)
        return undefined;
      return kind === 'u32' ? value >>> 0 : value | 0;
    case 'u64':
      return wide(value);
    case 'strs':
      return Array.isArray(value) && value.every((text) => typeof text === 'string') ? value.map(untilNul) : undefined;
    default:
      return typeof value === 'string' ? untilNul(value) : undefined;
  }
}

/** Beyond this many elements no command takes a list. */
const MAX_ELEMENTS = 1 << 20;

/** The elements of a caller's list, one more than any command takes; what is no list is given as it is. */
export function elements(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const length = Math.min(value.length, MAX_ELEMENTS + 1);
  return Array.from({ length }, (_, i) => value[i] as unknown);
}

const MIN_S64 = -(1n << 63n);
const MAX_U64 = (1n << 64n) - 1n;

function wide(value: unknown): bigint | undefined {
  if (value === 0n) return 0n;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt.asUintN(64, BigInt(value)) : undefined;
  if (typeof value !== 'bigint' || value < MIN_S64 || value > MAX_U64) return undefined;
  return value < 0n ? BigInt.asUintN(64, value) : value;
}

/** 0 for what is left out, undefined for what does not fit. */
export const wideOrZero = (value: unknown): bigint | undefined =>
  value === undefined || value === null ? 0n : wide(value);

/** A bit that no command defines, in the place of all flags beyond 32 bits. */
const UNKNOWN_FLAG = 0x8000_0000;

/** 64-bit flags as a number: all that is defined, and whether there is more. */
export function flags32(flags = 0n): number {
  if (flags === 0n) return 0;
  const low = Number(BigInt.asUintN(32, flags));
  return flags >> 32n === 0n ? low : (low | UNKNOWN_FLAG) >>> 0;
}

/** 64-bit flags that a caller gave, as {@link flags32}; undefined for what does not fit. */
export function flags32OrZero(value: unknown): number | undefined {
  // No flags is what is asked most: 64-bit arithmetic is slow.
  if (value === undefined || value === null || value === 0n) return 0;
  const flags = wide(value);
  return flags === undefined ? undefined : flags32(flags);
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A plain view of a caller's Uint8Array; undefined for what is none, and for one whose memory is gone. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  return isUserBytes(value) ? viewUser(value) : undefined;
}
