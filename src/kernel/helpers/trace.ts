/** bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf. */
import { ERRNO } from '../../uapi/errno.ts';
import type { HelperEnv } from './env.ts';
import { type FormatArgs, formatPieces, parseFormat } from './format.ts';
import { Frames, type HelperMaker } from './frame.ts';

/** Values after the format of bpf_trace_printk. */
const MAX_TRACE_PRINTK_VARARGS = 3;
const MAX_BPRINTF_VARARGS = 12;
/** Longest line of a trace buffer. */
const MAX_LINE = 1023;

function arrayArgs(env: HelperEnv, at: number): FormatArgs {
  return (i) => env.mem.view.getBigUint64(at + i * 8, true);
}

function frameArgs(env: HelperEnv, frame: number, first: number): FormatArgs {
  return (i) => env.mem.view.getBigUint64(frame + (first + i) * 8, true);
}

/** A format of known size: text or -errno. */
function render(env: HelperEnv, fmt: number, size: number, maxArgs: number, args: FormatArgs): string | number {
  const pieces = parseFormat(env.mem.u8.subarray(fmt, fmt + size), maxArgs);
  return typeof pieces === 'number' ? pieces : formatPieces(env, pieces, args);
}

/** One line to the host, as trace_pipe shows it: without a newline at its end. */
function print(env: HelperEnv, text: string): number {
  const line = text.slice(0, MAX_LINE);
  env.host.tracePrintk(line.endsWith('\n') ? line.slice(0, -1) : line);
  return text.length;
}

/** bpf_trace_printk(fmt, fmt_size, arg1, arg2, arg3) */
export const tracePrintk: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const args = frameArgs(env, frame, 3);
    const text = render(env, f.u32(frame, 1), f.u32(frame, 2), MAX_TRACE_PRINTK_VARARGS, args);
    f.ret(frame, typeof text === 'number' ? text : print(env, text));
  };
};

const badData = (data: number, len: number): boolean =>
  len % 8 !== 0 || len > MAX_BPRINTF_VARARGS * 8 || (len !== 0 && data === 0);

/** bpf_trace_vprintk(fmt, fmt_size, data, data_len) */
export const traceVprintk: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const data = f.u32(frame, 3);
    const len = f.u32(frame, 4);
    if (badData(data, len)) return f.ret(frame, -ERRNO.EINVAL);
    const text = render(env, f.u32(frame, 1), f.u32(frame, 2), len / 8, arrayArgs(env, data));
    f.ret(frame, typeof text === 'number' ? text : print(env, text));
  };
};

/** bpf_snprintf(str, str_size, fmt, data, data_len): length with the NUL, also when it did not fit. */
export const snprintf: HelperMaker = (env) => {
  const f = new Frames(env);
  const { u8 } = env.mem;
  return (frame) => {
    const str = f.u32(frame, 1);
    const size = f.u32(frame, 2);
    const fmt = f.u32(frame, 3);
    const data = f.u32(frame, 4);
    const len = f.u32(frame, 5);
    if (badData(data, len)) return f.ret(frame, -ERRNO.EINVAL);
    const end = u8.indexOf(0, fmt);
    const text = render(env, fmt, end < 0 ? 0 : end - fmt + 1, len / 8, arrayArgs(env, data));
    if (typeof text === 'number') return f.ret(frame, text);
    if (size > 0) {
      const n = Math.min(text.length, size - 1);
      for (let i = 0; i < n; i++) u8[str + i] = text.charCodeAt(i);
      u8[str + n] = 0;
    }
    f.ret(frame, text.length + 1);
  };
};
