/** The format of bpf_snprintf against its arguments, known when the program is loaded (check_bpf_snprintf_call, bpf_bprintf_prepare). */
import { ARGS } from '../diag/catalogue/args.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, OFF, VALUE_LO } from '../state/row.ts';
import { regRow } from '../state/state.ts';

const PERCENT = 0x25;
const ch = (c: string): number => c.charCodeAt(0);
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
// The kernel's ctype is that of Latin-1.
const isSpace = (c: number): boolean => c === 0x20 || (c >= 9 && c <= 13) || c === 0xa0;
const isPunct = (c: number): boolean =>
  (c > 0x20 && c < 0x7f && !/[0-9A-Za-z]/.test(String.fromCharCode(c))) ||
  (c > 0xa0 && c < 0xc0) ||
  c === 0xd7 ||
  c === 0xf7;

/** R3 is the format, R5 the size of the argument array. */
export function checkSnprintf(env: VerifierEnv): void {
  const { rows } = env.state.frame;
  const fmt = regRow(3);
  const map = env.maps[rows[fmt + A]];
  const off = rows[fmt + OFF] + rows[fmt + VALUE_LO];
  const bytes = map.readConst?.(off, map.valueSize - off);
  const end = bytes?.indexOf(0) ?? -1;
  const count = rows[regRow(5) + VALUE_LO] >>> 3;
  if (bytes === undefined || end < 0 || !isValidFormat(bytes.subarray(0, end), count)) reject(env, ARGS.FMT_INVALID);
}

/** bpf_bprintf_prepare without arguments: whether `fmt` is understood and takes at most `args` of them. */
export function isValidFormat(fmt: Uint8Array, args: number): boolean {
  let used = 0;
  const at = (i: number): number => (i < fmt.length ? fmt[i] : 0);
  for (let i = 0; i < fmt.length; i++) {
    const c = fmt[i];
    // Control characters are refused everywhere; bytes beyond ASCII may stand outside of conversions.
    if ((c < 0x20 && !isSpace(c)) || c === 0x7f) return false;
    if (c !== PERCENT) continue;
    if (at(i + 1) === PERCENT) {
      i++;
      continue;
    }
    if (used >= args) return false;
    i++;
    // Flags and width.
    while (at(i) === ch('0') || at(i) === ch('+') || at(i) === ch('-') || at(i) === ch(' ')) i++;
    if (at(i) >= ch('1') && at(i) <= ch('9')) while (isDigit(at(i))) i++;
    const next = conversionEnd(at, i);
    if (next < 0) return false;
    i = next;
    used++;
  }
  return true;
}

/** Index of the last character of the conversion that begins at `i`, -1 for one that is not known. Nothing may be written onto a string. */
function conversionEnd(at: (i: number) => number, i: number): number {
  const ends = (j: number): boolean => at(j) === 0 || isSpace(at(j)) || isPunct(at(j));
  const string = (j: number): number => (ends(j + 1) ? j : -1);
  switch (String.fromCharCode(at(i))) {
    case 'p': {
      const kind = String.fromCharCode(at(i + 1));
      if ((kind === 'k' || kind === 'u') && at(i + 2) === ch('s')) return string(i + 2);
      if (ends(i + 1) || 'Kx'.includes(kind) || kind === 's' || kind === 'S') return ends(i + 1) ? i : i + 1;
      if (kind === 'B') return i + 1;
      if ((kind === 'i' || kind === 'I') && (at(i + 2) === ch('4') || at(i + 2) === ch('6'))) return i + 2;
      return -1;
    }
    case 's':
      return string(i);
    case 'c':
      return i;
    case 'l': {
      const j = at(i + 1) === ch('l') ? i + 2 : i + 1;
      return isInteger(at(j)) ? j : -1;
    }
    default:
      return isInteger(at(i)) ? i : -1;
  }
}

const isInteger = (c: number): boolean => 'diuxX'.includes(String.fromCharCode(c)) && c !== 0;
