/** Errors of the loading side: an errno of the kernel, or the loader's own, with the log and the operation that failed. */
import { ERRNO, errnoName } from '../uapi/errno.ts';

/** Parts of a {@link BpfError}. */
export interface BpfErrorInit {
  /** Positive errno. */
  readonly errno: number;
  /** The failed operation: `BPF_PROG_LOAD xdp_main`, `relocate xdp_main`. */
  readonly op: string;
  /** One sentence, when the log does not say it. */
  readonly detail?: string;
  /** Verifier or BTF log. */
  readonly log?: string;
  readonly cause?: unknown;
}

/** A failed operation on BPF objects. Its message is the last line of the log and the number of lines before it. */
export class BpfError extends Error {
  override readonly name = 'BpfError';
  readonly errno: number;
  /** `EACCES`. */
  readonly code: string;
  readonly op: string;
  /** The message of the one who failed; '' when only the errno is known. */
  readonly detail: string;
  readonly log: string;

  constructor(init: BpfErrorInit) {
    const log = init.log ?? '';
    const detail = init.detail ?? '';
    super(`${init.op}: ${errnoName(init.errno)}: ${detail || summarise(log)}`, { cause: init.cause });
    this.detail = detail;
    this.errno = init.errno;
    this.code = errnoName(init.errno);
    this.op = init.op;
    this.log = log;
  }
}

/** Lines of the log that are only statistics. */
const STATISTICS = /^(processed \d+ insns|verification time|stack depth)/;

/** The line of a verifier log that names the reason: the last one before the statistics. */
export function lastLogLine(log: string): string {
  const lines = log.split('\n');
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i].trim();
    if (line !== '' && !STATISTICS.test(line)) return line;
  }
  return '';
}

function summarise(log: string): string {
  const last = lastLogLine(log);
  if (last === '') return 'no further explanation';
  const omitted = log.split('\n').filter((line) => line.trim() !== '').length - 1;
  return omitted > 0 ? `${last} (${omitted} more lines)` : last;
}

/** A loader's own refusal. */
export const loaderError = (op: string, code: keyof typeof ERRNO, detail: string): BpfError =>
  new BpfError({ errno: ERRNO[code], op, detail });
