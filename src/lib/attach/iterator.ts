/** Attaching iterators to what they iterate. */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import type { Target } from './attach-perf.ts';
import { createLink, type Link } from './link.ts';

/** sizeof(union bpf_iter_link_info) */
const INFO_SIZE = 16;

/** Attaches to all of a kind, to the elements of one map, or to the tasks that the options name. */
export function iterator({ sys, prog, options, op }: Target): Link {
  const { map, tid, pid } = options;
  const info = new DataView(new ArrayBuffer(INFO_SIZE));
  info.setUint32(0, map?.fd ?? tid ?? 0, true);
  info.setUint32(4, map === undefined ? (pid ?? 0) : 0, true);
  const said = map !== undefined || tid !== undefined || pid !== undefined;
  const iter = said ? { iter: { iter_info: new Uint8Array(info.buffer) } } : {};
  return createLink(sys, { prog_fd: prog.fd, attach_type: A.BPF_TRACE_ITER, ...iter }, op);
}
