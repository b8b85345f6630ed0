/** BPF_MAP_LOOKUP_ELEM, UPDATE_ELEM, DELETE_ELEM, GET_NEXT_KEY and LOOKUP_AND_DELETE_ELEM. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_LOCK } from '../../../uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../../uapi/map-types.ts';
import { copyFromUser, copyToUser, type UserBytes, viewUser } from '../../../uapi/attr/user-buffer.ts';
import { FMODE_READ, FMODE_WRITE } from '../../object/fd-table.ts';
import { fdMap, type SyscallEnv } from '../env.ts';
import type { MapObject } from '../../object/map.ts';

/** A buffer of the caller's, when it gave one. */
type Bytes = UserBytes | undefined;

const NO_BYTES = new Uint8Array(0);

/** A copy of the key, or -errno (__bpf_copy_key): valid until the next command. */
function copyKey(env: SyscallEnv, object: MapObject, key: Bytes): Uint8Array | number {
  const size = object.map.desc.keySize;
  if (size === 0) return key === undefined ? NO_BYTES : -ERRNO.EINVAL;
  if (key === undefined) return -ERRNO.EFAULT;
  const copy = env.maps.scratch.keyRoom(size);
  return copyFromUser(copy, key) ? copy : -ERRNO.EFAULT;
}

/** Longer values are read where they lie. */
const COPIED_VALUE = 512;

/** The value's bytes, or -EFAULT: a copy as that of the key, or a view of the caller's memory. */
function copyValue(env: SyscallEnv, object: MapObject, value: Bytes): Uint8Array | number {
  const size = object.map.userValueSize;
  if (value === undefined) return size === 0 ? NO_BYTES : -ERRNO.EFAULT;
  if (size > COPIED_VALUE) {
    const view = viewUser(value);
    return view === undefined || view.length < size ? -ERRNO.EFAULT : view;
  }
  const copy = env.maps.scratch.valueRoom(size);
  return copyFromUser(copy, value) ? copy : -ERRNO.EFAULT;
}

function hasLock(object: MapObject): boolean {
  const record = object.map.desc.record;
  return record !== undefined && (record.spinLockOff >= 0 || record.resSpinLockOff >= 0);
}

function copyOut(value: Uint8Array | number, to: Bytes): number {
  if (typeof value === 'number') return value;
  return to !== undefined && copyToUser(to, value) ? 0 : -ERRNO.EFAULT;
}

/** map_lookup_elem */
export function lookupElem(env: SyscallEnv, fd: number, key: Bytes, value: Bytes, flags: number): number {
  if (flags & ~BPF_F_LOCK) return -ERRNO.EINVAL;
  const object = fdMap(env, fd, FMODE_READ);
  if (typeof object === 'number') return object;
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const own = copyKey(env, object, key);
  if (typeof own === 'number') return own;
  const { map } = object;
  if (map.desc.type === T.BPF_MAP_TYPE_BLOOM_FILTER) {
    const wanted = copyValue(env, object, value);
    if (typeof wanted === 'number') return wanted;
    const result = map.lookup(own, flags, wanted);
    return typeof result === 'number' ? result : 0;
  }
  if (map.lookupTo === undefined || value === undefined) return copyOut(map.lookup(own, flags), value);
  return map.lookupTo(own, flags, value);
}

/** map_update_elem */
export function updateElem(env: SyscallEnv, fd: number, key: Bytes, value: Bytes, flags: number): number {
  const object = fdMap(env, fd, FMODE_WRITE);
  if (typeof object === 'number') return object;
  if (object.map.desc.frozen) return -ERRNO.EPERM;
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const ownKey = copyKey(env, object, key);
  if (typeof ownKey === 'number') return ownKey;
  const ownValue = copyValue(env, object, value);
  return typeof ownValue === 'number' ? ownValue : object.map.update(ownKey, ownValue, flags);
}

/** map_delete_elem */
export function deleteElem(env: SyscallEnv, fd: number, key: Bytes): number {
  const object = fdMap(env, fd, FMODE_WRITE);
  if (typeof object === 'number') return object;
  if (object.map.desc.frozen) return -ERRNO.EPERM;
  const own = copyKey(env, object, key);
  return typeof own === 'number' ? own : object.map.delete(own);
}

/** map_get_next_key: the first one without a key. */
export function nextKey(env: SyscallEnv, fd: number, key: Bytes, next: Bytes): number {
  const object = fdMap(env, fd, FMODE_READ);
  if (typeof object === 'number') return object;
  if (key === undefined) return copyOut(object.map.nextKey(null), next);
  const own = copyKey(env, object, key);
  return typeof own === 'number' ? own : copyOut(object.map.nextKey(own), next);
}

/** map_lookup_and_delete_elem */
export function lookupAndDeleteElem(env: SyscallEnv, fd: number, key: Bytes, value: Bytes, flags: number): number {
  if (flags & ~BPF_F_LOCK) return -ERRNO.EINVAL;
  const object = fdMap(env, fd, FMODE_READ | FMODE_WRITE);
  if (typeof object === 'number') return object;
  const { type, frozen } = object.map.desc;
  if (frozen) return -ERRNO.EPERM;
  if (flags && (type === T.BPF_MAP_TYPE_QUEUE || type === T.BPF_MAP_TYPE_STACK)) return -ERRNO.EINVAL;
  if (flags & BPF_F_LOCK && !hasLock(object)) return -ERRNO.EINVAL;
  const own = copyKey(env, object, key);
  if (typeof own === 'number') return own;
  if (env.rules.map(type)?.takesOut !== true) return -ERRNO.ENOTSUPP;
  return copyOut(object.map.lookupAndDelete(own, flags), value);
}

/** map_freeze */
export function mapFreeze(env: SyscallEnv, attr: { map_fd: number }): number {
  const object = fdMap(env, attr.map_fd);
  if (typeof object === 'number') return object;
  const { desc } = object.map;
  if (desc.type === T.BPF_MAP_TYPE_STRUCT_OPS || desc.record !== undefined) return -ERRNO.ENOTSUPP;
  // A frozen map is no longer writable by anyone, so a second freeze is refused as a write is.
  if (typeof fdMap(env, attr.map_fd, FMODE_WRITE) === 'number' || desc.frozen) return -ERRNO.EPERM;
  desc.frozen = true;
  return 0;
}
