/** BPF_MAP_TYPE_DEVMAP, CPUMAP and XSKMAP: targets of bpf_redirect_map, by index. */
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { packetKind } from '../rules/packet.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { keyIndex, nextIndex } from './array.ts';
import { BPF_EXIST, BPF_NOEXIST } from '../../uapi/flags.ts';
import type { FdResolver, MapEnv, ProgRef } from './env.ts';
import type { KernelMemory } from '../mem/memory.ts';
import { headerWord } from './header.ts';
import { type Restore, saveAll, type Saved, saveMap } from '../mem/saved.ts';
import { StoredMap } from './stored-map.ts';

const { BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP } = BPF_MAP_TYPE;
const { BPF_XDP_CPUMAP, BPF_XDP_DEVMAP } = BPF_ATTACH_TYPE;
const CPUMAP_QUEUE_MAX = 16384;

/** A value with what it points to taken apart: device or queue size, and the program that runs at the target. */
export interface Target {
  readonly number: number;
  readonly prog: ProgRef | undefined;
}

/** The common traits of all programs of one map, as in a prog array: the first one decides (bpf_prog_map_compatible). */
export class TargetOwner implements Saved {
  #tag: string | undefined;

  save(): Restore {
    const tag = this.#tag;
    return () => {
      this.#tag = tag;
    };
  }

  accepts(prog: ProgRef): boolean {
    this.#tag ??= prog.ownerTag;
    return this.#tag === prog.ownerTag;
  }
}

/** The descriptor of a program in struct bpf_devmap_val or bpf_cpumap_val; none when it is not positive or there is no room. */
export function targetProgFd(value: Uint8Array, size: number): number {
  return size < 8 ? 0 : Math.max(0, keyIndex(value.subarray(4)) | 0);
}

/**
 * The target that a value names, or -EINVAL.
 * @param attachType what its program must have been loaded for
 */
export function readTarget(
  fds: FdResolver,
  owner: TargetOwner,
  attachType: number,
  value: Uint8Array,
  size: number,
): Target | number {
  const number = keyIndex(value);
  const fd = targetProgFd(value, size);
  if (fd === 0) return { number, prog: undefined };
  const prog = fds.prog(fd);
  if (prog === undefined || typeof prog === 'number') return -ERRNO.EINVAL;
  const fits = packetKind(prog.type) === 'xdp' && prog.attachType === attachType && owner.accepts(prog);
  return fits ? { number, prog } : -ERRNO.EINVAL;
}

/** The value that user space reads back: the number and the program's id. */
export function writeTarget(target: Target, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, target.number, true);
  if (size >= 8) view.setUint32(4, target.prog?.id ?? 0, true);
  return out;
}

const ENTRY_SIZE = 16;

/** Whether the devmap, cpumap or XSK map at an address has a target at an index. Reads nothing but the memory. */
export function hasTarget({ u32 }: Pick<KernelMemory, 'u32'>, map: number, index: number): boolean {
  if (index >= headerWord(u32, map, 'maxEntries')) return false;
  return u32[(headerWord(u32, map, 'base') + index * ENTRY_SIZE) >>> 2] !== 0;
}

/** In memory an entry is a presence word, a pad word and the value, so that programs can look it up. */
export class TargetArrayMap extends StoredMap {
  readonly #fds: FdResolver;
  readonly #base: number;
  readonly #targets = new Map<number, Target>();
  readonly #owner = new TargetOwner();

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    this.#fds = fds;
    this.#base = this.block(desc.maxEntries * ENTRY_SIZE);
    this.set('stride', ENTRY_SIZE);
    this.set('base', this.#base);
  }

  /** Sets an entry from the host's side (sockets of an XSKMAP have no descriptors here); undefined removes it. */
  setTarget(index: number, target: Target | undefined): void {
    if (this.freed) return;
    this.#targets.get(index)?.prog?.drop();
    const at = this.#base + index * ENTRY_SIZE;
    this.env.mem.u8.fill(0, at, at + ENTRY_SIZE);
    if (!target) {
      this.#targets.delete(index);
      return;
    }
    this.#targets.set(index, target);
    this.env.mem.u32[at >>> 2] = 1;
    this.env.mem.u8.set(writeTarget(target, this.desc.valueSize), at + 8);
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    if (this.desc.type === BPF_MAP_TYPE_XSKMAP) return -ERRNO.EOPNOTSUPP;
    const target = this.#targets.get(keyIndex(key));
    return target ? writeTarget(target, this.desc.valueSize) : -ERRNO.ENOENT;
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags > BPF_EXIST) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.E2BIG;
    // AF_XDP sockets cannot be opened here (SCOPE 86).
    if (this.desc.type === BPF_MAP_TYPE_XSKMAP) return -ERRNO.EBADF;
    if (flags === BPF_NOEXIST) return -ERRNO.EEXIST;
    const target = this.desc.type === BPF_MAP_TYPE_CPUMAP ? this.#cpu(index, value) : this.#device(value);
    if (typeof target === 'number') return target;
    target?.prog?.hold();
    this.setTarget(index, target);
    return 0;
  }

  /** cpu_map_update_elem: a queue of length 0 removes the entry, and no program is looked at then. */
  #cpu(index: number, value: Uint8Array): Target | undefined | number {
    const queue = keyIndex(value);
    if (queue > CPUMAP_QUEUE_MAX) return -ERRNO.EOVERFLOW;
    if (index >= this.env.nrCpus) return -ERRNO.ENODEV;
    if (queue === 0) return undefined;
    const target = readTarget(this.#fds, this.#owner, BPF_XDP_CPUMAP, value, this.desc.valueSize);
    // Whatever keeps an entry from being made is said to be a lack of memory.
    return typeof target === 'number' ? -ERRNO.ENOMEM : target;
  }

  /** __dev_map_update_elem: device 0 removes the entry. */
  #device(value: Uint8Array): Target | undefined | number {
    const ifindex = keyIndex(value);
    if (ifindex === 0) return targetProgFd(value, this.desc.valueSize) > 0 ? -ERRNO.EINVAL : undefined;
    if (!this.#fds.device(ifindex)) return -ERRNO.EINVAL;
    return readTarget(this.#fds, this.#owner, BPF_XDP_DEVMAP, value, this.desc.valueSize);
  }

  protected doDelete(key: Uint8Array): number {
    const index = keyIndex(key);
    if (index >= this.desc.maxEntries) return -ERRNO.EINVAL;
    this.setTarget(index, undefined);
    return 0;
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    return nextIndex(key, this.desc.maxEntries);
  }

  protected override saveMore(): Restore {
    return saveAll([{ save: () => saveMap(this.#targets) }, this.#owner]);
  }

  override free(): void {
    for (const target of this.#targets.values()) target.prog?.drop();
    this.#targets.clear();
    super.free();
  }
}
