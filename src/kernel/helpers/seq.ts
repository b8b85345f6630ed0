/** bpf_seq_printf and bpf_seq_write: what iterators write goes into the buffer of their struct seq_file. */
import { ERRNO } from '../../uapi/errno.ts';
import { type HelperEnv, layoutsOf } from '../run/env.ts';
import { simple } from './frame.ts';

const MAX_BPRINTF_VARARGS = 12;

type Format = (to: number, size: number, fmt: number, args: number, maxArgs: number) => number;

interface Seq {
  /** Where the next byte goes, and how many there is room for. */
  next(seq: number): { readonly at: number; readonly room: number };
  /** Takes so many more bytes, fewer than there is room for; otherwise nothing fits any more. 0 or -EOVERFLOW. */
  take(seq: number, length: number): number;
}

function seqFiles(env: HelperEnv): Seq {
  const { u32 } = env.mem;
  const layout = layoutsOf(env).struct('seq_file');
  const [buf, size, count] = [layout.offset('buf'), layout.offset('size'), layout.offset('count')];
  const word = (seq: number, field: number): number => u32[(seq + field) >>> 2];
  const next = (seq: number) => ({
    at: word(seq, buf) + word(seq, count),
    room: word(seq, size) - word(seq, count),
  });
  return {
    next,
    take(seq, length) {
      const fits = length < next(seq).room;
      u32[(seq + count) >>> 2] = fits ? word(seq, count) + length : word(seq, size);
      return fits ? 0 : -ERRNO.EOVERFLOW;
    },
  };
}

/** bpf_seq_printf(m, fmt, fmt_size, data, data_len) */
export const seqPrintf = simple((env) => {
  const { u8 } = env.mem;
  const seqs = seqFiles(env);
  const format = env.core.format as unknown as Format;
  return (seq, fmt, size, data, length) => {
    if (length % 8 !== 0 || length > MAX_BPRINTF_VARARGS * 8 || (length !== 0 && data === 0)) return -ERRNO.EINVAL;
    if (u8.subarray(fmt, fmt + size).indexOf(0) < 0) return -ERRNO.EINVAL;
    const { at, room } = seqs.next(seq);
    const written = format(at, room, fmt, data, length / 8);
    return written < 0 ? written : seqs.take(seq, written);
  };
});

/** bpf_seq_write(m, data, len) */
export const seqWrite = simple((env) => {
  const { u8 } = env.mem;
  const seqs = seqFiles(env);
  return (seq, data, length) => {
    const { at, room } = seqs.next(seq);
    if (length < room) u8.copyWithin(at, data, data + length);
    return seqs.take(seq, length);
  };
});
