/** Trace events, what perf calls tracepoints: programs get a record of fields instead of the tracepoint's arguments. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import { type Attachment, HookPoint } from '../hook-point.ts';
import type { Arguments } from './arguments.ts';
import type { RecordInput, RecordType } from './record.ts';
import type { Tracepoint } from './tracepoint.ts';

export class TraceEvent implements Saved {
  readonly category: string;
  readonly name: string;
  /** What tracefs shows in the event's file `id`. */
  readonly id: number;
  readonly type: RecordType;
  /** The tracepoint that it happens at. */
  readonly tracepoint: Tracepoint;
  /** Called with the guest address of each record. */
  readonly #hooks = new HookPoint<number>({ idle: undefined });
  /** The event's own place among what is attached to the tracepoint, while anything is attached to the event. */
  #probe: Attachment | undefined;

  constructor(found: {
    readonly category: string;
    readonly name: string;
    readonly id: number;
    readonly type: RecordType;
    readonly tracepoint: Tracepoint;
  }) {
    this.category = found.category;
    this.name = found.name;
    this.id = found.id;
    this.type = found.type;
    this.tracepoint = found.tracepoint;
  }

  /** Whether nothing is attached. */
  get idle(): boolean {
    return this.#hooks.idle;
  }

  /** It happens: {@link Tracepoint.hit} with a record, and with arguments where programs take those. */
  hit(values: RecordInput = {}, args?: Arguments): void {
    this.tracepoint.hit(args, { event: this, values });
  }

  /** Calls a hook with each record. */
  attach(hook: (record: number) => void): Attachment {
    this.#probe ??= this.tracepoint.hooks.attach((hit) => {
      const record = hit.recordOf(this);
      if (record !== 0) this.#hooks.run(record);
    });
    const inner = this.#hooks.attach(hook);
    const done = (): void => this.#left();
    return {
      get attached() {
        return inner.attached;
      },
      detach() {
        const was = inner.detach();
        if (was) done();
        return was;
      },
    };
  }

  #left(): void {
    if (!this.#hooks.idle) return;
    this.#probe?.detach();
    this.#probe = undefined;
  }

  save(): Restore {
    const probe = this.#probe;
    const hooks = saveAll([this.#hooks]);
    return () => {
      this.#probe = probe;
      hooks();
    };
  }
}
