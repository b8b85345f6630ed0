/** BPF_MAP_TYPE_DEVMAP_HASH: devices for bpf_redirect_map under any 32-bit key. */
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { keyIndex } from './array.ts';
import { BPF_EXIST, BPF_NOEXIST } from '../../uapi/flags.ts';
import { GENERIC_OPS } from './core-ops.ts';
import { HashMap } from './hash.ts';
import type { FdResolver, MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { type Restore, saveAll, saveMap } from '../mem/saved.ts';
import type { Mutable } from './stored-map.ts';
import { type Target, TargetOwner, readTarget, writeTarget } from './target-array.ts';

const { BPF_XDP_DEVMAP } = BPF_ATTACH_TYPE;

export class TargetHashMap extends HashMap {
  override readonly batch: BpfMap['batch'] = 'none';
  readonly #fds: FdResolver;
  readonly #targets = new Map<number, Target>();
  readonly #owner = new TargetOwner();

  constructor(env: MapEnv, desc: MapDesc, fds: FdResolver) {
    super(env, desc);
    // Programs look up through the dispatch: the value is the kernel's.
    (this.desc as Mutable<MapDesc>).core = GENERIC_OPS;
    this.#fds = fds;
  }

  protected override doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    const number = keyIndex(value);
    if (flags > BPF_EXIST || number === 0) return -ERRNO.EINVAL;
    const index = keyIndex(key);
    const old = this.#targets.get(index);
    if (old && flags & BPF_NOEXIST) return -ERRNO.EEXIST;
    if (!this.#fds.device(number)) return -ERRNO.EINVAL;
    const target = readTarget(this.#fds, this.#owner, BPF_XDP_DEVMAP, value, this.desc.valueSize);
    if (typeof target === 'number') return target;
    const result = super.doUpdate(key, writeTarget(target, this.desc.valueSize), 0);
    if (result !== 0) return result;
    target.prog?.hold();
    old?.prog?.drop();
    this.#targets.set(index, target);
    return 0;
  }

  protected override doDelete(key: Uint8Array): number {
    const result = super.doDelete(key);
    if (result === 0) {
      this.#targets.get(keyIndex(key))?.prog?.drop();
      this.#targets.delete(keyIndex(key));
    }
    return result;
  }

  override lookupAndDelete(): number {
    return -ERRNO.ENOTSUPP;
  }

  protected override saveMore(): Restore {
    return saveAll([{ save: () => saveMap(this.#targets) }, this.#owner]);
  }

  override free(): void {
    for (const target of this.#targets.values()) target.prog?.drop();
    super.free();
  }
}
