/** BPF_MAP_TYPE_PERF_EVENT_ARRAY: an entry is where bpf_perf_event_output's records go; readers collect them. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { keyIndex, nextIndex } from './array.ts';
import { BPF_ANY } from '../../uapi/flags.ts';
import type { FdResolver, MapEnv } from './env.ts';
import { NotSimulated } from '../../util/errors.ts';
import { type Restore, saveMap } from '../mem/saved.ts';
import { StoredMap } from './stored-map.ts';

/** A perf event: takes the raw bytes of one sample; false when its buffer is full (the sample counts as lost). */
export interface PerfSink {
  sample(data: Uint8Array, cpu: number): boolean;
  /** For snapshots; what has none cannot be put back. */
  save?(): Restore;
}

/** A sink that keeps samples until they are read, at most `limit` bytes of them. */
export class PerfBuffer implements PerfSink {
  readonly #limit: number;
  #bytes = 0;
  #samples: { cpu: number; data: Uint8Array }[] = [];
  /** Samples dropped since the last read. */
  lost = 0;

  constructor(limit = 1 << 20) {
    this.#limit = limit;
  }

  sample(data: Uint8Array, cpu: number): boolean {
    // A record's header and size word, padded to 8, as PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW.
    const size = 16 + data.length;
    if (this.#bytes + size > this.#limit) {
      this.lost++;
      return false;
    }
    this.#bytes += size;
    this.#samples.push({ cpu, data });
    return true;
  }

  save(): Restore {
    const [bytes, samples, lost] = [this.#bytes, this.#samples.slice(), this.lost];
    return () => {
      this.#bytes = bytes;
      this.#samples = samples.slice();
      this.lost = lost;
    };
  }

  /** All samples since the last call, and how many were lost. */
  read(): { samples: { cpu: number; data: Uint8Array }[]; lost: number } {
    const result = { samples: this.#samples, lost: this.lost };
    this.#samples = [];
    this.#bytes = 0;
    this.lost = 0;
    return result;
  }
}

export class PerfEventArrayMap extends StoredMap {
  readonly #fds: FdResolver;
  readonly #sinks = new Map<number, PerfSink>();

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    this.#fds = fds;
    // Charged as the kernel's array of pointers is, so that huge ones fail.
    this.block(desc.maxEntries * 8);
  }

  /** Puts a sink at an index without a file descriptor; undefined removes it. */
  setSink(index: number, sink: PerfSink | undefined): void {
    if (sink && index < this.desc.maxEntries) this.#sinks.set(index, sink);
    else this.#sinks.delete(index);
  }

  /** Takes a sink away, unless another one has its place by now. */
  removeSink(index: number, sink: PerfSink): void {
    if (this.#sinks.get(index) === sink) this.#sinks.delete(index);
  }

  /** __bpf_perf_event_output: 0, -E2BIG, -ENOENT, -ENOSPC. */
  output(index: number, data: Uint8Array, cpu: number): number {
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const sink = this.#sinks.get(index);
    if (!sink) return -ERRNO.ENOENT;
    return sink.sample(data, cpu) ? 0 : -ERRNO.ENOSPC;
  }

  protected override saveMore(): Restore {
    const sinks = saveMap(this.#sinks);
    const contents = [...this.#sinks.values()].map((sink) => {
      if (sink.save === undefined)
        throw new NotSimulated('a snapshot', `the host's own perf event in map ${this.desc.name} cannot be put back`);
      return sink.save();
    });
    return () => {
      sinks();
      for (const restore of contents) restore();
    };
  }

  protected doLookup(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== BPF_ANY) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    const sink = this.#fds.perfEvent?.(keyIndex(value) | 0);
    if (sink === undefined) return -ERRNO.EBADF;
    this.#sinks.set(index, sink);
    return 0;
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    return this.#sinks.delete(index) ? 0 : -ERRNO.ENOENT;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }
}
