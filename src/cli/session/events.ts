/** Records that programs send to user space: ring buffers and perf event arrays, typed by BTF. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { type BtfValue, decodeValue } from '../../btf/value.ts';
import type { Collection } from '../../lib/collection.ts';
import { type EventReader, hasEvents } from '../../lib/events.ts';
import { UsageError } from '../shell/exit.ts';
import { type Io, visible } from '../shell/io.ts';
import { hexText, toJson, jsonText, plainText } from '../shell/json-text.ts';

/** One record, or one line of bpf_trace_printk. */
export type ProgramEvent =
  | { readonly kind: 'record'; readonly map: string; readonly type: string; readonly value: BtfValue }
  | { readonly kind: 'trace'; readonly line: string };

/** Records that are kept for showing; the rest is only counted. */
const KEPT = 100_000;

interface Source {
  readonly name: string;
  /** Its type is 0 when the record's size has to tell. */
  readonly reader: EventReader;
}

/** Reads the records of one collection, as its user-space half would. */
export class CollectionEvents implements Disposable {
  readonly events: ProgramEvent[] = [];
  /** All records, kept or not. */
  total = 0;
  readonly #sources: Source[] = [];
  readonly #btf: Btf | undefined;
  readonly #keep: boolean;
  /** Struct that records of a size are taken for. */
  readonly #bySize = new Map<number, number>();

  constructor(collection: Collection, keep: boolean, named: ReadonlyMap<string, string>) {
    this.#btf = collection.spec.btf;
    this.#keep = keep;
    for (const [name, map] of collection.maps) {
      const type = named.get(name) ?? named.get('') ?? '';
      if (type !== '') this.#mustHave(type);
      if (hasEvents(map.spec.type)) this.#sources.push({ name, reader: map.events(type === '' ? {} : { type }) });
    }
  }

  /** Samples that found no room. */
  get lost(): number {
    return this.#sources.reduce((sum, { reader }) => sum + reader.lost, 0);
  }

  get active(): boolean {
    return this.#sources.length > 0;
  }

  trace(line: string): void {
    if (this.#keep && this.events.length < KEPT) this.events.push({ kind: 'trace', line });
  }

  /** Takes what has come since the last call. */
  drain(): void {
    for (const source of this.#sources) {
      source.reader.consume((data) => {
        this.total++;
        if (this.#keep && this.events.length < KEPT) this.events.push(this.#record(source, data));
      });
    }
  }

  [Symbol.dispose](): void {
    for (const { reader } of this.#sources) reader.close();
  }

  #mustHave(type: string): void {
    if ((this.#btf?.find(type, BTF_KIND.STRUCT) ?? 0) > 0) return;
    throw new UsageError(`--event-type: the object's BTF has no struct ${type}`, 'run');
  }

  #record(source: Source, data: Uint8Array): ProgramEvent {
    const btf = this.#btf;
    const typeId = source.reader.typeId || this.#structOf(data.length);
    if (btf === undefined || typeId === 0) return { kind: 'record', map: source.name, type: '', value: hexText(data) };
    const type = btf.name(btf.skipModifiers(typeId));
    return { kind: 'record', map: source.name, type, value: decodeValue(btf, typeId, data) };
  }

  /** The object's one struct of exactly this size that is called an event; nothing is guessed beyond that. */
  #structOf(size: number): number {
    const known = this.#bySize.get(size);
    if (known !== undefined) return known;
    const fits: number[] = [];
    const btf = this.#btf;
    for (let id = 1; btf !== undefined && id < btf.nrTypes; id++) {
      if (btf.kind(id) === BTF_KIND.STRUCT && EVENT_NAME.test(btf.name(id)) && btf.sizeOf(id) === size) fits.push(id);
    }
    const found = fits.length === 1 ? fits[0] : 0;
    this.#bySize.set(size, found);
    return found;
  }
}

/** How structs are called that programs send. */
const EVENT_NAME = /event|evt|record|sample|msg|message/i;

/** Lines that people are shown. */
const SHOWN = 50;

export function printEvents(io: Io, events: readonly ProgramEvent[]): void {
  for (const event of events.slice(0, SHOWN)) printEvent(io, event);
  if (events.length > SHOWN) io.out(io.style('dim', `and ${events.length - SHOWN} more (--json has all)\n`));
}

export function eventJson(event: ProgramEvent): string {
  if (event.kind === 'trace') return `{"trace":${toJson(event.line)}}`;
  const type = event.type === '' ? '' : `,"type":${toJson(event.type)}`;
  return `{"map":${toJson(event.map)}${type},"value":${jsonText(event.value)}}`;
}

function printEvent(io: Io, event: ProgramEvent): void {
  if (event.kind === 'trace') io.out(`${io.style('magenta', 'trace')}  ${visible(event.line)}\n`);
  else {
    const type = event.type === '' ? '' : `${io.style('dim', visible(event.type))} `;
    io.out(`${io.style('magenta', visible(event.map))}  ${type}${visible(plainText(event.value))}\n`);
  }
}
