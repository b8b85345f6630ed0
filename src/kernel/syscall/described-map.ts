/** Maps without storage, for kernels that only verify: what a program is checked against, and nothing that it could run on. */
import type { MapCreateAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_RDONLY_PROG } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import { createMap } from '../maps/make/create.ts';
import { describeMap, type MapContext, roundLru } from '../maps/make/describe.ts';
import type { BpfMap } from '../object/map.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import { fdMap, type SyscallEnv } from './env.ts';
import { fdResolver } from './fd-resolver.ts';

/** An address that no other map has is all that a program sees of a map before it runs. */
const PLACEHOLDER_SIZE = 64;

/**
 * A map to verify against, or -errno. Types that this kernel cannot store are described all the same. Read-only arrays are
 * real: the verifier folds their contents.
 */
export function createDescribedMap(
  env: SyscallEnv,
  attr: MapCreateAttr,
  context: Omit<MapContext, 'id'>,
): BpfMap | number {
  const constant = attr.map_type === T.BPF_MAP_TYPE_ARRAY && ((attr.map_flags ?? 0) & BPF_F_RDONLY_PROG) !== 0;
  if (constant) return createMap(env.maps, attr, fdResolver(env), context);
  const inner = innerOf(env, attr);
  const desc = describeMap(env.rules, attr, { ...context, id: 0, inner });
  if (typeof desc === 'number') return desc;
  const addr = env.maps.allocator.alloc(PLACEHOLDER_SIZE, 64);
  if (addr === 0) return -ERRNO.ENOMEM;
  const map = new DescribedMap(
    { ...roundLru(desc, env.maps.nrCpus), id: env.maps.nextMapId(), addr, valuesAddr: addr },
    () => {
      env.maps.maps.delete(addr);
      env.maps.allocator.free(addr);
    },
  );
  env.maps.maps.set(addr, map);
  return map;
}

function innerOf(env: SyscallEnv, attr: MapCreateAttr): MapDesc | number {
  const found = fdMap(env, attr.inner_map_fd ?? 0);
  return typeof found === 'number' ? found : found.map.desc;
}

/** Takes elements and forgets them, so that loaders can fill it. */
class DescribedMap implements BpfMap {
  readonly addr: number;
  readonly userValueSize: number;
  readonly batch = 'none';

  constructor(
    readonly desc: MapDesc,
    readonly free: () => void,
  ) {
    this.addr = desc.addr;
    this.userValueSize = desc.valueSize;
  }

  lookup(): number {
    return -ERRNO.ENOENT;
  }
  update(): number {
    return 0;
  }
  delete(): number {
    return 0;
  }
  nextKey(): number {
    return -ERRNO.ENOENT;
  }
  lookupAndDelete(): number {
    return -ERRNO.ENOENT;
  }
  *entries(): Iterable<[Uint8Array, Uint8Array]> {}
  releaseUser(): void {}
}
