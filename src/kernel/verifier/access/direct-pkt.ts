/** Which program types touch packet data directly (may_access_direct_pkt_data). */
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import type { VerifierEnv } from '../env.ts';

const {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_CGROUP_SOCKOPT,
  BPF_PROG_TYPE_FLOW_DISSECTOR,
  BPF_PROG_TYPE_LWT_IN,
  BPF_PROG_TYPE_LWT_OUT,
  BPF_PROG_TYPE_LWT_SEG6LOCAL,
  BPF_PROG_TYPE_LWT_XMIT,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SK_MSG,
  BPF_PROG_TYPE_SK_REUSEPORT,
  BPF_PROG_TYPE_SK_SKB,
  BPF_PROG_TYPE_XDP,
} = BPF_PROG_TYPE;

/** May read packets, and pass them to any helper. */
const READ_ONLY: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE_LWT_IN,
  BPF_PROG_TYPE_LWT_OUT,
  BPF_PROG_TYPE_LWT_SEG6LOCAL,
  BPF_PROG_TYPE_SK_REUSEPORT,
  BPF_PROG_TYPE_FLOW_DISSECTOR,
  BPF_PROG_TYPE_CGROUP_SKB,
]);
/** May also write them; as arguments only to helpers that say so. */
const READ_WRITE: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_XDP,
  BPF_PROG_TYPE_LWT_XMIT,
  BPF_PROG_TYPE_SK_SKB,
  BPF_PROG_TYPE_SK_MSG,
]);

/** may_access_direct_pkt_data. `meta`: the call whose argument it is. */
export function mayAccessDirectPktData(
  env: VerifierEnv,
  meta: { readonly pktAccess: boolean } | undefined,
  write: boolean,
): boolean {
  const type = env.query.progType;
  if (READ_ONLY.has(type)) {
    if (write) return false;
  } else if (type === BPF_PROG_TYPE_CGROUP_SOCKOPT) {
    if (write) env.seenDirectWrite = true;
    return true;
  } else if (!READ_WRITE.has(type)) return false;
  if (meta !== undefined) return meta.pktAccess;
  env.seenDirectWrite = true;
  return true;
}
