/** bpf_trace_printk and bpf_trace_vprintk; their formats are the core's (core/assembly/format.ts). */
import { ERRNO } from '../../uapi/errno.ts';
import { FRAME_R3, type HelperEnv } from '../run/env.ts';
import { Frames, type HelperMaker } from './frame.ts';

/** Values after the format of bpf_trace_printk. */
const MAX_TRACE_PRINTK_VARARGS = 3;
const MAX_BPRINTF_VARARGS = 12;
/** Longest line of a trace buffer. */
const MAX_LINE = 1023;

type Format = (to: number, size: number, fmt: number, args: number, maxArgs: number) => number;

/** Prints one line to the host, as trace_pipe shows it, without a newline at its end: the text's length or -errno. */
function printer(env: HelperEnv): (fmt: number, size: number, args: number, maxArgs: number) => number {
  const { u8 } = env.mem;
  const format = env.core.format as unknown as Format;
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return (fmt, size, args, maxArgs) => {
    if (u8.subarray(fmt, fmt + size).indexOf(0) < 0) return -ERRNO.EINVAL;
    const line = env.alloc(MAX_LINE);
    if (line === 0) return -ERRNO.EBUSY;
    const length = format(line, MAX_LINE, fmt, args, maxArgs);
    const text = utf8.decode(env.mem.read(line, Math.min(Math.max(0, length), MAX_LINE)));
    env.free(line);
    if (length < 0) return length;
    env.host.tracePrintk(text.endsWith('\n') ? text.slice(0, -1) : text);
    return length;
  };
}

/** bpf_trace_printk(fmt, fmt_size, arg1, arg2, arg3) */
export const tracePrintk: HelperMaker = (env) => {
  const f = new Frames(env);
  const print = printer(env);
  return (frame) => {
    f.ret(frame, print(f.u32(frame, 1), f.u32(frame, 2), frame + FRAME_R3, MAX_TRACE_PRINTK_VARARGS));
  };
};

const badData = (data: number, len: number): boolean =>
  len % 8 !== 0 || len > MAX_BPRINTF_VARARGS * 8 || (len !== 0 && data === 0);

/** bpf_trace_vprintk(fmt, fmt_size, data, data_len) */
export const traceVprintk: HelperMaker = (env) => {
  const f = new Frames(env);
  const print = printer(env);
  return (frame) => {
    const data = f.u32(frame, 3);
    const len = f.u32(frame, 4);
    if (badData(data, len)) return f.ret(frame, -ERRNO.EINVAL);
    f.ret(frame, print(f.u32(frame, 1), f.u32(frame, 2), data, len / 8));
  };
};
