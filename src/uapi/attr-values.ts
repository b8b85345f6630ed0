/** Values that a caller gave for fields of an attribute, of whatever types: as their fields hold them, or refused. */
import type { AttrField } from './attr-layout.ts';

export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** A 32-bit number, unsigned; 0 for what is left out, undefined for what does not fit. */
export function u32OrZero(value: unknown): number | undefined {
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
    default:
      return typeof value === 'string' ? untilNul(value) : undefined;
  }
}

const MIN_S64 = -(1n << 63n);
const MAX_U64 = (1n << 64n) - 1n;

export function wide(value: unknown): bigint | undefined {
  if (value === 0n) return 0n;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt.asUintN(64, BigInt(value)) : undefined;
  if (typeof value !== 'bigint' || value < MIN_S64 || value > MAX_U64) return undefined;
  return value < 0n ? BigInt.asUintN(64, value) : value;
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string | symbol): (() => unknown) =>
  (Object.getOwnPropertyDescriptor(TypedArray, name) as { get(): unknown }).get;
// Each by its own name: engines inline what a constant calls.
const tagOf = getter(Symbol.toStringTag);
const bufferOf = getter('buffer');
const offsetOf = getter('byteOffset');
const lengthOf = getter('byteLength');

/**
 * A plain view of a caller's Uint8Array, of any realm and subclass: nothing that the caller overrides runs. Undefined for what is
 * none, and for one whose memory is gone.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (tagOf.call(value as object) !== 'Uint8Array') return undefined;
  try {
    return new Uint8Array(
      bufferOf.call(value as object) as ArrayBuffer,
      offsetOf.call(value as object) as number,
      lengthOf.call(value as object) as number,
    );
  } catch {
    return undefined;
  }
}
