/** Functions and tracepoints of the simulated kernel, by the names that the target's BTF has for them. */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import type { BtfValue } from '../../../btf/value.ts';
import type { Structs } from '../struct-view.ts';
import type { StructInput } from '../struct-fill.ts';
import type { StructTypes } from '../struct-types.ts';
import type { Arguments } from './arguments.ts';
import { Binaries } from '../user/binaries.ts';
import { Counters } from './counters.ts';
import type { TraceEnv } from './env.ts';
import type { TraceEvent } from './event.ts';
import { TraceEvents } from './events.ts';
import { type Original, symbolAt, TracedFunction } from './function.ts';
import { signatureOf } from './signature.ts';
import type { RecordInput } from './record.ts';
import { Syscalls } from './syscalls.ts';
import { Tracepoint } from './tracepoint.ts';
import { UnknownTarget } from './unknown-target.ts';

/** Typedefs of tracepoints' probes are called so; their first parameter is the probe's own data. */
const PROBE = 'btf_trace_';
/** The functions that call them, whose parameters have names. */
const CALLER = '__traceiter_';

export class Trace implements Saved {
  readonly #env: TraceEnv;
  readonly #functions = new Map<string, TracedFunction>();
  readonly #tracepoints = new Map<string, Tracepoint>();
  /** Trace events: tracepoints with records, those of system calls among them. */
  readonly events: TraceEvents;
  /** System calls, with all that is called around one. */
  readonly syscalls: Syscalls;

  /** Binaries, whose code runs in processes. */
  readonly binaries: Binaries;
  /** What perf events count. */
  readonly perf: Counters;

  constructor(env: TraceEnv) {
    this.#env = env;
    this.perf = new Counters(env.time);
    this.binaries = new Binaries(env);
    this.events = new TraceEvents(env.structs, (name) => this.findTracepoint(name));
    this.syscalls = new Syscalls(this, env);
  }

  /** Kernel structs by the same types. */
  get structs(): Structs {
    return this.#env.structs;
  }

  /** The process whose task runs. */
  get runningProcess(): number {
    return this.#env.current.tgid;
  }

  /** The process of a task by its pid; undefined when there is no such task. */
  processOf(pid: number): number | undefined {
    return this.#env.processOf(pid);
  }

  /** The kernel's types. Throws MissingTypes without any. */
  get btf(): Btf {
    return this.#types('').btf;
  }

  /** A function by its name. Throws {@link UnknownTarget}, and MissingTypes without types of the kernel. */
  function(name: string): TracedFunction {
    const made = this.findFunction(name);
    if (made === undefined) throw new UnknownTarget(name, 'the kernel BTF has no such function');
    return made;
  }

  /** A function by its name; undefined when there is none. */
  findFunction(name: string): TracedFunction | undefined {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const types = this.#types(name);
    const btfId = types.btf.find(name, BTF_KIND.FUNC);
    if (btfId === 0) return undefined;
    const made = new TracedFunction(this.#env, { name, btfId, signature: signatureOf(types, protoOf(types, btfId)) });
    this.#functions.set(name, made);
    return made;
  }

  /** The function at an address, and bytes from its beginning; undefined when there is none. */
  functionAt(address: bigint): { readonly fn: TracedFunction; readonly offset: number } | undefined {
    const { btf } = this;
    const found = symbolAt(address);
    if (found === undefined || btf.type(found.btfId)?.kind !== BTF_KIND.FUNC) return undefined;
    const fn = this.findFunction(btf.name(found.btfId));
    return fn?.btfId === found.btfId ? { fn, offset: found.offset } : undefined;
  }

  /** Whether what is so many bytes behind the beginning of a function is its entry still. */
  isEntry(offset: number): boolean {
    return this.#env.registers.entries.includes(offset);
  }

  /** A tracepoint by its name. Throws as {@link function}. */
  tracepoint(name: string): Tracepoint {
    const made = this.findTracepoint(name);
    if (made === undefined) throw new UnknownTarget(name, 'the kernel BTF has no such tracepoint');
    return made;
  }

  /** A tracepoint by its name; undefined when there is none. */
  findTracepoint(name: string): Tracepoint | undefined {
    const known = this.#tracepoints.get(name);
    if (known !== undefined) return known;
    const types = this.#types(name);
    const typedef = types.btf.find(PROBE + name, BTF_KIND.TYPEDEF);
    if (typedef === 0) return undefined;
    const caller = types.btf.find(CALLER + name, BTF_KIND.FUNC);
    const proto = protoOf(types, caller === 0 ? typedef : caller);
    const made = new Tracepoint(this.#env, { name, signature: signatureOf(types, proto, 1) });
    this.#tracepoints.set(name, made);
    return made;
  }

  /** Calls a function by its name: {@link TracedFunction.call}. */
  call(name: string, args?: Arguments, original?: Original): BtfValue | StructInput | undefined {
    return this.function(name).call(args, original);
  }

  /** Passes a tracepoint by its name, with its arguments: {@link Tracepoint.hit}. */
  hit(name: string, args: Arguments = {}): void {
    this.tracepoint(name).hit(args);
  }

  /** A trace event by its name, `sched:sched_switch` or `sched_switch`. Throws as {@link function}. */
  event(name: string): TraceEvent {
    return this.events.get(name);
  }

  /** An event happens, with its record and where programs take those with the tracepoint's arguments: {@link TraceEvent.hit}. */
  record(name: string, values: RecordInput, args?: Arguments): void {
    this.event(name).hit(values, args);
  }

  #types(name: string): StructTypes {
    return this.#env.structs.types(name);
  }

  save(): Restore {
    const { words, probeOrder, kept } = this.#env;
    const parts = [
      words,
      probeOrder,
      kept,
      this.events,
      this.perf,
      this.binaries,
      ...this.#functions.values(),
      ...this.#tracepoints.values(),
    ];
    const restore = saveAll(parts);
    const known = new Set<Saved>(parts);
    return () => {
      // What was looked up since has nothing attached in the runtime that comes back.
      for (const all of [this.#functions, this.#tracepoints] as const)
        for (const [name, made] of all) if (!known.has(made)) all.delete(name);
      restore();
    };
  }
}

/** The FUNC_PROTO behind a FUNC, or a typedef of a pointer to one. */
function protoOf(types: StructTypes, id: number): BtfType {
  let t = types.btf.type(id);
  while (t !== undefined && t.kind !== BTF_KIND.FUNC_PROTO) {
    t = t.kind === BTF_KIND.FUNC ? types.btf.type(t.type) : nextType(types, t);
  }
  if (t === undefined) throw new UnknownTarget(types.btf.name(id), 'the kernel BTF has no prototype of it');
  return t;
}

/** Typedefs and pointers lead on; everything else does not. */
function nextType(types: StructTypes, t: BtfType): BtfType | undefined {
  return t.kind === BTF_KIND.TYPEDEF || t.kind === BTF_KIND.PTR ? types.plain(t.type) : undefined;
}
