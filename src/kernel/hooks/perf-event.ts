/** perf_event_open(2) for events that programs are attached to: trace events, probes, samples; and links to events. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import { PERF_TYPE, type PerfEventAttr } from '../../uapi/perf-event.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { type LinkObject, newLinkObject } from '../object/link.ts';
import { newPerfEvent, type PerfEventObject, type PerfSource } from '../object/perf-event.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Attachment } from '../world/hook-point.ts';
import type { TraceEvent } from '../world/trace/event.ts';
import type { TracedFunction } from '../world/trace/function.ts';
import { joined } from './cookie.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { runGated } from './gate.ts';
import { perfLinkInfo } from './perf-info.ts';
import { uprobeSource } from './uprobe.ts';
import { countingSource, isBadRate } from './perf-sampling.ts';

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
  if (isBadRate(attr)) return -ERRNO.EINVAL;
  if (type === PERF_TYPE.PERF_TYPE_TRACEPOINT) {
    const event = env.trace.events.byId(Number(BigInt.asUintN(31, config)));
    return event === undefined ? -ERRNO.EINVAL : newPerfEvent(env.objects, ofTraceEvent(event));
  }
  if (type === PMU_TYPE.kprobe) return openKprobe(env, attr);
  if (type === PMU_TYPE.uprobe) return opened(env, uprobeSource(env, attr));
  const known = Object.values(PERF_TYPE).includes(type as 0);
  if (!known) return -ERRNO.ENOENT;
  return opened(env, countingSource(env, attr));
}

const opened = (env: AttachEnv, source: PerfSource | number | Lacking): PerfEventObject | number | Lacking =>
  typeof source === 'number' || 'lacking' in source ? source : newPerfEvent(env.objects, source);

/** Programs of trace events read records, up to the end of the last field. */
function ofTraceEvent(event: TraceEvent): PerfSource {
  return {
    accepts({ verified: { progType, maxCtxOffset } }) {
      if (progType !== T.BPF_PROG_TYPE_TRACEPOINT) return -ERRNO.EINVAL;
      return maxCtxOffset > event.type.end ? -ERRNO.EACCES : 0;
    },
    attach: (run) => event.attach(run),
    place: event,
    identity: { kind: 'tracepoint', name: event.name },
  };
}

function openKprobe(env: AttachEnv, attr: PerfEventAttr): PerfEventObject | number | Lacking {
  const returns = ((attr.config ?? 0n) & RETPROBE) !== 0n;
  const place = placeOf(env, attr);
  if (typeof place === 'number') return place;
  if (!env.trace.isEntry(place.offset))
    return returns ? -ERRNO.EINVAL : { lacking: 'kprobes inside of functions: functions have no instructions' };
  return newPerfEvent(env.objects, ofFunction(place.fn, returns ? 'return' : 'entry'));
}

/** The function that a name or an address leads to, and bytes from its beginning. */
function placeOf({ trace }: AttachEnv, { probe_name: name, probe_offset = 0n, probe_addr = 0n }: PerfEventAttr) {
  if (name === undefined) return probe_addr === 0n ? -ERRNO.EINVAL : (trace.functionAt(probe_addr) ?? -ERRNO.ENOENT);
  const fn = trace.findFunction(name);
  return fn === undefined ? -ERRNO.ENOENT : { fn, offset: Number(probe_offset) };
}

function ofFunction(fn: TracedFunction, where: 'entry' | 'return'): PerfSource {
  return {
    accepts: ({ verified }) => (verified.progType === T.BPF_PROG_TYPE_KPROBE ? 0 : -ERRNO.EINVAL),
    attach: (run) => fn.probes.attach(where, 'single', ({ regs }) => run(regs)),
    funcIp: fn.address,
    identity: { kind: 'kprobe', name: fn.name, returns: where === 'return', address: joined(fn.address) },
  };
}

/** Attaches a program to an event (bpf_perf_link_attach): the link, which holds the event, or -errno. */
export function attachPerfEvent(
  env: AttachEnv,
  prog: LoadedProg,
  event: PerfEventObject,
  cookie: RunOf['cookie'],
): LinkObject | number {
  const refused = refusal(env, prog, event);
  if (refused < 0) return refused;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_PERF_EVENT,
    prog,
    cookie,
    attach(link) {
      const held = env.objects.get(event);
      const attachment = put(env, event, () => link.prog, cookie);
      event.prog = prog;
      return {
        end() {
          attachment.detach();
          event.prog = undefined;
          env.objects.put(held);
        },
        info: () => perfLinkInfo(event.source.identity, cookie),
      };
    },
  });
}

/** Attaches a program for as long as the event is open (PERF_EVENT_IOC_SET_BPF): 0 or -errno. */
export function setPerfEventProg(env: AttachEnv, prog: LoadedProg, event: PerfEventObject): number {
  const refused = refusal(env, prog, event);
  if (refused < 0) return refused;
  event.prog = env.objects.get(prog);
  event.own = put(env, event, () => prog, NO_COOKIE);
  return 0;
}

const NO_COOKIE: RunOf['cookie'] = [0, 0];
/** BPF_TRACE_MAX_PROGS: programs at one place. */
const MAX_PROGRAMS = 64;

/** An event has one program, and a place that events share has each program once. */
function refusal({ objects }: AttachEnv, prog: LoadedProg, event: PerfEventObject): number {
  const taken = event.prog !== undefined;
  if (event.source.samples === true && taken) return -ERRNO.EEXIST;
  const refused = event.source.accepts(prog);
  if (refused < 0) return refused;
  if (taken) return -ERRNO.EEXIST;
  const { place } = event.source;
  if (place === undefined) return 0;
  let programs = 0;
  for (let id = objects.nextId('perf_event', 0); id !== undefined; id = objects.nextId('perf_event', id)) {
    const other = objects.byId('perf_event', id);
    if (other?.source.place !== place || other.prog === undefined) continue;
    if (other.prog === prog) return -ERRNO.EEXIST;
    programs++;
  }
  return programs < MAX_PROGRAMS ? 0 : -ERRNO.E2BIG;
}

function put(env: AttachEnv, { source }: PerfEventObject, prog: () => LoadedProg, cookie: RunOf['cookie']): Attachment {
  const { funcIp, ungated = false } = source;
  const of: RunOf = funcIp === undefined ? { cookie } : { cookie, funcIp };
  return source.attach((ctx) => void (ungated ? env.run(prog(), ctx, of) : runGated(env, prog(), ctx, of)));
}
