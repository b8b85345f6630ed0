/** Events: records that programs send through ring buffers and perf event arrays, read over the door and typed by BTF. */
import type { Btf } from '../btf/btf.ts';
import { BTF_KIND } from '../btf/types.ts';
import { type BtfValue, decodeValue } from '../btf/value.ts';
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import type { PerfRing } from '../uapi/embedded.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName } from '../uapi/map-types.ts';
import { BpfError, loaderError } from './errors.ts';
import { RingPages } from './ring-pages.ts';

/** Settings of an {@link EventReader}. */
export interface EventOptions {
  /** Struct of the records, by its name in the object's BTF. Default: the map's value type; without one, records are bytes. */
  readonly type?: string;
  /** Perf event arrays: bytes of unread samples kept for each CPU; what comes beyond them is lost. Default: 1 MiB. */
  readonly perCpuBytes?: number;
}

/** How an iteration waits. */
export interface EventWait {
  /** Milliseconds between two looks at an empty buffer. Default: 10. */
  readonly intervalMs?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** The map that a reader is for. */
interface EventMap {
  readonly fd: number;
  readonly name: string;
  readonly btf: Btf | undefined;
  readonly spec: { readonly type: number; readonly maxEntries: number; readonly valueTypeId: number };
}

/** Takes records out: how many there were. */
interface EventSource extends Disposable {
  readonly lost: number;
  consume(take: (data: Uint8Array) => void): number;
}

const DEFAULT_PERF_BYTES = 1 << 20;
const DEFAULT_INTERVAL_MS = 10;

/** Whether programs send records through maps of a type. */
export const hasEvents = (mapType: number): boolean =>
  mapType === M.BPF_MAP_TYPE_RINGBUF || mapType === M.BPF_MAP_TYPE_PERF_EVENT_ARRAY;

/** Reads what programs send through one map. One reader a map: readers would take each other's records. */
export class EventReader implements Disposable {
  /** BTF id of the records' type, 0 when they are bytes. */
  readonly typeId: number;
  readonly #btf: Btf | undefined;
  readonly #source: EventSource;
  #open = true;

  /** {@link BpfMap.events} makes one. */
  constructor(sys: BpfSyscall, map: EventMap, options: EventOptions = {}) {
    this.#btf = map.btf;
    this.typeId = typeIdOf(map, options.type);
    this.#source =
      map.spec.type === M.BPF_MAP_TYPE_RINGBUF
        ? new RingPages(sys, map.fd, map.name)
        : new PerfRings(sys, map, options.perCpuBytes ?? DEFAULT_PERF_BYTES);
  }

  /** Samples of perf event arrays that found no room so far; ring buffers tell their programs instead. */
  get lost(): number {
    return this.#source.lost;
  }

  /**
   * Hands over each record that has come, in order, as bytes of its own, and says how many. Ends before a record that a program is still
   * writing. A record counts as read when the callback is called.
   */
  consume(take: (data: Uint8Array) => void): number {
    return this.#open ? this.#source.consume(take) : 0;
  }

  /** Records that have come, each as {@link decode} gives it. */
  read(): (BtfValue | Uint8Array)[] {
    const out: (BtfValue | Uint8Array)[] = [];
    this.consume((data) => out.push(this.decode(data)));
    return out;
  }

  /** A record as its type says; the bytes themselves without a type. Throws FormatError when there are too few of them. */
  decode(data: Uint8Array): BtfValue | Uint8Array {
    const btf = this.#btf;
    return btf === undefined || this.typeId === 0 ? data : decodeValue(btf, this.typeId, data);
  }

  /** Records as they come, without end: until the signal is given or the reader is closed. */
  async *watch(wait: EventWait = {}): AsyncGenerator<BtfValue | Uint8Array, void, undefined> {
    const { signal, intervalMs = DEFAULT_INTERVAL_MS } = wait;
    while (this.#open && signal?.aborted !== true) {
      const records = this.read();
      yield* records;
      if (records.length === 0) await pause(intervalMs, signal);
    }
  }

  /** Records as they come: {@link watch} with its defaults. */
  [Symbol.asyncIterator](): AsyncGenerator<BtfValue | Uint8Array, void, undefined> {
    return this.watch();
  }

  /** Gives the pages back. Unread records of a ring buffer stay in it. */
  close(): void {
    if (this.#open) this.#source[Symbol.dispose]();
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function typeIdOf({ name, btf, spec }: EventMap, type: string | undefined): number {
  if (!hasEvents(spec.type)) {
    const detail = `${name} is a ${bpfMapTypeName(spec.type)}: only ring buffers and perf event arrays have events`;
    throw loaderError(`events of map ${name}`, 'EINVAL', detail);
  }
  if (type === undefined) return spec.valueTypeId;
  const id = btf?.find(type, BTF_KIND.STRUCT) ?? 0;
  if (id <= 0) throw loaderError(`events of map ${name}`, 'ENOENT', `the object's BTF has no struct ${type}`);
  return id;
}

/** The rings of a perf event array, one for each CPU. */
class PerfRings implements EventSource {
  lost = 0;
  readonly #rings: PerfRing[] = [];

  constructor(sys: BpfSyscall, map: EventMap, bytes: number) {
    const op = `events of map ${map.name}`;
    if (sys.perfRing === undefined)
      throw loaderError(op, 'EOPNOTSUPP', 'this door has no perf rings (perf_event_open); use a ring buffer');
    const count = Math.min(sys.kernel.possibleCpus, map.spec.maxEntries || Number.POSITIVE_INFINITY);
    for (let cpu = 0; cpu < count; cpu++) {
      const ring = sys.perfRing(map.fd, cpu, bytes);
      if (typeof ring === 'number') {
        this[Symbol.dispose]();
        throw new BpfError({ errno: -ring, op, detail: `no perf ring for CPU ${cpu}` });
      }
      this.#rings.push(ring);
    }
  }

  consume(take: (data: Uint8Array) => void): number {
    let count = 0;
    const counted = (data: Uint8Array): void => {
      count++;
      take(data);
    };
    for (const ring of this.#rings) this.lost += ring.read(counted);
    return count;
  }

  [Symbol.dispose](): void {
    for (const ring of this.#rings) ring[Symbol.dispose]();
    this.#rings.length = 0;
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
