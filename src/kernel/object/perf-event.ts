/** A perf event as a kernel object: where something happens that programs can be attached to (struct perf_event). */
import type { Restore } from '../mem/saved.ts';
import type { Attachment } from '../world/hook-point.ts';
import type { LoadedProg } from './prog.ts';
import type { ObjectBase, ObjectTable } from './kernel-object.ts';

/** What TASK_FD_QUERY tells of a descriptor. */
export interface TracedEvent {
  /** Of the tracepoint, the function or the file. */
  readonly name: string;
  readonly progId: number;
  /** BPF_FD_TYPE_*. */
  readonly type: number;
  readonly offset: bigint;
  readonly address: bigint;
}

/** What is told of an event: of its links, and of its descriptor. */
export interface PerfIdentity {
  readonly kind: 'kprobe' | 'uprobe' | 'tracepoint' | 'event';
  /** Of the function, the file or the tracepoint; '' of other events. */
  readonly name: string;
  /** A probe at the return. */
  readonly returns?: boolean;
  readonly offset?: bigint;
  /** Of the probed instruction. */
  readonly address?: bigint;
  /** Offset of a uprobe's semaphore. */
  readonly semaphore?: bigint;
  /** Of other events. */
  readonly type?: number;
  readonly config?: bigint;
}

/** What kinds of events are, as they are known to links. */
export interface PerfSource {
  /** Whether a program may be attached: 0 or -errno. */
  accepts(prog: LoadedProg): number;
  /** Calls it at each event, with the guest address of the program's context. */
  attach(run: (ctx: number) => void): Attachment;
  /** Address of the probed function; undefined of other events. */
  readonly funcIp?: readonly [lo: number, hi: number];
  /** Its programs run at any time, also while one of a probe or an event runs. */
  readonly ungated?: boolean;
  /** It samples: whether it has a program is asked before which kind that is. */
  readonly samples?: boolean;
  /** What all events of one place share: a program is attached there once. */
  readonly place?: unknown;
  readonly identity?: PerfIdentity;
  /** The event is closed, and nothing is attached. */
  end?(): void;
  /** For snapshots. */
  save?(): Restore;
}

export interface PerfEventObject extends ObjectBase<'perf_event'> {
  readonly source: PerfSource;
  /** The program that is attached. */
  prog: LoadedProg | undefined;
  /** Of a program that was attached for as long as the event is open. */
  own: Attachment | undefined;
}

/** Makes an event. Its creator holds the first reference. */
export function newPerfEvent(objects: ObjectTable, source: PerfSource): PerfEventObject {
  const event: PerfEventObject = {
    kind: 'perf_event',
    id: objects.newId('perf_event'),
    refs: 1,
    source,
    prog: undefined,
    own: undefined,
    dying() {
      event.own?.detach();
    },
    release() {
      source.end?.();
      if (event.own !== undefined && event.prog !== undefined) objects.put(event.prog);
    },
    save() {
      const { prog, own } = event;
      const restore = source.save?.();
      return () => {
        event.prog = prog;
        event.own = own;
        restore?.();
      };
    },
  };
  objects.register<'perf_event'>(event);
  return event;
}
