/** The trace events of the kernel: by name, by their number in tracefs, and which record each one has. */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import type { Structs } from '../struct-view.ts';
import { TraceEvent } from './event.ts';
import { knownEvent } from './known-events.ts';
import { RecordType } from './record.ts';
import type { Tracepoint } from './tracepoint.ts';
import { UnknownTarget } from './unknown-target.ts';

/** Names of typedefs of tracepoints' probes. */
const PROBE = 'btf_trace_';
const RECORD = 'trace_event_raw_';
const SYSCALLS = 'syscalls';
const ENTER = 'sys_enter';
const EXIT = 'sys_exit';
/** Added to the number of a system call's entry: ids of types end far below. */
const EXIT_ID = 1 << 24;

/** Functions of system calls on x86_64, each with an event for its entry and one for its return; BTF has another one of calls without arguments. */
const SYSCALL = /^__(?:x64|do)_sys_(.+)$/;

/** The function that serves a system call, as BTF has it. */
export function serviceOf(btf: Btf, name: string): string {
  const wrapper = `__x64_sys_${name}`;
  return btf.find(wrapper, BTF_KIND.FUNC) === 0 ? `__do_sys_${name}` : wrapper;
}

/** What an event is made of. */
interface Found {
  readonly category: string;
  readonly id: number;
  /** BTF id of the record's struct. */
  readonly struct: number;
  readonly tracepoint: Tracepoint;
}

export class TraceEvents implements Saved {
  readonly #structs: Structs;
  readonly #tracepoint: (name: string) => Tracepoint | undefined;
  readonly #made = new Map<string, TraceEvent>();

  constructor(structs: Structs, tracepoint: (name: string) => Tracepoint | undefined) {
    this.#structs = structs;
    this.#tracepoint = tracepoint;
  }

  /** An event by its name, with or without its category before a colon. Throws {@link UnknownTarget}. */
  get(name: string): TraceEvent {
    const colon = name.indexOf(':');
    const category = colon < 0 ? undefined : name.slice(0, colon);
    const found = this.find(name.slice(colon + 1), category);
    if (found === undefined) throw new UnknownTarget(name, 'the kernel has no such trace event');
    return found;
  }

  /** An event by its name; undefined when the kernel has none, or has it in another category. */
  find(name: string, category?: string): TraceEvent | undefined {
    let event = this.#made.get(name);
    if (event === undefined) {
      const found = this.#look(name, category);
      if (found === undefined) return undefined;
      const type = new RecordType(this.#structs, found.struct, `${found.category}:${name}`);
      event = new TraceEvent({ ...found, name, type });
      this.#made.set(name, event);
    }
    return category === undefined || category === event.category ? event : undefined;
  }

  /** An event by its number in tracefs. */
  byId(id: number): TraceEvent | undefined {
    const { btf } = this.#structs.types('trace_entry');
    const name = btf.name(id & (EXIT_ID - 1));
    if (name.startsWith(PROBE)) return this.#checked(name.slice(PROBE.length), id);
    const call = SYSCALL.exec(name)?.[1];
    return call === undefined ? undefined : this.#checked(`${(id & EXIT_ID) === 0 ? ENTER : EXIT}_${call}`, id);
  }

  #checked(name: string, id: number): TraceEvent | undefined {
    const event = this.find(name);
    return event?.id === id ? event : undefined;
  }

  #look(name: string, category: string | undefined): Found | undefined {
    const { btf } = this.#structs.types(name);
    const call = /^sys_(enter|exit)_(.+)$/.exec(name);
    if (call !== null) return this.#syscall(call[1] === 'enter' ? ENTER : EXIT, call[2]);
    const known = knownEvent(name);
    const id = btf.find(PROBE + name, BTF_KIND.TYPEDEF);
    const struct = btf.find(RECORD + (known?.record ?? name), BTF_KIND.STRUCT);
    const tracepoint = this.#tracepoint(name);
    const where = known?.category ?? category;
    if (id === 0 || struct === 0 || tracepoint === undefined || where === undefined) return undefined;
    return { category: where, id, struct, tracepoint };
  }

  #syscall(at: typeof ENTER | typeof EXIT, name: string): Found | undefined {
    const { btf } = this.#structs.types(name);
    const fn = btf.find(serviceOf(btf, name), BTF_KIND.FUNC);
    const struct = btf.find(RECORD + at, BTF_KIND.STRUCT);
    const tracepoint = this.#tracepoint(at);
    if (fn === 0 || struct === 0 || tracepoint === undefined) return undefined;
    return { category: SYSCALLS, id: fn + (at === EXIT ? EXIT_ID : 0), struct, tracepoint };
  }

  save(): Restore {
    const made = [...this.#made.values()];
    const restore = saveAll(made);
    const kept = new Set(made);
    return () => {
      for (const [name, event] of this.#made) if (!kept.has(event)) this.#made.delete(name);
      restore();
    };
  }
}
