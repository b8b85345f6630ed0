/** A tracepoint of the kernel: whoever is attached is called with the arguments, or with the record of an event, in the order of attachment. */
import { NotSimulated } from '../../../util/errors.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import { HookPoint } from '../hook-point.ts';
import { type Arguments, type Temporary, writeArguments } from './arguments.ts';
import type { TraceEnv } from './env.ts';
import type { TraceEvent } from './event.ts';
import type { RecordInput } from './record.ts';
import type { Signature } from './signature.ts';

/** One hit in progress. */
export interface TracepointHit {
  readonly target: Tracepoint;
  /** Guest address of the arguments, one 64-bit word each. Throws NotSimulated when the hit has a record alone. */
  readonly args: number;
  /** Guest address of the record of an event of this tracepoint, 0 for others. Throws NotSimulated when the hit has no record. */
  recordOf(event: TraceEvent): number;
}

/** A record of one of the tracepoint's events. */
export interface EventRecord {
  readonly event: TraceEvent;
  readonly values: RecordInput;
}

const NOTHING: readonly Temporary[] = [];

export class Tracepoint implements Saved {
  readonly name: string;
  readonly signature: Signature;
  /** Called with each hit. */
  readonly hooks = new HookPoint<TracepointHit>({ idle: undefined });
  /** Bytes that its first argument leads to and programs may write; 0 of nearly all. Whoever makes the tracepoint happen says it. */
  writable = 0;
  readonly #env: TraceEnv;

  constructor(env: TraceEnv, found: { readonly name: string; readonly signature: Signature }) {
    this.#env = env;
    this.name = found.name;
    this.signature = found.signature;
  }

  get idle(): boolean {
    return this.hooks.idle;
  }

  /**
   * It is passed, with its arguments for programs that take those, with a record for those that take that. Throws StructError for values
   * that do not fit, NotSimulated when a program is attached to what is not given, and what a hook throws.
   */
  hit(args?: Arguments, record?: EventRecord): void {
    if (!this.hooks.idle) this.#hit(args, record);
  }

  #hit(given: Arguments | undefined, record: EventRecord | undefined): void {
    const { words, section } = this.#env;
    section.begin();
    const hit = new Hit(this, this.#env, record?.event);
    const block = words.push(this.signature.words + (record?.event.type.words(record.values) ?? 0));
    try {
      if (given !== undefined) hit.give(block, given);
      if (record !== undefined) hit.record(block + this.signature.words * 8, record);
      this.hooks.run(hit);
    } finally {
      hit[Symbol.dispose]();
      words.pop(block);
      section.end();
    }
  }

  save(): Restore {
    return this.hooks.save();
  }
}

class Hit implements TracepointHit, Disposable {
  readonly target: Tracepoint;
  readonly #env: TraceEnv;
  readonly #event: TraceEvent | undefined;
  #args = 0;
  #record = 0;
  #made = NOTHING;

  constructor(target: Tracepoint, env: TraceEnv, event: TraceEvent | undefined) {
    this.target = target;
    this.#env = env;
    this.#event = event;
  }

  give(addr: number, given: Arguments): void {
    const { name, signature } = this.target;
    this.#made = writeArguments(this.#env, { signature, what: name, addr }, given);
    this.#args = addr;
  }

  record(addr: number, { event, values }: EventRecord): void {
    event.type.write(addr, values);
    this.#record = addr;
  }

  get args(): number {
    if (this.#args === 0) throw this.#lacks('takes its arguments, and this hit has a record alone');
    return this.#args;
  }

  recordOf(event: TraceEvent): number {
    if (this.#event !== undefined) return this.#event === event ? this.#record : 0;
    throw this.#lacks(`takes the record of ${event.category}:${event.name}, and this hit has none`);
  }

  #lacks(detail: string): NotSimulated {
    return new NotSimulated(`tracepoint ${this.target.name}`, `a program is attached that ${detail}`);
  }

  [Symbol.dispose](): void {
    for (const temporary of this.#made) temporary[Symbol.dispose]();
  }
}
