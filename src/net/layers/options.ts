/** Options of headers: lists of a type, a length and bytes. */
import { PacketError } from './fields.ts';

/** An option by its number. */
export interface RawOption {
  readonly type: number;
  /** Its bytes behind type and length. Default: none. */
  readonly data?: Uint8Array;
}

/** How a list of options is written. */
export interface OptionFormat {
  /** Types that are one byte, without a length. */
  readonly single: readonly number[];
  /** Whether lengths count the bytes of type and length too. */
  readonly lengthOfAll: boolean;
}

/** Options of IPv4 and TCP: 0 ends the list, 1 fills. */
export const WITH_HEADER: OptionFormat = { single: [0, 1], lengthOfAll: true };
/** Options of IPv6's extension headers: 0 is Pad1. */
export const WITHOUT_HEADER: OptionFormat = { single: [0], lengthOfAll: false };

/** The options in some bytes; the bytes themselves when they are no such list. */
export function readOptions(bytes: Uint8Array, format: OptionFormat): readonly RawOption[] | Uint8Array {
  const options: RawOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at];
    if (format.single.includes(type)) {
      options.push({ type });
      at++;
      continue;
    }
    const size = at + 1 < bytes.length ? bytes[at + 1] + (format.lengthOfAll ? 0 : 2) : 0;
    if (size < 2 || at + size > bytes.length) return bytes.slice();
    options.push({ type, data: bytes.slice(at + 2, at + size) });
    at += size;
  }
  return options;
}

/** The bytes of options, or of a list that is bytes already. Throws PacketError. */
export function writeOptions(
  path: string,
  options: readonly RawOption[] | Uint8Array | undefined,
  format: OptionFormat,
): Uint8Array {
  if (options === undefined) return new Uint8Array(0);
  if (options instanceof Uint8Array) return options;
  const out: number[] = [];
  for (const { type, data = new Uint8Array(0) } of options) {
    if (format.single.includes(type)) out.push(type);
    else {
      const length = data.length + (format.lengthOfAll ? 2 : 0);
      if (length > 255) throw new PacketError(path, `an option of ${data.length} bytes is too long`);
      out.push(type, length, ...data);
    }
  }
  return Uint8Array.from(out);
}

/** The bytes with zeros up to a whole number of `unit` bytes. */
export function padTo(bytes: Uint8Array, unit: number): Uint8Array {
  if (bytes.length % unit === 0) return bytes;
  const out = new Uint8Array(Math.ceil(bytes.length / unit) * unit);
  out.set(bytes);
  return out;
}
