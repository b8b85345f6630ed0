/** A perf event as a kernel object: where something happens that programs can be attached to (struct perf_event). */
import type { Attachment } from '../world/hook-point.ts';
import type { LoadedProg } from './prog.ts';
import type { ObjectBase, ObjectTable } from './kernel-object.ts';

/** What kinds of events are, as they are known to links. */
export interface PerfSource {
  /** Whether a program may be attached: 0 or -errno. */
  accepts(prog: LoadedProg): number;
  /** Calls it at each event, with the guest address of the program's context. */
  attach(run: (ctx: number) => void): Attachment;
  /** Address of the probed function; undefined of other events. */
  readonly funcIp?: readonly [lo: number, hi: number];
  /** The event is closed, and nothing is attached. */
  end?(): void;
}

export interface PerfEventObject extends ObjectBase<'perf_event'> {
  readonly source: PerfSource;
}

/** Makes an event. Its creator holds the first reference. */
export function newPerfEvent(objects: ObjectTable, source: PerfSource): PerfEventObject {
  const event: PerfEventObject = {
    kind: 'perf_event',
    id: objects.newId('perf_event'),
    refs: 1,
    source,
    release() {
      source.end?.();
    },
  };
  objects.register<'perf_event'>(event);
  return event;
}
