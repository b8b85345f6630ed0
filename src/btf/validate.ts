/** The checks of BPF_BTF_LOAD, in the kernel's order and with its errno and log (btf_parse). */
import { ERRNO } from '../uapi/errno.ts';
import { FormatError } from '../util/errors.ts';
import { Btf } from './btf.ts';
import { CheckLog, Refused } from './check/log.ts';
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
  /** The kernel's log at level 1: every type, and at the end the reason. */
  readonly log: string;
}

/** Largest BTF that the kernel takes (BTF_MAX_SIZE). */
export const BTF_MAX_SIZE = 16 * 1024 * 1024;

/** Checks a program's BTF as the kernel does. `withLog: false` spares the lines of types that are in order. */
export function validateBtf(
  bytes: Uint8Array,
  options: { readonly withLog?: boolean; readonly kernelBtf?: () => Btf | undefined } = {},
): BtfVerdict {
  const log = new CheckLog(options.withLog ?? true);
  try {
    if (bytes.length > BTF_MAX_SIZE) throw new Refused(ERRNO.E2BIG);
    const words = checkHeader(bytes, log);
    checkReferences(checkMetas(bytes, words, log), log);
    const btf = Btf.parse(bytes);
    checkTypeTags(btf, log);
    const metas = structMetas(btf, options.kernelBtf ?? (() => undefined));
    if (metas.errno !== 0) throw new Refused(metas.errno);
    return { btf, errno: 0, log: log.text() };
  } catch (e) {
    if (e instanceof Refused) return { btf: undefined, errno: e.errno, log: log.text() };
    // What the checks above did not foresee is still bad input.
    if (e instanceof FormatError) return { btf: undefined, errno: ERRNO.EINVAL, log: `${log.text()}${e.detail}` };
    throw e;
  }
}
