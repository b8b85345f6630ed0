/** The caller's log buffer: which combinations are valid, and what is left of a log that does not fit (bpf_verifier_log). */
import { ERRNO } from '../../uapi/errno.ts';
import { claimedLength, faults, isNullBuffer } from '../../uapi/attr/user-buffer.ts';

const LOG_MASK = 15;
const LOG_FIXED = 8;
const UINT_MAX_QUARTER = 0x3fff_ffff;

/** 0, or -EINVAL (bpf_verifier_log_attr_valid). */
export function checkLogAttr(level: number, buf: Uint8Array | undefined): number {
  if (level & ~LOG_MASK) return -ERRNO.EINVAL;
  const size = claimedLength(buf);
  if (isNullBuffer(buf)) return size === 0 ? 0 : -ERRNO.EINVAL;
  return size === 0 || level === 0 || size > UINT_MAX_QUARTER ? -ERRNO.EINVAL : 0;
}

/** How much of a log can reach the caller, and which part of it. */
export const logRoom = (level: number, buf: Uint8Array | undefined): { bytes: number; from: 'start' | 'end' } => ({
  bytes: buf?.length ?? 0,
  from: level & LOG_FIXED ? 'start' : 'end',
});

/**
 * Puts the text into the buffer: its end, or with level 8 its beginning, NUL-terminated.
 * @param text the log, or that part of it which {@link logRoom} tells
 * @param size bytes of the whole log
 * @returns bytes that the whole log needs, and whether it was cut (-ENOSPC)
 */
export function writeLog(
  level: number,
  buf: Uint8Array | undefined,
  text: string,
  size?: number,
): { trueSize: number; errno: number } {
  if (level === 0) return { trueSize: 0, errno: 0 };
  const bytes = new TextEncoder().encode(text);
  const whole = size ?? bytes.length;
  const trueSize = whole === 0 ? 0 : whole + 1;
  if (faults(buf) && trueSize > 0) return { trueSize, errno: -ERRNO.EFAULT };
  if (buf === undefined || buf.length === 0) return { trueSize, errno: 0 };
  const room = buf.length - 1;
  const kept = level & LOG_FIXED ? bytes.subarray(0, room) : bytes.subarray(Math.max(0, bytes.length - room));
  buf.set(kept);
  buf[kept.length] = 0;
  return { trueSize, errno: trueSize > buf.length ? -ERRNO.ENOSPC : 0 };
}
