/** What happened once, happening again: events with their time, their task and the hook that they pass. */
import type { RecordInput } from './trace/record.ts';
import type { Arguments } from './trace/arguments.ts';
import { StructError } from './struct-types.ts';
import type { StructInput } from './struct-view.ts';
import { eventTask, type EventTask, WrongTask } from './task/event-task.ts';
import { UnknownTarget } from './trace/unknown-target.ts';
import type { World } from './world.ts';

/** One event. */
export interface WorldEvent {
  /** Nanoseconds on the guest's clock; not before the event before. Left out, no time passes. */
  readonly t?: number | bigint;
  /** The task that it happens in. Default: the one that runs. */
  readonly task?: EventTask;
  /**
   * What it passes: `tracepoint:CATEGORY:NAME`, `raw_tracepoint:NAME`, `function:NAME`, `syscall:NAME`. Left out, only time passes.
   */
  readonly hook?: string;
  /** Fields of a trace event's record, arguments of a raw tracepoint or a function by name or in order, of a system call in order. */
  readonly args?: Arguments;
  /** Of trace events: the tracepoint's own arguments, where programs take those as well. */
  readonly raw?: Arguments;
  /** What the function or the system call returns. Default: 0. */
  readonly ret?: StructInput;
}

/** An event that cannot happen. */
export class EventError extends Error {
  override readonly name = 'EventError';
  /** @param index which event of the call, from 0 */
  constructor(
    readonly index: number,
    detail: string,
  ) {
    super(`event ${index}: ${detail}`);
  }
}

/** Lets nanoseconds pass. */
type Advance = (ns: bigint) => void;

/**
 * Lets events happen one after the other. Gives how many. Throws EventError for those that cannot, and what attached programs and hooks
 * throw.
 */
export function replay(world: World, events: Iterable<WorldEvent>, advance: Advance): number {
  let index = 0;
  for (const event of events) {
    try {
      happen(world, event, advance);
    } catch (error) {
      if (error instanceof StructError || error instanceof UnknownTarget || isRefused(error))
        throw new EventError(index, error.message);
      throw error;
    }
    index++;
  }
  return index;
}

/** An event that is wrong in itself. */
class Refused extends Error {}

const isRefused = (error: unknown): error is Error => error instanceof Refused || error instanceof WrongTask;

function happen(world: World, event: WorldEvent, advance: Advance): void {
  if (typeof (event as unknown) !== 'object' || (event as unknown) === null || Array.isArray(event))
    throw new Refused('it is no object');
  for (const key of Object.keys(event)) if (!KNOWN.has(key)) throw new Refused(`it has an unknown member ${key}`);
  if (event.t !== undefined) passTime(world, event.t, advance);
  if (event.hook === undefined) return;
  const pass = passing(world, event.hook, event);
  if (event.task === undefined) pass();
  else eventTask(world, event.task).run(pass);
}

const KNOWN: ReadonlySet<string> = new Set(['t', 'task', 'hook', 'args', 'raw', 'ret']);

function passTime(world: World, t: number | bigint, advance: Advance): void {
  if (typeof t !== 'bigint' && !Number.isSafeInteger(t))
    throw new Refused(`t is ${String(t)}, no whole number of nanoseconds`);
  const now = world.time.now();
  const at = BigInt(t);
  if (at < now) throw new Refused(`t is ${at}, and the clock is at ${now} already`);
  if (at > now) advance(at - now);
}

/** What an event does, by its hook. */
function passing({ trace }: World, hook: string, { args, raw, ret }: WorldEvent): () => unknown {
  if (typeof (hook as unknown) !== 'string') throw new Refused('hook is no text');
  const colon = hook.indexOf(':');
  const [kind, name] = [hook.slice(0, colon), hook.slice(colon + 1)];
  switch (kind) {
    case 'tracepoint':
    case 'tp': {
      if (Array.isArray(args)) throw new Refused('a record is given by the names of its fields');
      return () => trace.record(name, (args ?? {}) as RecordInput, raw);
    }
    case 'raw_tracepoint':
    case 'raw_tp':
      return () => trace.hit(name, args);
    case 'function':
      return () => trace.call(name, args, ret === undefined ? undefined : () => ret);
    case 'syscall':
      return () => trace.syscalls.run(name, words(args), () => number(ret ?? 0));
    default:
      throw new Refused(
        `hook ${hook}: it begins with tracepoint:, raw_tracepoint:, function: or syscall:, and a name follows`,
      );
  }
}

function words(args: Arguments | undefined): readonly (number | bigint | string)[] {
  if (args === undefined) return [];
  if (!Array.isArray(args)) throw new Refused('arguments of system calls are given in order');
  if (args.length > 6) throw new Refused(`${args.length} arguments are more than the six of system calls`);
  return (args as readonly StructInput[]).map((value) => (typeof value === 'string' ? value : number(value)));
}

function number(value: StructInput): number | bigint {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) return value;
  throw new Refused(`${String(value)} is no whole number, as system calls take and give them`);
}
