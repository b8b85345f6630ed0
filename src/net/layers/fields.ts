/** Headers as rows of fields, most significant bit first: the same rows read and write. */
import { formatAddress, parseAddress } from '../address.ts';

/** What the bits of a field are. `uint`: an unsigned number of at most 32 bits. */
export type FieldKind = 'uint' | 'mac' | 'ipv4' | 'ipv6';

/** A field of a header. Fields that are no `uint` begin at a whole byte. */
export interface Field {
  readonly name: string;
  readonly bits: number;
  /** Default: `uint`. */
  readonly kind?: FieldKind;
  /** Shown in hexadecimal. */
  readonly hex?: true;
}

/** The value of a field: a number, or an address as text. */
export type FieldValue = number | string;

/** Values of a layer by their names; options and contents are no numbers and no text. */
export type LayerValues = Readonly<Record<string, unknown>>;

/** A packet that cannot be built. */
export class PacketError extends RangeError {
  override readonly name = 'PacketError';
  /** @param path the layer, or layer and field: `ipv4.ttl` */
  constructor(
    readonly path: string,
    detail: string,
  ) {
    super(`${path}: ${detail}`);
  }
}

/** Bytes of the fixed part of a header. */
export const sizeOf = (fields: readonly Field[]): number => fields.reduce((bits, field) => bits + field.bits, 0) >>> 3;

/** Reads the fields from the first bytes of a header that is long enough. */
export function readFields(fields: readonly Field[], bytes: Uint8Array): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = {};
  let bit = 0;
  for (const field of fields) {
    values[field.name] = readField(field, bytes, bit);
    bit += field.bits;
  }
  return values;
}

function readField({ bits, kind = 'uint' }: Field, bytes: Uint8Array, bit: number): FieldValue {
  if (kind === 'uint') return readBits(bytes, bit, bits);
  const part = bytes.subarray(bit >>> 3, (bit + bits) >>> 3);
  return kind === 'mac' ? formatMac(part) : formatAddress(part);
}

function readBits(bytes: Uint8Array, bit: number, bits: number): number {
  let value = 0;
  for (let i = bit; i < bit + bits; i++) value = value * 2 + ((bytes[i >>> 3] >>> (7 - (i & 7))) & 1);
  return value;
}

/** Writes the fields into the zeroed first bytes of a header. Throws PacketError for what does not fit. */
export function writeFields(layer: string, fields: readonly Field[], values: LayerValues, out: Uint8Array): void {
  let bit = 0;
  for (const field of fields) {
    writeField(`${layer}.${field.name}`, field, values[field.name] ?? 0, { out, bit });
    bit += field.bits;
  }
}

function writeField(
  path: string,
  { bits, kind = 'uint' }: Field,
  value: unknown,
  { out, bit }: { readonly out: Uint8Array; readonly bit: number },
): void {
  if (kind === 'uint') {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** bits)
      throw new PacketError(path, `${String(value)} is no number of ${bits} bits`);
    for (let i = 0; i < bits; i++)
      if (Math.floor(value / 2 ** (bits - 1 - i)) % 2 === 1) out[(bit + i) >>> 3] |= 0x80 >>> ((bit + i) & 7);
    return;
  }
  out.set(addressBytes(path, kind, value), bit >>> 3);
}

function addressBytes(path: string, kind: Exclude<FieldKind, 'uint'>, value: unknown): Uint8Array {
  const bytes = typeof value !== 'string' ? undefined : kind === 'mac' ? parseMac(value) : addressOf(value, kind);
  if (bytes === undefined) throw new PacketError(path, `'${String(value)}' is no ${NAMES[kind]}`);
  return bytes;
}

const NAMES = { mac: 'MAC address', ipv4: 'IPv4 address', ipv6: 'IPv6 address' } as const;

function addressOf(text: string, kind: 'ipv4' | 'ipv6'): Uint8Array | undefined {
  if (text.includes(':') !== (kind === 'ipv6')) return undefined;
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}

function parseMac(text: string): Uint8Array | undefined {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((p) => /^[0-9a-f]{2}$/i.test(p))) return undefined;
  return Uint8Array.from(parts, (p) => Number.parseInt(p, 16));
}

const formatMac = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');
