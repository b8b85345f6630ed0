/** Options of TCP by their names. */
import { type RawOption, readOptions, WITH_HEADER, writeOptions } from './options.ts';

/** An option of TCP: by name where it has its usual form, otherwise by number. */
export type TcpOption =
  | RawOption
  | { readonly end: true }
  | { readonly nop: true }
  /** Largest segment, bytes. */
  | { readonly mss: number }
  /** Shift of the window. */
  | { readonly windowScale: number }
  | { readonly sackPermitted: true }
  /** First and last sequence number of each block. */
  | { readonly sack: readonly (readonly [number, number])[] }
  /** Its own clock and the echo of the other's. */
  | { readonly timestamps: readonly [number, number] };

const END = 0;
const NOP = 1;
const MSS = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMPS = 8;

const words = (values: readonly number[]): Uint8Array => {
  const out = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => out.setUint32(i * 4, value));
  return new Uint8Array(out.buffer);
};

function raw(option: TcpOption): RawOption {
  if ('type' in option) return option;
  if ('end' in option) return { type: END };
  if ('nop' in option) return { type: NOP };
  if ('mss' in option) return { type: MSS, data: words([option.mss]).subarray(2) };
  if ('windowScale' in option) return { type: WINDOW_SCALE, data: Uint8Array.of(option.windowScale) };
  if ('sackPermitted' in option) return { type: SACK_PERMITTED, data: new Uint8Array(0) };
  if ('sack' in option) return { type: SACK, data: words(option.sack.flat()) };
  return { type: TIMESTAMPS, data: words(option.timestamps) };
}

function named(option: RawOption): TcpOption {
  const { type, data = new Uint8Array(0) } = option;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const word = (i: number): number => view.getUint32(i * 4);
  const size = data.length;
  if (type === END) return { end: true };
  if (type === NOP) return { nop: true };
  if (type === MSS && size === 2) return { mss: view.getUint16(0) };
  if (type === WINDOW_SCALE && size === 1) return { windowScale: data[0] };
  if (type === SACK_PERMITTED && size === 0) return { sackPermitted: true };
  if (type === SACK && size > 0 && size % 8 === 0)
    return { sack: Array.from({ length: size / 8 }, (_, i) => [word(2 * i), word(2 * i + 1)] as const) };
  if (type === TIMESTAMPS && size === 8) return { timestamps: [word(0), word(1)] };
  return option;
}

/** The options in some bytes; the bytes themselves when they are no list. */
export function readTcpOptions(bytes: Uint8Array): readonly TcpOption[] | Uint8Array {
  const options = readOptions(bytes, WITH_HEADER);
  return options instanceof Uint8Array ? options : options.map(named);
}

/** The bytes of options. Throws PacketError. */
export function writeTcpOptions(options: readonly TcpOption[] | Uint8Array | undefined): Uint8Array {
  const list = options instanceof Uint8Array || options === undefined ? options : options.map(raw);
  return writeOptions('tcp.options', list, WITH_HEADER);
}
