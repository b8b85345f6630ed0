/** BPF_MAP_TYPE_ARRAY and PERCPU_ARRAY. */
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { BPF_EXIST, BPF_F_LOCK, BPF_F_RDONLY_PROG, BPF_NOEXIST } from '../../uapi/flags.ts';
import type { CoreMapOps } from './core-ops.ts';
import type { MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { copyRanges } from './make/special-fields.ts';
import { type Mutable, StoredMap, roundUp8 } from './stored-map.ts';

const OPS = { lookup: 'array_lookup', update: 'array_update', delete: 'array_delete' } as const satisfies CoreMapOps;
const PERCPU_OPS = {
  lookup: 'percpu_array_lookup',
  update: 'percpu_array_update',
  delete: 'array_delete',
  lookupPercpu: 'percpu_array_lookup_cpu',
} as const satisfies CoreMapOps;

export const keyIndex = (key: Uint8Array): number => (key[0] | (key[1] << 8) | (key[2] << 16) | (key[3] << 24)) >>> 0;

export function indexKey(index: number): Uint8Array {
  const key = new Uint8Array(4);
  for (let i = 0; i < 4; i++) key[i] = index >>> (8 * i);
  return key;
}

/** array_map_get_next_key: null and indexes out of range start over. */
export function nextIndex(key: Uint8Array | null, maxEntries: number): Uint8Array | number {
  const index = key ? keyIndex(key) : 0xffff_ffff;
  if (index >= maxEntries) return indexKey(0);
  if (index === maxEntries - 1) return -ERRNO.ENOENT;
  return indexKey(index + 1);
}

/** Values lie contiguously, `elemSize` apart; a per-CPU array is one such array for each CPU. */
export class ArrayMap extends StoredMap {
  override readonly batch: BpfMap['batch'] = 'by-key';
  readonly #base: number;
  readonly #cpuStride: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    const perCpu = desc.type === BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY;
    this.#cpuStride = perCpu ? Math.ceil((desc.elemSize * desc.maxEntries) / 64) * 64 : 0;
    const bytes = perCpu ? this.#cpuStride * env.nrCpus : desc.elemSize * desc.maxEntries;
    this.#base = this.block(bytes, bytes >= 4096 ? 4096 : 64);
    this.set('stride', desc.elemSize);
    this.set('base', this.#base);
    this.set('cpuStride', this.#cpuStride);
    const own = this.desc as Mutable<MapDesc>;
    own.valuesAddr = this.#base;
    own.core = perCpu ? PERCPU_OPS : OPS;
    if (!perCpu) {
      own.readConst = (off, size) =>
        desc.flags & BPF_F_RDONLY_PROG && this.desc.frozen && off >= 0 && off + size <= bytes
          ? env.mem.u8.slice(this.#base + off, this.#base + off + size)
          : undefined;
    }
  }

  override get userValueSize(): number {
    return this.#cpuStride ? roundUp8(this.desc.valueSize) * this.env.nrCpus : this.desc.valueSize;
  }

  content(): Uint8Array {
    return this.env.mem.u8.slice(this.#base, this.#base + this.desc.elemSize * this.desc.maxEntries);
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.ENOENT;
    const addr = this.#base + index * this.desc.elemSize;
    if (!this.#cpuStride) return this.readValue(addr);
    const out = new Uint8Array(this.userValueSize);
    const size = roundUp8(this.desc.valueSize);
    for (let cpu = 0; cpu < this.env.nrCpus; cpu++) out.set(this.readPadded(addr + cpu * this.#cpuStride), cpu * size);
    return out;
  }

  protected override doFind(key: Uint8Array): Uint8Array | number {
    const { desc } = this;
    if (this.#cpuStride || desc.record !== undefined) return this.doLookup(key);
    const index = keyIndex(key);
    return index >= desc.maxEntries ? -ERRNO.ENOENT : this.#base + index * desc.elemSize;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    const { env, desc } = this;
    if ((flags & ~(this.#cpuStride ? 0 : BPF_F_LOCK)) >>> 0 > BPF_EXIST) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= desc.maxEntries) return -ERRNO.E2BIG;
    if (flags & BPF_NOEXIST) return -ERRNO.EEXIST;
    const addr = this.#base + index * desc.elemSize;
    if (this.#cpuStride) writePerCpu(this, env, addr, this.#cpuStride, value);
    else if (!desc.record) env.mem.write(addr, value, desc.valueSize);
    else return env.core.array_update(this.addr, env.scratch.key(key), env.scratch.value(value, desc.valueSize), flags);
    return 0;
  }

  protected doDelete(_key: Uint8Array): number {
    return -ERRNO.EINVAL;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }
}

/** Writes a user-layout per-CPU value to the CPUs' slots. */
export function writePerCpu(map: BpfMap, env: MapEnv, addr: number, cpuStride: number, value: Uint8Array): void {
  const { record, valueSize } = map.desc;
  const size = roundUp8(valueSize);
  // Without special fields whole words are copied, padding and all.
  const ranges = record ? copyRanges(record, valueSize) : [[0, size] as const];
  for (let cpu = 0; cpu < env.nrCpus; cpu++) {
    for (const [off, length] of ranges) {
      const from = cpu * size + off;
      env.mem.u8.set(value.subarray(from, from + length), addr + cpu * cpuStride + off);
    }
  }
}
