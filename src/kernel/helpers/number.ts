/** bpf_strtol and bpf_strtoul: numbers from text, as _parse_integer of the kernel reads them. */
import { ERRNO } from '../../uapi/errno.ts';
import type { HelperEnv } from './env.ts';
import { Frames, type HelperMaker } from './frame.ts';

const BASE_MASK = 0x1f;
const MAX_DIGITS = 63;
const U64_MAX = (1n << 64n) - 1n;
const S64_MIN_SIZE = 1n << 63n;

const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13) || c === 0xa0;

/** Value of a digit character, 99 when it is none. */
function digit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : 99;
}

interface Parsed {
  readonly consumed: number;
  readonly value: bigint;
  readonly negative: boolean;
}

/** __bpf_strtoull: what was read, or -errno. */
function parse(env: HelperEnv, buf: number, len: number, flags: number): Parsed | number {
  const base = flags & BASE_MASK;
  if (len === 0 || flags & ~BASE_MASK || ![0, 8, 10, 16].includes(base)) return -ERRNO.EINVAL;
  const { u8 } = env.mem;
  let at = 0;
  while (at < len && isSpace(u8[buf + at] as number)) at++;
  const negative = at < len && u8[buf + at] === 45;
  if (negative) at++;
  if (at >= len) return -ERRNO.EINVAL;
  const text = Array.from(u8.subarray(buf + at, buf + Math.min(len, at + MAX_DIGITS)));
  const hexPrefix = text[0] === 48 && ((text[1] ?? 0) | 32) === 120;
  let radix = base;
  if (base === 0) radix = hexPrefix && digit(text[2] ?? 0) < 16 ? 16 : text[0] === 48 ? 8 : 10;
  let i = radix === 16 && hexPrefix ? 2 : 0;
  const start = i;
  let value = 0n;
  let overflow = false;
  for (; i < text.length; i++) {
    const d = digit(text[i] as number);
    if (d >= radix) break;
    value = value * BigInt(radix) + BigInt(d);
    if (value > U64_MAX) {
      overflow = true;
      value &= U64_MAX;
    }
  }
  if (overflow) return -ERRNO.ERANGE;
  if (i === start) return -ERRNO.EINVAL;
  return { consumed: at + i, value, negative };
}

function store(env: HelperEnv, at: number, value: bigint): void {
  env.mem.view.setBigUint64(at, BigInt.asUintN(64, value), true);
}

function maker(fn: (env: HelperEnv, parsed: Parsed, res: number) => number): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    return (frame) => {
      const flags = f.hi(frame, 3) === 0 ? f.u32(frame, 3) : 0xffff_ffff;
      const parsed = parse(env, f.u32(frame, 1), f.u32(frame, 2), flags);
      f.ret(frame, typeof parsed === 'number' ? parsed : fn(env, parsed, f.u32(frame, 4)));
    };
  };
}

/** bpf_strtol(buf, buf_len, flags, res) */
export const strtol = maker((env, { value, negative, consumed }, res) => {
  if (negative ? value > S64_MIN_SIZE : value >= S64_MIN_SIZE) return -ERRNO.ERANGE;
  store(env, res, negative ? -value : value);
  return consumed;
});

/** bpf_strtoul(buf, buf_len, flags, res) */
export const strtoul = maker((env, { value, negative, consumed }, res) => {
  if (negative) return -ERRNO.EINVAL;
  store(env, res, value);
  return consumed;
});
