/** The checks of BPF_BTF_LOAD, in the kernel's order and with its errno and log (btf_parse). */
import { ERRNO } from '../uapi/errno.ts';
import { FormatError } from '../util/errors.ts';
import { Btf } from './btf.ts';
import { CheckLog, type LogRoom, Refused } from './check/log.ts';
import { checkHeader } from './check/header.ts';
import { checkMetas } from './check/meta.ts';
import { checkReferences } from './check/resolve.ts';
import { checkTypeTags } from './check/tags.ts';
import { structMetas } from './struct-metas.ts';

export interface BtfVerdict {
  /** The parsed object, undefined when it was refused. */
  readonly btf: Btf | undefined;
  /** Positive errno, 0 when it was accepted. */
  readonly errno: number;
  /** The kernel's log at level 1: every type, and at the end the reason. As much of it as was asked for, in whole lines. */
  readonly log: string;
  /** Bytes of the whole log. */
  readonly logBytes: number;
}

/** Largest BTF that the kernel takes (BTF_MAX_SIZE). */
export const BTF_MAX_SIZE = 16 * 1024 * 1024;

export interface BtfCheckOptions {
  /** `false` spares the lines of types that are in order. */
  readonly withLog?: boolean;
  /** How much of the log is kept; all of it by default. */
  readonly logRoom?: LogRoom;
  readonly kernelBtf?: () => Btf | undefined;
}

/** Checks a program's BTF as the kernel does. */
export function validateBtf(bytes: Uint8Array, options: BtfCheckOptions = {}): BtfVerdict {
  const log = new CheckLog(options.withLog ?? true, options.logRoom);
  const verdict = (errno: number, btf?: Btf): BtfVerdict => ({ btf, errno, log: log.text(), logBytes: log.bytes });
  try {
    if (bytes.length > BTF_MAX_SIZE) throw new Refused(ERRNO.E2BIG);
    const words = checkHeader(bytes, log);
    checkReferences(checkMetas(bytes, words, log), log);
    const btf = Btf.parse(bytes);
    checkTypeTags(btf, log);
    const metas = structMetas(btf, options.kernelBtf ?? (() => undefined));
    if (metas.errno !== 0) throw new Refused(metas.errno);
    return verdict(0, btf);
  } catch (e) {
    if (e instanceof Refused) return verdict(e.errno);
    // What the checks above did not foresee is still bad input.
    if (!(e instanceof FormatError)) throw e;
    log.note(e.detail);
    return verdict(ERRNO.EINVAL);
  }
}
