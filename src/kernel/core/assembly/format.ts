/** The kernel's restricted printf (bpf_bprintf_prepare, bstr_printf): checks a format, then writes what fits and counts the rest. */
import { EINVAL } from './common';
import { readable } from './probe';

/** Characters of one string argument at most. */
const MAX_STRING: u32 = 511;
/** Where the kernel's printf cuts a field width. */
const FIELD_WIDTH_MAX: u32 = (1 << 23) - 1;
const MAX_BPRINTF_VARARGS: u32 = 12;

const ZERO: u32 = 1;
const PLUS: u32 = 2;
const LEFT: u32 = 4;
const SPACE: u32 = 8;

// The conversion just read.
let flags: u32 = 0;
let width: u32 = 0;
/** i, u, x, X, c, s, p; 4 and 6 for IP addresses with separators, 104 and 106 for those of fixed length, k for symbols, B for callers. */
let kind: u32 = 0;
let wide: bool = false;

// Where output goes.
let out: u32 = 0;
let outEnd: u32 = 0;
let total: u32 = 0;
/** Bytes of the buffer, that of the NUL included. */
let room: u32 = 0;

/** Room for one body: digits from its end, or an IPv6 address. */
const BODY: u32 = <u32>memory.data(48);

// @ts-ignore: decorator
@inline function isDigit(c: u32): bool { return c - 48 <= 9; }
// @ts-ignore: decorator
@inline function isText(c: u32): bool { return c - 32 < 95 || c - 9 <= 4 || c >= 128; }
/** The kernel's ctype is that of Latin-1. */
function isPunct(c: u32): bool {
  return c - 33 <= 14 || c - 58 <= 6 || c - 91 <= 5 || c - 123 <= 3 || c - 161 <= 30 || c == 215 || c == 247;
}

/** Reads the conversion behind a percent sign: the address after it, or 0. */
function readSpec(p: u32): u32 {
  flags = 0;
  width = 0;
  wide = false;
  let c: u32;
  for (; ; p++) {
    c = load<u8>(p);
    if (c == 48) flags |= ZERO;
    else if (c == 43) flags |= PLUS;
    else if (c == 45) flags |= LEFT;
    else if (c == 32) flags |= SPACE;
    else break;
  }
  for (; isDigit(c); c = load<u8>(++p)) {
    width = width * 10 + (c - 48);
    if (width > FIELD_WIDTH_MAX) width = FIELD_WIDTH_MAX;
  }
  kind = c;
  if (c == 112) return readPointer(p + 1);
  if (c == 115 || c == 99) return p + 1;
  if (c == 108) {
    wide = true;
    if ((c = load<u8>(++p)) == 108) c = load<u8>(++p);
  }
  kind = c == 100 ? 105 : c;
  return kind == 105 || c == 117 || c == 120 || c == 88 ? p + 1 : 0;
}

/** What follows %p. */
function readPointer(p: u32): u32 {
  const a: u32 = load<u8>(p);
  if (!a) return p;
  const b: u32 = load<u8>(p, 1);
  if ((a == 107 || a == 117) && b == 115) {
    kind = 115;
    return p + 2;
  }
  if ((a == 105 || a == 73) && (b == 52 || b == 54)) {
    kind = b - 48 + (a == 105 ? 100 : 0);
    return p + 2;
  }
  if (a == 115 || a == 83 || a == 66) {
    kind = a == 66 ? 66 : 107;
    return p + 1;
  }
  if (a == 75 || a == 120) return p + 1;
  return ends(a) ? p : 0;
}

/** Whether a character may stand behind a string. */
function ends(c: u32): bool { return !c || c == 32 || c - 9 <= 4 || c == 160 || isPunct(c); }

// @ts-ignore: decorator
@inline function isWord(c: u32): bool { return isDigit(c) || (c | 32) - 97 < 26; }

/** Whether the kernel takes a format with so many arguments. */
function check(fmt: u32, maxArgs: u32): bool {
  for (let p = fmt, c: u32; (c = load<u8>(p)); p++) if (!isText(c)) return false;
  let args: u32 = 0;
  for (let p = fmt, c: u32; (c = load<u8>(p)); ) {
    p++;
    if (c != 37) continue;
    if (load<u8>(p) == 37) {
      p++;
      continue;
    }
    if (args++ >= maxArgs) return false;
    if (!(p = readSpec(p))) return false;
    if (kind == 115 && !ends(load<u8>(p))) return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline function put(c: u32): void {
  if (out < outEnd) store<u8>(out++, c);
  total++;
}
function fill(c: u32, n: i32): void { for (; n > 0; n--) put(c); }
function putBody(p: u32, n: u32, numeric: bool, sign: u32): void {
  const missing = <i32>width - <i32>n - (sign ? 1 : 0);
  const zeros = numeric && (flags & (ZERO | LEFT)) == ZERO;
  if (!(flags & LEFT) && !zeros) fill(32, missing);
  if (sign) put(sign);
  if (zeros) fill(48, missing);
  for (const end = p + n; p < end; p++) put(load<u8>(p));
  if (flags & LEFT) fill(32, missing);
}

/** Digits of a number, right-aligned at BODY + 40, at least `least` of them; gives where they begin. */
function digits(n: u64, radix: u32, least: u32, upper: bool): u32 {
  let p = BODY + 40;
  const stop = p - least;
  const letter: u32 = upper ? 55 : 87;
  do {
    let d: u32;
    if (radix == 16) {
      d = <u32>n & 15;
      n >>= 4;
    } else if (n >> 32) {
      const q = n / 10;
      d = <u32>(n - q * 10);
      n = q;
    } else {
      const m = <u32>n;
      d = m % 10;
      n = m / 10;
    }
    store<u8>(--p, d < 10 ? d + 48 : d + letter);
  } while (n || p > stop);
  return p;
}

function putNumber(arg: u64): void {
  let sign: u32 = 0;
  let n = arg;
  if (kind == 105) {
    const s = wide ? <i64>arg : <i64>(<i32>arg);
    sign = s < 0 ? 45 : flags & PLUS ? 43 : flags & SPACE ? 32 : 0;
    n = s < 0 ? 0 - <u64>s : <u64>s;
  } else if (!wide) n = <u32>arg;
  const at = digits(n, kind == 105 || kind == 117 ? 10 : 16, 1, kind == 88);
  putBody(at, BODY + 40 - at, true, sign);
}

function putAddress4(arg: u64): void {
  const known = readable(<u32>(arg >> 32), <u32>arg, 4);
  let p = BODY;
  for (let i: u32 = 0; i < 4; i++) {
    const b: u32 = known ? load<u8>(<u32>arg + i) : 0;
    if (i) store<u8>(p++, 46);
    if (b >= 100 || kind == 104) store<u8>(p++, b / 100 + 48);
    if (b >= 10 || kind == 104) store<u8>(p++, (b / 10) % 10 + 48);
    store<u8>(p++, b % 10 + 48);
  }
  putBody(BODY, p - BODY, false, 0);
}

function hex(d: u32): u32 { return d < 10 ? d + 48 : d + 87; }
function putAddress6(arg: u64): void {
  const known = readable(<u32>(arg >> 32), <u32>arg, 16);
  let p = BODY;
  for (let i: u32 = 0; i < 16; i++) {
    const b: u32 = known ? load<u8>(<u32>arg + i) : 0;
    if (i && !(i & 1) && kind == 6) store<u8>(p++, 58);
    store<u8>(p++, hex(b >> 4));
    store<u8>(p++, hex(b & 15));
  }
  putBody(BODY, p - BODY, false, 0);
}

function putString(arg: u64): void {
  const p = <u32>arg;
  let n: u32 = 0;
  while (n < MAX_STRING) {
    if (!readable(<u32>(arg >> 32), p + n, 1)) {
      n = 0;
      break;
    }
    if (!load<u8>(p + n)) break;
    n++;
  }
  putBody(p, n, false, 0);
}

/** There are no symbols here: they print as addresses. %p itself is hashed in the kernel, plain here. */
function putPointer(arg: u64): void {
  let at = digits(arg, 16, kind == 112 ? 16 : 1, false);
  if (kind != 112) {
    store<u8>(--at, 120);
    store<u8>(--at, 48);
  }
  putBody(at, BODY + 40 - at, kind == 112, 0);
}

/** A pointer in one of its forms. Addresses and callers are texts to the kernel, which it leaves out where the buffer is full. */
function putPointed(arg: u64): void {
  if (kind == 112 || kind == 107) putPointer(arg);
  else if (total < room) {
    if (kind == 66) putPointer(arg);
    else if (kind == 4 || kind == 104) putAddress4(arg);
    else putAddress6(arg);
  }
}

/**
 * Writes at most `size` bytes at `to`, without a NUL: the length of the whole text, or -EINVAL for a format that is refused.
 * Arguments are 64-bit words at `args`.
 */
export function format(to: u32, size: u32, fmt: u32, args: u32, maxArgs: u32): i32 {
  room = size + 1;
  return write(to, size, fmt, args, maxArgs);
}

function write(to: u32, size: u32, fmt: u32, args: u32, maxArgs: u32): i32 {
  if (!check(fmt, maxArgs)) return EINVAL;
  out = to;
  outEnd = to + size;
  total = 0;
  for (let p = fmt, c: u32; (c = load<u8>(p)); ) {
    p++;
    if (c != 37 || load<u8>(p) == 37) {
      put(c);
      if (c == 37) p++;
      continue;
    }
    p = readSpec(p);
    const arg = load<u64>(args);
    args += 8;
    if (kind == 115) putString(arg);
    else if (kind == 99) {
      store<u8>(BODY, <u8>arg);
      putBody(BODY, 1, false, 0);
    } else if (kind == 105 || kind == 117 || kind == 120 || kind == 88) putNumber(arg);
    else {
      putPointed(arg);
      // Letters and digits behind a pointer belong to it, known or not.
      while (isWord(load<u8>(p))) p++;
    }
  }
  return total;
}

/** bpf_snprintf(str, str_size, fmt, data, data_len): length with the NUL, also when it did not fit. */
export function snprintf(str: u32, size: u32, fmt: u32, data: u32, len: u32): i32 {
  if (len & 7 || len > MAX_BPRINTF_VARARGS * 8 || (len && !data)) return EINVAL;
  room = size;
  const n = write(str, size ? size - 1 : 0, fmt, data, len >> 3);
  if (n < 0) return n;
  if (size) store<u8>(out, 0);
  return n + 1;
}
