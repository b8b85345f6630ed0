/** BPF_PROG_LOAD with the verifier's log: asked for when the program is refused, in a buffer that grows until it fits. */
import type { BpfSyscall, ProgLoadAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BpfError } from '../errors.ts';

const FIRST_LOG = 64 * 1024;
const LARGEST_LOG = 64 * 1024 * 1024;

export interface LoadedProgram {
  readonly fd: number;
  readonly log: string;
}

const decoder = new TextDecoder();

/** Text of a log buffer up to its NUL. */
export function logText(buffer: Uint8Array): string {
  const end = buffer.indexOf(0);
  return decoder.decode(buffer.subarray(0, end < 0 ? buffer.length : end));
}

/** Loads a prepared program. `logLevel` 0 asks for the log only after a failure. Throws BpfError with the log. */
export function loadProgram(sys: BpfSyscall, attr: ProgLoadAttr, logLevel = 0): LoadedProgram {
  const op = `load ${attr.prog_name ?? 'program'}`;
  if (logLevel === 0) {
    const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, { ...attr, log_level: 0 });
    if (fd >= 0) return { fd, log: '' };
  }
  for (let size = FIRST_LOG; ; size *= 4) {
    const log_buf = new Uint8Array(size);
    const logged: ProgLoadAttr = { ...attr, log_level: logLevel || 1, log_buf };
    const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, logged);
    if (fd === -ERRNO.ENOSPC && size < LARGEST_LOG) {
      while (size * 4 < (logged.log_true_size ?? 0)) size *= 4;
      continue;
    }
    const log = logText(log_buf);
    if (fd < 0)
      throw new BpfError({ errno: -fd, op, log, ...(log === '' ? { detail: 'bpf(2) refused without a log' } : {}) });
    return { fd, log };
  }
}
