/** Numbers from text, as _parse_integer of the kernel reads them: bpf_strtol and bpf_strtoul. Flags come as two words. */
import { EINVAL } from './common';

const ERANGE: i32 = -34;
const BASE_MASK: u32 = 0x1f;
/** Characters after spaces and sign that are looked at. */
const MAX_DIGITS: u32 = 63;

let parsed: u64 = 0;
let negative: bool = false;

// @ts-ignore: decorator
@inline function isSpace(c: u32): bool { return c == 32 || c - 9 <= 4 || c == 0xa0; }
/** Value of a digit, at least 16 for any other character. */
// @ts-ignore: decorator
@inline function digit(c: u32): u32 {
  const d = c - 48;
  if (d <= 9) return d;
  const l = (c | 32) - 97;
  return l <= 5 ? l + 10 : 99;
}

/** __bpf_strtoull: characters read, or -errno; the number without its sign is left in `parsed`. */
function parse(buf: u32, len: u32, flags: u32, flagsHigh: u32): i32 {
  let radix = flags & BASE_MASK;
  if (!len || flags & ~BASE_MASK || flagsHigh || (radix != 0 && radix != 8 && radix != 10 && radix != 16)) return EINVAL;
  const stop = buf + len;
  let p = buf;
  while (p < stop && isSpace(load<u8>(p))) p++;
  negative = p < stop && load<u8>(p) == 45;
  if (negative) p++;
  if (p >= stop) return EINVAL;
  const n = stop - p < MAX_DIGITS ? stop - p : MAX_DIGITS;
  const end = p + n;
  const prefixed = n > 1 && load<u8>(p) == 48 && (load<u8>(p, 1) | 32) == 120;
  if (!radix) radix = prefixed && n > 2 && digit(load<u8>(p, 2)) < 16 ? 16 : load<u8>(p) == 48 ? 8 : 10;
  if (radix == 16 && prefixed) p += 2;
  const start = p;
  // Shifts for 8 and 16; of multiplications by 10 the limit is known.
  const shift: u64 = radix == 16 ? 4 : radix == 8 ? 3 : 0;
  const most: u64 = shift ? 0xffffffffffffffff >> shift : 1844674407370955161;
  let value: u64 = 0;
  let overflow = false;
  for (; p < end; p++) {
    const d = digit(load<u8>(p));
    if (d >= radix) break;
    if (value > most || (!shift && value == most && d > 5)) overflow = true;
    value = (shift ? value << shift : value * 10) + d;
  }
  if (overflow) return ERANGE;
  if (p == start) return EINVAL;
  parsed = value;
  return p - buf;
}

/** bpf_strtol(buf, buf_len, flags, res) */
export function strtol(buf: u32, len: u32, flags: u32, flagsHigh: u32, res: u32): i32 {
  store<u64>(res, 0);
  const n = parse(buf, len, flags, flagsHigh);
  if (n < 0) return n;
  const least: u64 = 1 << 63;
  if (negative ? parsed > least : parsed >= least) return ERANGE;
  store<u64>(res, negative ? 0 - parsed : parsed);
  return n;
}

/** bpf_strtoul(buf, buf_len, flags, res) */
export function strtoul(buf: u32, len: u32, flags: u32, flagsHigh: u32, res: u32): i32 {
  store<u64>(res, 0);
  const n = parse(buf, len, flags, flagsHigh);
  if (n < 0) return n;
  if (negative) return EINVAL;
  store<u64>(res, parsed);
  return n;
}
