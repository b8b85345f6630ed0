/** Every program type of 6.18: its row, and the operations compiled from it. */
import { compileProgType } from './compile.ts';
import type { ProgTypeOps } from './prog-type.ts';
import {
  CGROUP_DEVICE,
  CGROUP_SOCK,
  CGROUP_SOCK_ADDR,
  CGROUP_SOCKOPT,
  CGROUP_SYSCTL,
  SOCK_OPS,
} from './rows/progs/cgroup.ts';
import { NETFILTER, SK_LOOKUP, SK_MSG, SK_REUSEPORT } from './rows/progs/sock.ts';
import { EXT, LIRC_MODE2, LSM, STRUCT_OPS, SYSCALL } from './rows/progs/system.ts';
import { LWT_IN, LWT_OUT, LWT_SEG6LOCAL, LWT_XMIT } from './rows/progs/lwt.ts';
import type { ProgTypeRow } from './rows/progs/row.ts';
import { CGROUP_SKB, FLOW_DISSECTOR, SCHED_ACT, SCHED_CLS, SK_SKB, SOCKET_FILTER } from './rows/progs/skb.ts';
import { KPROBE, PERF_EVENT, RAW_TRACEPOINT, RAW_TRACEPOINT_WRITABLE, TRACEPOINT, TRACING } from './rows/progs/trace.ts';
import { XDP } from './rows/progs/xdp.ts';

const ROWS: readonly ProgTypeRow[] = [
  SOCKET_FILTER,
  KPROBE,
  SCHED_CLS,
  SCHED_ACT,
  TRACEPOINT,
  XDP,
  PERF_EVENT,
  CGROUP_SKB,
  CGROUP_SOCK,
  LWT_IN,
  LWT_OUT,
  LWT_XMIT,
  SOCK_OPS,
  SK_SKB,
  CGROUP_DEVICE,
  SK_MSG,
  RAW_TRACEPOINT,
  CGROUP_SOCK_ADDR,
  LWT_SEG6LOCAL,
  LIRC_MODE2,
  SK_REUSEPORT,
  FLOW_DISSECTOR,
  CGROUP_SYSCTL,
  RAW_TRACEPOINT_WRITABLE,
  CGROUP_SOCKOPT,
  TRACING,
  STRUCT_OPS,
  EXT,
  LSM,
  SK_LOOKUP,
  SYSCALL,
  NETFILTER,
];

/** The operations of a program type, or undefined when 6.18 has no such type. Compiled when asked for, once a verification. */
export function progTypeOps(type: number): ProgTypeOps | undefined {
  const row = progTypeRow(type);
  return row && compileProgType(row);
}

/** The row of a program type: attach types, capabilities, sleepability, configuration. */
export function progTypeRow(type: number): ProgTypeRow | undefined {
  return ROWS.find((row) => row.type === type);
}

/** All rows, in order of type. */
export function progTypeRows(): readonly ProgTypeRow[] {
  return ROWS;
}
