/** A map of a loaded collection: elements as JavaScript values typed by BTF, or as bytes. */
import type { Btf } from '../btf/btf.ts';
import { type BtfInput, type BtfValue, decodeValue, encodeValue } from '../btf/value.ts';
import { partsOf, Walk } from '../btf/walk.ts';
import type { BpfSyscall, MapBatchAttr } from '../uapi/attr/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO } from '../uapi/errno.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName, PER_CPU_MAP_TYPES } from '../uapi/map-types.ts';
import { readObjInfo } from '../uapi/obj-info.ts';
import { BpfError, loaderError } from './errors.ts';
import { type EventOptions, EventReader } from './events.ts';
import { didYouMean } from './nearest.ts';
import { isMapInMap, newMapSpec } from './object/map-common.ts';
import type { MapSpec } from './spec.ts';
import { PinnedAt } from './pin/pin.ts';
import { BPF_ANY } from '../uapi/flags.ts';

/** Their user-space values are file descriptors or ids of 4 bytes, whatever BTF says. */
const FD_VALUES: ReadonlySet<number> = new Set([
  M.BPF_MAP_TYPE_PROG_ARRAY,
  M.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  M.BPF_MAP_TYPE_CGROUP_ARRAY,
  M.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  M.BPF_MAP_TYPE_HASH_OF_MAPS,
]);

const QUEUES: ReadonlySet<number> = new Set([M.BPF_MAP_TYPE_QUEUE, M.BPF_MAP_TYPE_STACK]);

/** An object with a descriptor: a map that becomes an element of a map of maps, a program that becomes one of a program array. */
export interface Descriptor {
  readonly fd: number;
}

/** Elements of one batch, keys beside values, as bytes. */
export interface BatchResult {
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
  /** Where the next batch goes on; undefined at the end. */
  readonly next: Uint8Array | undefined;
}

/** A map of a loaded object. Methods throw BpfError when the kernel refuses; what is not there is undefined. */
export class BpfMap implements Disposable {
  readonly perCpu: boolean;
  /** Bytes of one value for one CPU, rounded up in per-CPU maps. */
  readonly #stride: number;
  readonly #pinned: PinnedAt;

  constructor(
    private readonly sys: BpfSyscall,
    readonly fd: number,
    readonly spec: MapSpec,
    readonly btf: Btf | undefined,
    pinnedAt?: string,
  ) {
    this.#pinned = new PinnedAt(sys, `map ${spec.name}`, pinnedAt);
    this.perCpu = PER_CPU_MAP_TYPES.has(spec.type);
    this.#stride = this.perCpu ? Math.ceil(spec.valueSize / 8) * 8 : spec.valueSize;
  }

  get name(): string {
    return this.spec.name;
  }

  /** Possible CPUs of the kernel that has the map: per-CPU maps move one value for each. */
  get cpus(): number {
    return this.sys.kernel.possibleCpus;
  }

  /** Bytes that one lookup moves. */
  get valueBytes(): number {
    return this.perCpu ? this.#stride * this.cpus : this.spec.valueSize;
  }

  /** Value under a key, undefined when there is none. Per-CPU maps give an array of one value for each CPU. */
  lookup(key: BtfInput, flags = 0n): BtfValue | undefined {
    const bytes = this.lookupBytes(this.encodeKey(key), flags);
    return bytes && this.decodeValue(bytes);
  }

  lookupBytes(key: Uint8Array, flags = 0n): Uint8Array | undefined {
    const value = new Uint8Array(this.valueBytes);
    const r = this.sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: this.fd, key: this.#key(key), value, flags });
    if (r === -ERRNO.ENOENT) return undefined;
    this.#check(r, 'lookup');
    return value;
  }

  /** Maps of maps and program arrays take the map or the program itself as value. */
  update(key: BtfInput, value: BtfInput | Descriptor, flags: number | bigint = BPF_ANY): void {
    this.updateBytes(this.encodeKey(key), this.encodeValue(value), flags);
  }

  updateBytes(key: Uint8Array, value: Uint8Array, flags: number | bigint = BPF_ANY): void {
    this.#check(
      this.sys.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: this.fd, key: this.#key(key), value, flags: BigInt(flags) }),
      'update',
    );
  }

  /** Kernels want no key at all where a map has none. */
  #key(key: Uint8Array): Uint8Array | undefined {
    return this.spec.keySize === 0 && key.length === 0 ? undefined : key;
  }

  /** Puts a value into a queue, onto a stack or into a bloom filter. With BPF_EXIST a full queue loses its oldest value. */
  push(value: BtfInput, flags: number | bigint = BPF_ANY): void {
    this.#mustBe('push', 'a queue, a stack or a bloom filter', QUEUES.has(this.spec.type) || this.#isBloom);
    this.updateBytes(NO_KEY, this.encodeValue(value), flags);
  }

  /** Takes the next value out of a queue or stack; undefined when it is empty. */
  pop(): BtfValue | undefined {
    this.#mustBe('pop', 'a queue or a stack', QUEUES.has(this.spec.type));
    return this.lookupAndDelete();
  }

  /** The next value of a queue or stack, which stays there; undefined when it is empty. */
  peek(): BtfValue | undefined {
    this.#mustBe('peek', 'a queue or a stack', QUEUES.has(this.spec.type));
    const bytes = this.lookupBytes(NO_KEY);
    return bytes && this.decodeValue(bytes);
  }

  /** Whether a bloom filter may hold the value: false is certain, true is not. */
  mayHave(value: BtfInput): boolean {
    this.#mustBe('mayHave', 'a bloom filter', this.#isBloom);
    const r = this.sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: this.fd, value: this.encodeValue(value) });
    if (r === -ERRNO.ENOENT) return false;
    this.#check(r, 'lookup');
    return true;
  }

  get #isBloom(): boolean {
    return this.spec.type === M.BPF_MAP_TYPE_BLOOM_FILTER;
  }

  /**
   * Opens a reader of what programs send through a ring buffer or perf event array. Close it when done. Throws BpfError: EINVAL for other
   * map types, ENOENT when the object has no struct of that name, EOPNOTSUPP when the door lacks what reading needs.
   */
  events(options?: EventOptions): EventReader {
    return new EventReader(this.sys, this, options);
  }

  #mustBe(what: string, types: string, yes: boolean): void {
    if (yes) return;
    const detail = `${what} is for ${types}, and ${this.name} is a ${shortType(this.spec.type)}`;
    throw loaderError(`${what} in map ${this.name}`, 'EINVAL', detail);
  }

  /** The inner map under a key of a map of maps, as a new descriptor that the caller closes; undefined when there is none. */
  lookupMap(key: BtfInput): BpfMap | undefined {
    this.#mustBe('lookupMap', 'maps of maps', isMapInMap(this.spec.type));
    const bytes = this.lookupBytes(this.encodeKey(key));
    if (bytes === undefined) return undefined;
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const fd = this.sys.bpf(BPF_CMD.BPF_MAP_GET_FD_BY_ID, { map_id: id });
    this.#check(fd, 'open an inner map');
    return new BpfMap(this.sys, fd, this.#innerSpec(fd), this.btf);
  }

  /** Inner maps are like the template but for their number of elements and their name. */
  #innerSpec(fd: number): MapSpec {
    const info = readObjInfo(this.sys, 'map', fd);
    if (typeof info === 'number') this.#check(info, 'ask for an inner map');
    const values = typeof info === 'number' ? {} : info.values;
    const template = this.spec.inner ?? newMapSpec(`${this.name}.inner`, 'btf');
    const number = (name: string): number => Number(values[name] ?? 0);
    return {
      ...template,
      type: number('type'),
      keySize: number('key_size'),
      valueSize: number('value_size'),
      maxEntries: number('max_entries'),
      flags: number('map_flags'),
    };
  }

  /** Whether there was such an element. */
  delete(key: BtfInput): boolean {
    return this.deleteBytes(this.encodeKey(key));
  }

  deleteBytes(key: Uint8Array): boolean {
    const r = this.sys.bpf(BPF_CMD.BPF_MAP_DELETE_ELEM, { map_fd: this.fd, key });
    if (r === -ERRNO.ENOENT) return false;
    this.#check(r, 'delete');
    return true;
  }

  /** Takes an element out: of a queue or stack (no key) or under a key. */
  lookupAndDelete(key?: BtfInput): BtfValue | undefined {
    const value = new Uint8Array(this.valueBytes);
    const bytes = key === undefined ? undefined : this.encodeKey(key);
    const r = this.sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_ELEM, { map_fd: this.fd, key: bytes, value });
    if (r === -ERRNO.ENOENT) return undefined;
    this.#check(r, 'lookup and delete');
    return this.decodeValue(value);
  }

  /** Keys in the kernel's order. An element that is deleted meanwhile makes some maps begin anew; each key is given once. */
  *keysBytes(): Generator<Uint8Array> {
    const seen = new Set<string>();
    let key: Uint8Array | undefined;
    for (;;) {
      const next = new Uint8Array(this.spec.keySize);
      const r = this.sys.bpf(BPF_CMD.BPF_MAP_GET_NEXT_KEY, { map_fd: this.fd, key, next_key: next });
      if (r === -ERRNO.ENOENT) return;
      this.#check(r, 'get next key');
      const id = String.fromCharCode(...next);
      if (seen.has(id)) return;
      seen.add(id);
      yield next;
      key = next;
    }
  }

  *entriesBytes(): Generator<[key: Uint8Array, value: Uint8Array]> {
    for (const key of this.keysBytes()) {
      const value = this.lookupBytes(key);
      if (value !== undefined) yield [key, value];
    }
  }

  *entries(): Generator<[key: BtfValue, value: BtfValue]> {
    for (const [key, value] of this.entriesBytes()) yield [this.decodeKey(key), this.decodeValue(value)];
  }

  *keys(): Generator<BtfValue> {
    for (const key of this.keysBytes()) yield this.decodeKey(key);
  }

  [Symbol.iterator](): Generator<[key: BtfValue, value: BtfValue]> {
    return this.entries();
  }

  /** Up to `count` elements at once, from where an earlier batch ended. */
  lookupBatch(count: number, from?: Uint8Array, remove = false): BatchResult {
    const batch: MapBatchAttr['batch'] = {
      in_batch: from,
      out_batch: new Uint8Array(Math.max(4, this.spec.keySize)),
      keys: new Uint8Array(count * this.spec.keySize),
      values: new Uint8Array(count * this.valueBytes),
      count,
      map_fd: this.fd,
    };
    const cmd = remove ? BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_CMD.BPF_MAP_LOOKUP_BATCH;
    const r = this.sys.bpf(cmd, { batch });
    if (r !== -ERRNO.ENOENT) this.#check(r, 'lookup batch');
    const cut = (all: Uint8Array | undefined, size: number): Uint8Array[] =>
      Array.from({ length: batch.count }, (_, i) => (all as Uint8Array).slice(i * size, (i + 1) * size));
    return {
      keys: cut(batch.keys, this.spec.keySize),
      values: cut(batch.values, this.valueBytes),
      next: r === -ERRNO.ENOENT ? undefined : batch.out_batch,
    };
  }

  /** Writes many elements; returns how many were done. */
  updateBatch(entries: Iterable<readonly [BtfInput, BtfInput]>, flags: number | bigint = BPF_ANY): number {
    const list = [...entries];
    const keys = joined(list.map(([k]) => this.encodeKey(k)));
    const values = joined(list.map(([, v]) => this.encodeValue(v)));
    const batch = { keys, values, count: list.length, map_fd: this.fd, elem_flags: BigInt(flags) };
    this.#check(this.sys.bpf(BPF_CMD.BPF_MAP_UPDATE_BATCH, { batch }), 'update batch');
    return batch.count;
  }

  deleteBatch(keys: Iterable<BtfInput>): number {
    const list = [...keys].map((k) => this.encodeKey(k));
    const batch = { keys: joined(list), count: list.length, map_fd: this.fd };
    this.#check(this.sys.bpf(BPF_CMD.BPF_MAP_DELETE_BATCH, { batch }), 'delete batch');
    return batch.count;
  }

  /** User space can read it from now on, and no longer write it. */
  freeze(): void {
    this.#check(this.sys.bpf(BPF_CMD.BPF_MAP_FREEZE, { map_fd: this.fd }), 'freeze');
  }

  /** Where its file is; undefined when it is not pinned. */
  get pinPath(): string | undefined {
    return this.#pinned.path;
  }

  /** Keeps it alive by a file of a BPF file system; the last directory of the path is made where it is missing. Throws BpfError. */
  pin(path: string): void {
    this.#pinned.pin(this.fd, path);
  }

  /** Removes the file of {@link pin}; does nothing when it is not pinned. Throws BpfError. */
  unpin(): void {
    this.#pinned.unpin();
  }

  /** One variable of a global data map. */
  getVariable(name: string): BtfValue {
    const v = this.#variable(name);
    const all = this.lookupBytes(new Uint8Array(4)) ?? new Uint8Array(0);
    const bytes = all.subarray(v.offset, v.offset + v.size);
    return this.btf && v.typeId ? decodeValue(this.btf, v.typeId, bytes) : [...bytes];
  }

  /** All variables of a global data map, which is read once for them. */
  *variables(): Generator<[name: string, value: BtfValue]> {
    const all = this.lookupBytes(new Uint8Array(4)) ?? new Uint8Array(0);
    const walk = new Walk(partsOf(all.length + 64 * this.spec.variables.length));
    for (const v of this.spec.variables) {
      const bytes = all.subarray(v.offset, v.offset + v.size);
      if (this.btf && v.typeId) yield [v.name, decodeValue(this.btf, v.typeId, bytes, walk)];
      else {
        walk.step(bytes.length);
        yield [v.name, [...bytes]];
      }
    }
  }

  setVariable(name: string, value: BtfInput): void {
    const v = this.#variable(name);
    const all = this.lookupBytes(new Uint8Array(4)) ?? new Uint8Array(this.spec.valueSize);
    if (v.offset + v.size > all.length)
      throw new BpfError({
        errno: ERRNO.EINVAL,
        op: `map ${this.name}`,
        detail: `variable ${name} (${v.offset}+${v.size}) exceeds the map's ${all.length} bytes`,
      });
    all.set(
      this.btf && v.typeId ? encodeValue(this.btf, v.typeId, value, v.size) : scalarBytes(value, v.size, name),
      v.offset,
    );
    this.updateBytes(new Uint8Array(4), all);
  }

  #variable(name: string) {
    const v = this.spec.variables.find((x) => x.name === name);
    if (v === undefined)
      throw loaderError(
        `map ${this.name}`,
        'ENOENT',
        `there is no variable ${name}${didYouMean(
          name,
          this.spec.variables.map((x) => x.name),
        )}`,
      );
    return v;
  }

  encodeKey(key: BtfInput): Uint8Array {
    if (this.spec.keySize === 0) return new Uint8Array(0);
    if (key instanceof Uint8Array) return key;
    if (this.btf && this.spec.keyTypeId) return encodeValue(this.btf, this.spec.keyTypeId, key, this.spec.keySize);
    return scalarBytes(key, this.spec.keySize, `key of ${this.name}`);
  }

  /** `walk` counts the parts of several values together. */
  decodeKey(key: Uint8Array, walk?: Walk): BtfValue {
    return this.btf && this.spec.keyTypeId ? decodeValue(this.btf, this.spec.keyTypeId, key, walk) : scalarValue(key);
  }

  encodeValue(input: BtfInput | Descriptor): Uint8Array {
    if (input instanceof Uint8Array) return input;
    const value = this.#isDescriptor(input) ? input.fd : (input as BtfInput);
    if (!this.perCpu) return this.#encodeOne(value);
    const out = new Uint8Array(this.valueBytes);
    const each = Array.isArray(value) ? value : Array.from({ length: this.cpus }, () => value);
    each.slice(0, this.cpus).forEach((v, cpu) => {
      out.set(this.#encodeOne(v as BtfInput), cpu * this.#stride);
    });
    return out;
  }

  #isDescriptor(value: BtfInput | Descriptor): value is Descriptor {
    return FD_VALUES.has(this.spec.type) && typeof value === 'object' && 'fd' in value && typeof value.fd === 'number';
  }

  decodeValue(value: Uint8Array, walk?: Walk): BtfValue {
    if (!this.perCpu) return this.#decodeOne(value, walk);
    return Array.from({ length: this.cpus }, (_, cpu) =>
      this.#decodeOne(value.subarray(cpu * this.#stride, cpu * this.#stride + this.spec.valueSize), walk),
    );
  }

  #encodeOne(value: BtfInput): Uint8Array {
    const { valueTypeId, valueSize, type } = this.spec;
    if (this.btf && valueTypeId && !FD_VALUES.has(type)) return encodeValue(this.btf, valueTypeId, value, valueSize);
    return scalarBytes(value, valueSize, `value of ${this.name}`);
  }

  #decodeOne(value: Uint8Array, walk?: Walk): BtfValue {
    const { valueTypeId, type } = this.spec;
    return this.btf && valueTypeId && !FD_VALUES.has(type)
      ? decodeValue(this.btf, valueTypeId, value, walk)
      : scalarValue(value);
  }

  #check(result: number, what: string): void {
    if (result < 0) throw new BpfError({ errno: -result, op: `${what} in map ${this.name}`, detail: 'bpf(2) refused' });
  }

  close(): void {
    this.sys.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const NO_KEY = new Uint8Array(0);

const shortType = (type: number): string => bpfMapTypeName(type).replace('BPF_MAP_TYPE_', '').toLowerCase();

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** Without BTF, elements of up to 8 bytes are unsigned integers, others lists of bytes. */
export function scalarBytes(value: BtfInput, size: number, what: string): Uint8Array {
  const out = new Uint8Array(size);
  if (value instanceof Uint8Array && value.length <= size) out.set(value);
  else if (Array.isArray(value) && value.length <= size) out.set(value.map((v) => byteOf(v, what)));
  else if (typeof value === 'bigint' || typeof value === 'boolean' || Number.isInteger(value)) {
    let v = BigInt(value as bigint | boolean | number);
    let i = 0;
    // What is left in the end is all sign: one write, however wide the value.
    for (; i < size && v !== 0n && v !== -1n; i++, v >>= 8n) out[i] = Number(v & 255n);
    const cutOff = v === -1n && i > 0 && i === size && out[size - 1] < 128;
    if ((v !== 0n && v !== -1n) || cutOff) throw new TypeError(`${what}: ${value} does not fit ${size} bytes`);
    if (v < 0n) out.fill(255, i);
  } else throw new TypeError(`${what}: an integer or at most ${size} bytes were expected`);
  return out;
}

function byteOf(value: BtfInput, what: string): number {
  const byte = typeof value === 'object' || typeof value === 'boolean' ? Number.NaN : Number(value);
  if (Number.isInteger(byte) && byte >= 0 && byte < 256) return byte;
  throw new TypeError(`${what}: ${typeof value === 'object' ? 'a list or an object' : String(value)} is no byte`);
}

function scalarValue(bytes: Uint8Array): BtfValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes.length) {
    case 1:
      return view.getUint8(0);
    case 2:
      return view.getUint16(0, true);
    case 4:
      return view.getUint32(0, true);
    case 8:
      return view.getBigUint64(0, true);
    default:
      return [...bytes];
  }
}
