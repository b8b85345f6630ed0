/** perf_event_open(2) for events that programs are attached to: trace events, kprobes and kretprobes; and links to events. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import { PERF_TYPE, type PerfEventAttr } from '../../uapi/perf-event.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { type LinkObject, newLinkObject } from '../object/link.ts';
import { newPerfEvent, type PerfEventObject, type PerfSource } from '../object/perf-event.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { TraceEvent } from '../world/trace/event.ts';
import type { TracedFunction } from '../world/trace/function.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { runGated } from './gate.ts';

/** Numbers of the units, as sysfs shows them. */
export const PMU_TYPE = { kprobe: 8, uprobe: 9 } as const;
/** Bit of `config` that asks for the function's return, as sysfs shows it. */
export const RETPROBE = 1n;

/** What cannot be opened because it is not there in this kernel, by name. */
export interface Lacking {
  readonly lacking: string;
}

/** Opens an event: the object, -errno, or what this kernel lacks for it. */
export function openPerfEvent(env: AttachEnv, attr: PerfEventAttr): PerfEventObject | number | Lacking {
  const { type, config = 0n } = attr;
  if (type === PERF_TYPE.PERF_TYPE_TRACEPOINT) {
    const event = env.trace.events.byId(Number(BigInt.asUintN(31, config)));
    return event === undefined ? -ERRNO.ENOENT : newPerfEvent(env.objects, ofTraceEvent(event));
  }
  if (type === PMU_TYPE.kprobe) return openKprobe(env, attr);
  if (type === PMU_TYPE.uprobe) return { lacking: 'uprobes: processes have no code yet' };
  const known = Object.values(PERF_TYPE).includes(type as 0);
  return known ? { lacking: 'counters and clocks of perf events' } : -ERRNO.ENOENT;
}

/** Programs of trace events read records, up to the end of the last field. */
function ofTraceEvent(event: TraceEvent): PerfSource {
  return {
    accepts({ verified: { progType, maxCtxOffset } }) {
      if (progType !== T.BPF_PROG_TYPE_TRACEPOINT) return -ERRNO.EINVAL;
      return maxCtxOffset > event.type.end ? -ERRNO.EACCES : 0;
    },
    attach: (run) => event.attach(run),
  };
}

function openKprobe(env: AttachEnv, attr: PerfEventAttr): PerfEventObject | number | Lacking {
  const { probe_name: name, probe_offset: offset = 0n, config = 0n } = attr;
  if (name === undefined) return { lacking: 'kprobes at addresses: functions have names alone' };
  const fn = env.trace.findFunction(name);
  if (fn === undefined) return -ERRNO.ENOENT;
  const returns = (config & RETPROBE) !== 0n;
  if (offset !== 0n) return { lacking: 'kprobes inside of functions: functions have no instructions' };
  return newPerfEvent(env.objects, ofFunction(fn, returns ? 'return' : 'entry'));
}

function ofFunction(fn: TracedFunction, where: 'entry' | 'return'): PerfSource {
  return {
    accepts: ({ verified }) => (verified.progType === T.BPF_PROG_TYPE_KPROBE ? 0 : -ERRNO.EINVAL),
    attach: (run) => fn.probes.attach(where, 'single', ({ regs }) => run(regs)),
    funcIp: fn.address,
  };
}

/** Attaches a program to an event (bpf_perf_link_attach): the link, which holds the event, or -errno. */
export function attachPerfEvent(
  env: AttachEnv,
  prog: LoadedProg,
  event: PerfEventObject,
  cookie: RunOf['cookie'],
): LinkObject | number {
  const refused = event.source.accepts(prog);
  if (refused < 0) return refused;
  const { funcIp } = event.source;
  const of: RunOf = funcIp === undefined ? { cookie } : { cookie, funcIp };
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_PERF_EVENT,
    prog,
    cookie,
    attach(link) {
      const held = env.objects.get(event);
      const attachment = event.source.attach((ctx) => void runGated(env, link.prog, ctx, of));
      return {
        end() {
          attachment.detach();
          env.objects.put(held);
        },
        info: () => ({ kind: 'link', values: {} }),
      };
    },
  });
}
