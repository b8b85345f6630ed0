/** Records that programs send to user space: ring buffers and perf event arrays, typed by BTF. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { type BtfValue, decodeValue } from '../../btf/value.ts';
import { PerfBuffer, PerfEventArrayMap } from '../../kernel/maps/perf-event-array.ts';
import { RingbufMap } from '../../kernel/maps/ringbuf.ts';
import type { Runtime } from '../../kernel/boot/runtime.ts';
import type { Collection } from '../../lib/collection.ts';
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
  /** Type named by the user or by the map's definition, 0 when the record's size has to tell. */
  readonly typeId: number;
  drain(take: (data: Uint8Array) => void): number;
}

/** Reads the records of one collection, as its user-space half would. */
export class EventReader {
  readonly events: ProgramEvent[] = [];
  /** All records, kept or not, and those that found no room. */
  total = 0;
  lost = 0;
  readonly #sources: Source[] = [];
  readonly #btf: Btf | undefined;
  readonly #keep: boolean;
  /** Struct that records of a size are taken for. */
  readonly #bySize = new Map<number, number>();

  constructor(collection: Collection, runtime: Runtime, keep: boolean, named: ReadonlyMap<string, string>) {
    this.#btf = collection.spec.btf;
    this.#keep = keep;
    for (const [name, map] of collection.maps) {
      const live = runtime.map(map.fd);
      const typeId = this.#typeFor(named.get(name) ?? named.get('') ?? '') || map.spec.valueTypeId;
      if (live instanceof RingbufMap) this.#sources.push({ name, typeId, drain: (take) => live.consume(take) });
      else if (live instanceof PerfEventArrayMap) this.#sources.push(this.#perf(name, typeId, live, runtime.nrCpus));
    }
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
      source.drain((data) => {
        this.total++;
        if (this.#keep && this.events.length < KEPT) this.events.push(this.#record(source, data));
      });
    }
  }

  #perf(name: string, typeId: number, map: PerfEventArrayMap, cpus: number): Source {
    const buffers = Array.from({ length: cpus }, () => new PerfBuffer());
    buffers.forEach((buffer, cpu) => {
      map.setSink(cpu, buffer);
    });
    return {
      name,
      typeId,
      drain: (take) => {
        let count = 0;
        for (const buffer of buffers) {
          const { samples, lost } = buffer.read();
          this.lost += lost;
          for (const { data } of samples) take(data);
          count += samples.length;
        }
        return count;
      },
    };
  }

  #typeFor(name: string): number {
    if (name === '') return 0;
    const id = this.#btf?.find(name, BTF_KIND.STRUCT) ?? 0;
    if (id <= 0) throw new UsageError(`--event-type: the object's BTF has no struct ${name}`, 'run');
    return id;
  }

  #record(source: Source, data: Uint8Array): ProgramEvent {
    const btf = this.#btf;
    const typeId = source.typeId || this.#structOf(data.length);
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
