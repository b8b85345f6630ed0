/** Every program type of 6.18: its row, and the operations compiled from it. */
import { compileProgType } from './compile.ts';
import type { ProgTypeOps } from './prog-type.ts';
import { LWT_IN, LWT_OUT, LWT_SEG6LOCAL, LWT_XMIT } from './progs/lwt.ts';
import type { ProgTypeRow } from './progs/row.ts';
import { CGROUP_SKB, FLOW_DISSECTOR, SCHED_ACT, SCHED_CLS, SK_SKB, SOCKET_FILTER } from './progs/skb.ts';
import { KPROBE, PERF_EVENT, RAW_TRACEPOINT, RAW_TRACEPOINT_WRITABLE, TRACEPOINT, TRACING } from './progs/trace.ts';
import { XDP } from './progs/xdp.ts';

const ROWS: readonly ProgTypeRow[] = [
  SOCKET_FILTER,
  KPROBE,
  SCHED_CLS,
  SCHED_ACT,
  TRACEPOINT,
  XDP,
  PERF_EVENT,
  CGROUP_SKB,
  LWT_IN,
  LWT_OUT,
  LWT_XMIT,
  SK_SKB,
  RAW_TRACEPOINT,
  LWT_SEG6LOCAL,
  FLOW_DISSECTOR,
  RAW_TRACEPOINT_WRITABLE,
  TRACING,
];

const BY_TYPE: ReadonlyMap<number, { readonly row: ProgTypeRow; readonly ops: ProgTypeOps }> = new Map(
  ROWS.map((row) => [row.type, { row, ops: compileProgType(row) }]),
);

/** The operations of a program type, or undefined when 6.18 has no such type. */
export function progTypeOps(type: number): ProgTypeOps | undefined {
  return BY_TYPE.get(type)?.ops;
}

/** The row of a program type: attach types, capabilities, sleepability, configuration. */
export function progTypeRow(type: number): ProgTypeRow | undefined {
  return BY_TYPE.get(type)?.row;
}

/** All rows, in order of type. */
export function progTypeRows(): readonly ProgTypeRow[] {
  return ROWS;
}
