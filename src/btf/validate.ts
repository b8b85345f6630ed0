/** What BPF_BTF_LOAD checks, in the kernel's order and with its errno and log (btf_parse). */
import { ERRNO } from '../uapi/errno.ts';
import { FormatError } from '../util/errors.ts';
import { Btf } from './btf.ts';
import { CheckLog, Refused } from './check/log.ts';
import { checkHeader } from './check/header.ts';
import { checkMetas } from './check/meta.ts';
import { checkReferences } from './check/resolve.ts';
import { checkTypeTags } from './check/tags.ts';
import { parseRecordResult } from './record.ts';
import * as R from './record.ts';
import { BTF_KIND } from './types.ts';

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
export function validateBtf(bytes: Uint8Array, options: { readonly withLog?: boolean } = {}): BtfVerdict {
  const log = new CheckLog(options.withLog ?? true);
  try {
    if (bytes.length > BTF_MAX_SIZE) throw new Refused(ERRNO.E2BIG);
    const words = checkHeader(bytes, log);
    checkReferences(checkMetas(bytes, words, log), log);
    const btf = Btf.parse(bytes);
    checkTypeTags(btf, log);
    checkStructMetas(btf);
    return { btf, errno: 0, log: log.text() };
  } catch (e) {
    if (e instanceof Refused) return { btf: undefined, errno: e.errno, log: log.text() };
    // What the checks above did not foresee is still bad input.
    if (e instanceof FormatError) return { btf: undefined, errno: ERRNO.EINVAL, log: `${log.text()}${e.detail}` };
    throw e;
  }
}

const LOCAL_FIELDS =
  R.BPF_SPIN_LOCK |
  R.BPF_RES_SPIN_LOCK |
  R.BPF_LIST_HEAD |
  R.BPF_LIST_NODE |
  R.BPF_RB_ROOT |
  R.BPF_RB_NODE |
  R.BPF_REFCOUNT |
  R.BPF_KPTR_UNREF |
  R.BPF_KPTR_REF |
  R.BPF_KPTR_PERCPU;
const LOCAL_STRUCTS = [
  'bpf_spin_lock',
  'bpf_list_head',
  'bpf_list_node',
  'bpf_rb_root',
  'bpf_rb_node',
  'bpf_refcount',
  'bpf_res_spin_lock',
];

/** Structs that programs may allocate must have sound special fields (btf_parse_struct_metas). */
function checkStructMetas(btf: Btf): void {
  const special = new Set(LOCAL_STRUCTS.map((name) => btf.find(name, BTF_KIND.STRUCT)).filter((id) => id > 0));
  if (special.size === 0) return;
  const memo: R.RecordMemo = new Map();
  for (let id = 1; id < btf.nrTypes; id++) {
    if (btf.kind(id) !== BTF_KIND.STRUCT) continue;
    if (!btf.type(id)?.members.some((m) => special.has(m.type))) continue;
    const { errno } = parseRecordResult(btf, id, { mask: LOCAL_FIELDS, memo });
    if (errno !== 0) throw new Refused(errno);
  }
}
