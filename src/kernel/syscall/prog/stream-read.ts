/** BPF_PROG_STREAM_READ_BY_FD: text that programs wrote for their loader (bpf_prog_stream_read). */
import type { ProgStreamReadAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { fdProg, type SyscallEnv } from '../env.ts';

/** BPF_STDOUT and BPF_STDERR. */
const STREAMS: ReadonlySet<number> = new Set([1, 2]);

/** Nothing writes to a stream here yet (bpf_stream_vprintk is refused when it is loaded), so that each is empty. */
export function progStreamRead(env: SyscallEnv, { prog_stream_read: attr }: ProgStreamReadAttr): number {
  const prog = fdProg(env, attr.prog_fd);
  if (typeof prog === 'number') return prog;
  return STREAMS.has(attr.stream_id) ? 0 : -ERRNO.ENOENT;
}
