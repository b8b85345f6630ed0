/** What is told of perf events: of their links (struct bpf_link_info), and of their descriptors (TASK_FD_QUERY). */
import { BPF_FD_TYPE } from '../../uapi/fd-types.ts';
import type { LinkInfo } from '../object/link.ts';
import type { PerfIdentity, TracedEvent } from '../object/perf-event.ts';
import { BPF_PERF_EVENT_TYPE as P } from '../../uapi/perf-event.ts';
import { joined } from './cookie.ts';
import type { RunOf } from './env.ts';

/** The information on a link to an event. */
export function perfLinkInfo(identity: PerfIdentity | undefined, of: RunOf['cookie']): LinkInfo {
  const cookie = joined(of);
  if (identity === undefined) return { kind: 'link', values: {} };
  const { returns = false, name, offset = 0n, address = 0n, semaphore = 0n } = identity;
  switch (identity.kind) {
    case 'kprobe': {
      const event = returns ? P.BPF_PERF_EVENT_KRETPROBE : P.BPF_PERF_EVENT_KPROBE;
      const values = { event, offset: Number(offset), addr: address, missed: 0n, cookie };
      return { kind: 'link_perf_kprobe', values, texts: { func_name: name } };
    }
    case 'uprobe': {
      const event = returns ? P.BPF_PERF_EVENT_URETPROBE : P.BPF_PERF_EVENT_UPROBE;
      const values = { event, offset: Number(BigInt.asUintN(32, offset)), cookie, ref_ctr_offset: semaphore };
      return { kind: 'link_perf_uprobe', values, texts: { file_name: name } };
    }
    case 'tracepoint':
      return {
        kind: 'link_perf_tracepoint',
        values: { event: P.BPF_PERF_EVENT_TRACEPOINT, cookie },
        texts: { tp_name: name },
      };
    case 'event': {
      const { type = 0, config = 0n } = identity;
      const values = { event: P.BPF_PERF_EVENT_EVENT, event_type: type, config, cookie };
      return { kind: 'link_perf_event', values };
    }
  }
}

const FD_TYPES = {
  kprobe: [BPF_FD_TYPE.BPF_FD_TYPE_KPROBE, BPF_FD_TYPE.BPF_FD_TYPE_KRETPROBE],
  uprobe: [BPF_FD_TYPE.BPF_FD_TYPE_UPROBE, BPF_FD_TYPE.BPF_FD_TYPE_URETPROBE],
  tracepoint: [BPF_FD_TYPE.BPF_FD_TYPE_TRACEPOINT, BPF_FD_TYPE.BPF_FD_TYPE_TRACEPOINT],
} as const;

/** What TASK_FD_QUERY tells of an event with a program; undefined of counters and clocks. */
export function tracedPerfEvent(identity: PerfIdentity | undefined, progId: number): TracedEvent | undefined {
  if (identity === undefined || identity.kind === 'event') return undefined;
  const { kind, returns = false, name, offset = 0n, address = 0n } = identity;
  return { name, progId, type: FD_TYPES[kind][returns ? 1 : 0], offset, address };
}
