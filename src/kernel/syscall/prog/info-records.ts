/** func_info and line_info of PROG_LOAD: records of the caller's size become rows (check_btf_func, check_btf_line). */
import { ERRNO } from '../../../uapi/errno.ts';
import type { FuncInfo, LineInfo } from '../../verifier/result.ts';

/** A refusal with the line that the log shows. */
export interface RecordRefusal {
  readonly errno: number;
  readonly log: string;
}

interface Kind {
  readonly what: string;
  readonly min: number;
}
const FUNC: Kind = { what: 'func info', min: 8 };
const LINE: Kind = { what: 'line info', min: 16 };
const MAX_RECORD = 252;

const u32 = (bytes: Uint8Array, off: number): number =>
  (bytes[off] | (bytes[off + 1] << 8) | (bytes[off + 2] << 16) | (bytes[off + 3] << 24)) >>> 0;

/** Splits bytes into records and checks that what lies behind the known fields is zero. */
function records<T>(kind: Kind, bytes: Uint8Array, size: number, read: (at: number) => T): T[] | RecordRefusal {
  if (size < kind.min || size > MAX_RECORD || size % 4 !== 0)
    return { errno: ERRNO.EINVAL, log: kind === FUNC ? `invalid func info rec size ${size}\n` : '' };
  const out: T[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    for (let i = at + kind.min; i < at + size; i++)
      if (bytes[i] !== 0)
        return { errno: ERRNO.E2BIG, log: `nonzero tailing record in ${kind === FUNC ? 'func info' : 'line_info'}` };
    out.push(read(at));
  }
  return out;
}

export function parseFuncInfo(bytes: Uint8Array, size: number): FuncInfo[] | RecordRefusal {
  return records(FUNC, bytes, size, (at) => ({ insnOff: u32(bytes, at), typeId: u32(bytes, at + 4) }));
}

export function parseLineInfo(bytes: Uint8Array, size: number): LineInfo[] | RecordRefusal {
  return records(LINE, bytes, size, (at) => ({
    insnOff: u32(bytes, at),
    fileNameOff: u32(bytes, at + 4),
    lineOff: u32(bytes, at + 8),
    lineCol: u32(bytes, at + 12),
  }));
}
