/** `skep run --events-in`: lines of JSON, each something that happened, to whatever the object attaches. */
import { EventError, type WorldEvent } from '../../kernel/world/replay.ts';
import type { Collection } from '../../lib/collection.ts';
import { ProgramAbort } from '../../util/errors.ts';
import type { CollectionEvents } from '../session/events.ts';
import { parseExact } from '../session/exact-json.ts';
import type { Session } from '../session/session.ts';
import { InputError } from '../shell/exit.ts';
import { streamInput } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { grouped } from '../verify/verdict-text.ts';
import type { RunReport } from './run-report.ts';

export interface EventsInput {
  readonly session: Session;
  readonly collection: Collection;
  readonly reader: CollectionEvents | undefined;
  readonly io: Io;
  /** The file, `-` for stdin. */
  readonly path: string;
}

/** Bytes that are read at once, and the longest line. */
const CHUNK = 1 << 16;
const LONGEST = 1 << 24;
/** Events between two looks at the rings and the screen. */
const PACE = 64;

/** Attaches the programs, lets every event happen and detaches them. */
export function runEvents({ session, collection, reader, io, path }: EventsInput): RunReport {
  const { runtime } = session;
  if (runtime === undefined) throw new InputError(path, 'events happen in the embedded kernel alone');
  using links = collection.attach();
  if (links.size === 0) throw new InputError(path, 'no program of the object says by its section what it attaches to');
  using input = streamInput(path);
  let count = 0;
  let line = 0;
  for (const text of linesOf(path, input.open())) {
    line++;
    if (text.trim() === '') continue;
    const event = parseExact(`${path}:${line}`, text) as WorldEvent;
    try {
      runtime.replay([event]);
    } catch (e) {
      if (e instanceof EventError) throw new InputError(`${path}:${line}`, e.message.replace(/^event \d+: /, ''));
      if (e instanceof ProgramAbort) throw new InputError(`${path}:${line}`, `a program was stopped: ${e.message}`);
      throw e;
    }
    if (++count % PACE !== 0) continue;
    reader?.drain();
    io.progress(`${grouped(count)} events`);
  }
  io.progress('');
  const attached = [...links].map(([name]) => name);
  return {
    json: { attached, eventsIn: count },
    print(to) {
      to.out(`${to.style('bold', `${grouped(count)} event${count === 1 ? '' : 's'}`)} to ${attached.join(', ')}\n`);
    },
  };
}

/** Lines of a file that is read piece by piece. */
function* linesOf(path: string, source: { read(into: Uint8Array): number }): Generator<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK);
  let rest = '';
  for (let count = source.read(chunk); count > 0; count = source.read(chunk)) {
    const parts = (rest + decoder.decode(chunk.subarray(0, count), { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > LONGEST) throw new InputError(path, `a line is longer than ${LONGEST >> 20} MiB`);
    yield* parts;
  }
  if (rest !== '') yield rest;
}
