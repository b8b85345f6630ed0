/** The kernel's restricted printf of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf (bpf_bprintf_prepare, bstr_printf). */
import { ERRNO } from '../../uapi/errno.ts';
import type { HelperEnv } from './env.ts';
import { readable } from './probe.ts';

/** Bytes of one string argument at most. */
const MAX_STRING = 512;
/** Where the kernel's printf cuts a field width. */
const FIELD_WIDTH_MAX = (1 << 23) - 1;

/** Arguments by position, as unsigned 64-bit numbers. */
export type FormatArgs = (index: number) => bigint;

/** One conversion of a format. */
interface Spec {
  readonly flags: string;
  readonly width: number;
  readonly conversion: string;
  /** Bits of an integer argument. */
  readonly bits: 32 | 64;
}
type Piece = string | Spec;

const isDigit = (c: string): boolean => c >= '0' && c <= '9';
const isAsciiText = (code: number): boolean => (code >= 32 && code < 127) || (code >= 9 && code <= 13);
const isPunct = (c: string): boolean => /[!-/:-@[-`{-~]/.test(c);

/** Reads a format that must end within `size` bytes: its pieces, or -EINVAL when the kernel refuses it. */
export function parseFormat(bytes: Uint8Array, maxArgs: number): Piece[] | number {
  const end = bytes.indexOf(0);
  if (end < 0) return -ERRNO.EINVAL;
  for (let i = 0; i < end; i++) if (!isAsciiText(bytes[i] as number)) return -ERRNO.EINVAL;
  const text = String.fromCharCode(...bytes.subarray(0, end));
  const pieces: Piece[] = [];
  let args = 0;
  for (let i = 0; i < text.length; ) {
    if (text[i] !== '%') {
      const next = text.indexOf('%', i);
      const stop = next < 0 ? text.length : next;
      pieces.push(text.slice(i, stop));
      i = stop;
      continue;
    }
    if (text[i + 1] === '%') {
      pieces.push('%');
      i += 2;
      continue;
    }
    if (args++ >= maxArgs) return -ERRNO.EINVAL;
    const spec = parseSpec(text, i + 1);
    if (spec === undefined) return -ERRNO.EINVAL;
    pieces.push(spec.spec);
    i = spec.next;
  }
  return pieces;
}

function parseSpec(text: string, from: number): { spec: Spec; next: number } | undefined {
  let i = from;
  let flags = '';
  while ('0+- '.includes(text[i] ?? 'x')) flags += text[i++];
  let width = 0;
  if ((text[i] ?? '') >= '1' && (text[i] ?? '') <= '9') {
    while (isDigit(text[i] ?? '')) width = Math.min(width * 10 + Number(text[i++]), FIELD_WIDTH_MAX);
  }
  const made = (conversion: string, bits: 32 | 64, next: number) => ({
    spec: { flags, width, conversion, bits },
    next,
  });
  const c = text[i] ?? '';
  if (c === 'p') return parsePointer(text, i + 1, made);
  if (c === 's' || c === 'c') return made(c, 64, i + 1);
  let bits: 32 | 64 = 32;
  if (text[i] === 'l') {
    bits = 64;
    i++;
    if (text[i] === 'l') i++;
  }
  const conversion = text[i] ?? '';
  return 'iduxX'.includes(conversion) && conversion !== '' ? made(conversion, bits, i + 1) : undefined;
}

function parsePointer<T>(text: string, i: number, made: (c: string, bits: 64, next: number) => T): T | undefined {
  const a = text[i] ?? '';
  const b = text[i + 1] ?? '';
  if ((a === 'k' || a === 'u') && b === 's') return made('s', 64, i + 2);
  if ((a === 'i' || a === 'I') && (b === '4' || b === '6')) return made(`p${a}${b}`, 64, i + 2);
  if (a !== '' && 'KxsSB'.includes(a)) return made(`p${a}`, 64, i + 1);
  if (a === '' || /\s/.test(a) || isPunct(a)) return made('p', 64, i);
  return undefined;
}

/** Formats arguments; addresses of strings and IP addresses are read from guest memory, bad ones as the kernel does. */
export function formatPieces(env: HelperEnv, pieces: readonly Piece[], args: FormatArgs): string {
  let index = 0;
  let out = '';
  for (const piece of pieces) out += typeof piece === 'string' ? piece : formatOne(env, piece, args(index++));
  return out;
}

function formatOne(env: HelperEnv, spec: Spec, arg: bigint): string {
  const { conversion } = spec;
  if (conversion === 's') return pad(stringAt(env, arg), spec, false);
  if (conversion === 'c') return pad(String.fromCharCode(Number(arg & 0xffn)), spec, false);
  if (conversion.startsWith('p')) return formatPointer(env, spec, arg);
  const signed = conversion === 'd' || conversion === 'i';
  const value = signed ? BigInt.asIntN(spec.bits, arg) : BigInt.asUintN(spec.bits, arg);
  const digits = (value < 0n ? -value : value).toString(conversion === 'x' || conversion === 'X' ? 16 : 10);
  const sign =
    value < 0n ? '-' : signed && spec.flags.includes('+') ? '+' : signed && spec.flags.includes(' ') ? ' ' : '';
  return pad(conversion === 'X' ? digits.toUpperCase() : digits, spec, true, sign);
}

function pad(body: string, spec: Spec, numeric: boolean, sign = ''): string {
  const missing = spec.width - body.length - sign.length;
  if (missing <= 0) return sign + body;
  if (spec.flags.includes('-')) return sign + body + ' '.repeat(missing);
  if (numeric && spec.flags.includes('0')) return sign + '0'.repeat(missing) + body;
  return ' '.repeat(missing) + sign + body;
}

/** %p and its extensions. There are no symbols here: those print the address. %p itself is hashed in the kernel, plain here. */
function formatPointer(env: HelperEnv, spec: Spec, arg: bigint): string {
  const kind = spec.conversion.slice(1);
  if (kind === 'i4' || kind === 'I4') {
    const part = (b: number): string => (kind === 'i4' ? String(b).padStart(3, '0') : String(b));
    return pad(Array.from(bytesAt(env, arg, 4), part).join('.'), spec, false);
  }
  if (kind === 'i6' || kind === 'I6') {
    const hex = Array.from(bytesAt(env, arg, 16), (b) => b.toString(16).padStart(2, '0')).join('');
    return pad(kind === 'i6' ? hex : (hex.match(/.{4}/g) ?? []).join(':'), spec, false);
  }
  if (kind === 's' || kind === 'S' || kind === 'B') return pad(`0x${arg.toString(16)}`, spec, false);
  return pad(arg.toString(16).padStart(16, '0'), spec, true);
}

/** Bytes at an address, zero when it cannot be read. */
function bytesAt(env: HelperEnv, arg: bigint, size: number): Uint8Array {
  const lo = Number(arg & 0xffff_ffffn);
  return readable(env, Number(arg >> 32n), lo, size) ? env.mem.u8.slice(lo, lo + size) : new Uint8Array(size);
}

function stringAt(env: HelperEnv, arg: bigint): string {
  let lo = Number(arg & 0xffff_ffffn);
  const hi = Number(arg >> 32n);
  let out = '';
  for (; out.length < MAX_STRING - 1; lo++) {
    if (!readable(env, hi, lo, 1)) return '';
    const byte = env.mem.u8[lo] as number;
    if (byte === 0) break;
    out += String.fromCharCode(byte);
  }
  return out;
}
