/** BPF_MAP_LOOKUP_ELEM, UPDATE_ELEM, DELETE_ELEM, GET_NEXT_KEY and LOOKUP_AND_DELETE_ELEM. */
import type { MapElemAttr } from '../../../uapi/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_LOCK } from '../../../uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import { FMODE_READ, FMODE_WRITE } from '../../object/fd-table.ts';
import { fdMap, type SyscallEnv } from '../env.ts';
import type { MapObject } from '../../object/map.ts';

const NO_BYTES = new Uint8Array(0);

/** Types whose elements can be taken out. */
const LOOKUP_AND_DELETE_TYPES: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_QUEUE,
  T.BPF_MAP_TYPE_STACK,
  T.BPF_MAP_TYPE_HASH,
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_LRU_HASH,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  T.BPF_MAP_TYPE_STACK_TRACE,
]);

/** A bit that no command defines, in the place of all flags beyond 32 bits. */
const UNKNOWN_FLAG = 0x8000_0000;

/** 64-bit flags as a number: all that is defined, and whether there is more. */
export function flags32(flags = 0n): number {
  if (flags === 0n) return 0;
  const low = Number(BigInt.asUintN(32, flags));
  return flags >> 32n === 0n ? low : (low | UNKNOWN_FLAG) >>> 0;
}

/** The key's bytes, or -errno (__bpf_copy_key). */
function copyKey(object: MapObject, key: Uint8Array | undefined): Uint8Array | number {
  const size = object.map.desc.keySize;
  if (size === 0) return key === undefined ? NO_BYTES : -ERRNO.EINVAL;
  if (key === undefined || key.length < size) return -ERRNO.EFAULT;
  return key.length === size ? key : key.subarray(0, size);
}

function hasLock(object: MapObject): boolean {
  const record = object.map.desc.record;
  return record !== undefined && (record.spinLockOff >= 0 || record.resSpinLockOff >= 0);
}

function copyOut(value: Uint8Array | number, to: Uint8Array | undefined): number {
  if (typeof value === 'number') return value;
  if (to === undefined || to.length < value.length) return -ERRNO.EFAULT;
  to.set(value);
  return 0;
}

/** map_lookup_elem */
export function mapLookupElem(env: SyscallEnv, attr: MapElemAttr): number {
  const flags = flags32(attr.flags);
  if (flags & ~BPF_F_LOCK) return -ERRNO.EINVAL;
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  if ((mode & FMODE_READ) === 0) return -ERRNO.EPERM;
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const key = copyKey(object, attr.key);
  if (typeof key === 'number') return key;
  const { map } = object;
  if (map.desc.type === T.BPF_MAP_TYPE_BLOOM_FILTER) {
    if (attr.value === undefined || attr.value.length < map.userValueSize) return -ERRNO.EFAULT;
    const result = map.lookup(key, flags, attr.value);
    return typeof result === 'number' ? result : 0;
  }
  return copyOut(map.lookup(key, flags), attr.value);
}

/** map_update_elem */
export function mapUpdateElem(env: SyscallEnv, attr: MapElemAttr): number {
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  if ((mode & FMODE_WRITE) === 0 || object.map.desc.frozen) return -ERRNO.EPERM;
  const flags = flags32(attr.flags);
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const key = copyKey(object, attr.key);
  if (typeof key === 'number') return key;
  const value = attr.value ?? NO_BYTES;
  if (value.length < object.map.userValueSize) return -ERRNO.EFAULT;
  return object.map.update(key, value, flags);
}

/** map_delete_elem */
export function mapDeleteElem(env: SyscallEnv, attr: MapElemAttr): number {
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  if ((mode & FMODE_WRITE) === 0 || object.map.desc.frozen) return -ERRNO.EPERM;
  const key = copyKey(object, attr.key);
  return typeof key === 'number' ? key : object.map.delete(key);
}

/** map_get_next_key */
export function mapGetNextKey(env: SyscallEnv, attr: MapElemAttr): number {
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  if ((mode & FMODE_READ) === 0) return -ERRNO.EPERM;
  let key: Uint8Array | null = null;
  if (attr.key !== undefined) {
    const copied = copyKey(object, attr.key);
    if (typeof copied === 'number') return copied;
    key = copied;
  }
  return copyOut(object.map.nextKey(key), attr.next_key);
}

/** map_lookup_and_delete_elem */
export function mapLookupAndDeleteElem(env: SyscallEnv, attr: MapElemAttr): number {
  const flags = flags32(attr.flags);
  if (flags & ~BPF_F_LOCK) return -ERRNO.EINVAL;
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  if (mode !== (FMODE_READ | FMODE_WRITE) || object.map.desc.frozen) return -ERRNO.EPERM;
  const { type } = object.map.desc;
  if (flags && (type === T.BPF_MAP_TYPE_QUEUE || type === T.BPF_MAP_TYPE_STACK)) return -ERRNO.EINVAL;
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const key = copyKey(object, attr.key);
  if (typeof key === 'number') return key;
  if (!LOOKUP_AND_DELETE_TYPES.has(type)) return -ERRNO.ENOTSUPP;
  return copyOut(object.map.lookupAndDelete(key, flags), attr.value);
}

/** map_freeze */
export function mapFreeze(env: SyscallEnv, attr: { map_fd: number }): number {
  const found = fdMap(env, attr.map_fd);
  if (typeof found === 'number') return found;
  const { object, mode } = found;
  const { desc } = object.map;
  if (desc.type === T.BPF_MAP_TYPE_STRUCT_OPS || desc.record !== undefined) return -ERRNO.ENOTSUPP;
  // A frozen map is no longer writable by anyone, so a second freeze is refused as a write is.
  if ((mode & FMODE_WRITE) === 0 || desc.frozen) return -ERRNO.EPERM;
  desc.frozen = true;
  return 0;
}
