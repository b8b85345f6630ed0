/** The four batch commands of maps: cursors by key (arrays, LPM tries) and by bucket (hash tables). */
import type { MapBatchAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_LOCK } from '../../../uapi/flags.ts';
import { faults } from '../../../uapi/attr/user-buffer.ts';
import type { BpfMap } from '../../object/map.ts';
import { FMODE_READ, FMODE_WRITE } from '../../object/fd-table.ts';
import { fdMap, type SyscallEnv } from '../env.ts';
import { flags32 } from '../../../uapi/attr/values.ts';
import type { MapObject } from '../../object/map.ts';

type Batch = MapBatchAttr['batch'];

/** Checks that all four share: the map, or -errno. */
function prepare(env: SyscallEnv, batch: Batch, mode: number): MapObject | number {
  const object = fdMap(env, batch.map_fd, mode);
  if (typeof object === 'number') return object;
  if (mode & FMODE_WRITE && object.map.desc.frozen) return -ERRNO.EPERM;
  if (object.map.batch === 'none') return -ERRNO.ENOTSUPP;
  return object;
}

/** Flags of elements: only BPF_F_LOCK, and only on maps with a lock. */
function elemFlags(object: MapObject, batch: Batch): number {
  const flags = flags32(batch.elem_flags);
  if (flags & ~BPF_F_LOCK) return -ERRNO.EINVAL;
  if (flags & BPF_F_LOCK && (object.map.desc.record?.spinLockOff ?? -1) < 0) return -ERRNO.EINVAL;
  return flags;
}

/** BPF_MAP_LOOKUP_BATCH */
export function mapLookupBatch(env: SyscallEnv, { batch }: MapBatchAttr): number {
  return lookupBatch(env, batch, false);
}

/** BPF_MAP_LOOKUP_AND_DELETE_BATCH */
export function mapLookupAndDeleteBatch(env: SyscallEnv, { batch }: MapBatchAttr): number {
  return lookupBatch(env, batch, true);
}

function lookupBatch(env: SyscallEnv, batch: Batch, remove: boolean): number {
  const object = prepare(env, batch, remove ? FMODE_READ | FMODE_WRITE : FMODE_READ);
  if (typeof object === 'number') return object;
  // Only hash tables can hand elements over.
  if (remove && object.map.batch !== 'by-bucket') return -ERRNO.ENOTSUPP;
  const flags = elemFlags(object, batch);
  if (flags < 0) return flags;
  if (object.map.batch === 'by-bucket' && batch.flags) return -ERRNO.EINVAL;
  if (faults(batch.in_batch)) return batch.count === 0 ? 0 : -ERRNO.EFAULT;
  return object.map.batch === 'by-bucket' ? byBucket(object.map, batch, remove) : byKey(object.map, batch);
}

/** generic_map_lookup_batch: the cursor is the last key handed out. */
function byKey(map: BpfMap, batch: Batch): number {
  const wanted = batch.count;
  if (wanted === 0) return 0;
  batch.count = 0;
  const { keySize } = map.desc;
  const valueSize = map.userValueSize;
  let done = 0;
  let cursor: Uint8Array | null = batch.in_batch?.subarray(0, keySize) ?? null;
  let result = 0;
  while (done < wanted) {
    const key = map.nextKey(cursor);
    if (typeof key === 'number') {
      result = key;
      break;
    }
    const value = map.lookup(key);
    cursor = key;
    if (typeof value === 'number') {
      if (value === -ERRNO.ENOENT) continue;
      return value;
    }
    if (!put(batch.keys, done, keySize, key) || !put(batch.values, done, valueSize, value)) return -ERRNO.EFAULT;
    done++;
  }
  batch.count = done;
  if (cursor !== null && done > 0) {
    if (batch.out_batch === undefined || batch.out_batch.length < keySize) return -ERRNO.EFAULT;
    batch.out_batch.set(cursor);
  }
  return result;
}

/** __htab_map_lookup_and_delete_batch: the cursor is the next bucket, and a bucket is never split. */
function byBucket(map: BpfMap, batch: Batch, remove: boolean): number {
  const wanted = batch.count;
  if (wanted === 0) return 0;
  batch.count = 0;
  const { keySize } = map.desc;
  const valueSize = map.userValueSize;
  let index = batch.in_batch ? readU32(batch.in_batch) : 0;
  if (map.bucket?.(index) === undefined) return -ERRNO.ENOENT;
  let done = 0;
  let result = -ERRNO.ENOENT;
  for (; ; index++) {
    const bucket = map.bucket?.(index);
    if (bucket === undefined) break;
    if (done + bucket.length > wanted) {
      result = done === 0 ? -ERRNO.ENOSPC : 0;
      break;
    }
    for (const [key, value] of bucket) {
      if (!put(batch.keys, done, keySize, key) || !put(batch.values, done, valueSize, value)) return -ERRNO.EFAULT;
      done++;
    }
    if (remove) for (const [key] of bucket) map.delete(key);
  }
  if (result === -ERRNO.ENOSPC) return result;
  if (batch.out_batch === undefined || batch.out_batch.length < 4) return -ERRNO.EFAULT;
  new DataView(batch.out_batch.buffer, batch.out_batch.byteOffset).setUint32(0, index, true);
  batch.count = done;
  return result;
}

/** BPF_MAP_UPDATE_BATCH */
export function mapUpdateBatch(env: SyscallEnv, { batch }: MapBatchAttr): number {
  const object = prepare(env, batch, FMODE_WRITE);
  if (typeof object === 'number') return object;
  const flags = elemFlags(object, batch);
  if (flags < 0) return flags;
  const { map } = object;
  const { keySize } = map.desc;
  const valueSize = map.userValueSize;
  return eachElem(batch, (i) => {
    const key = batch.keys?.subarray(i * keySize, (i + 1) * keySize);
    const value = batch.values?.subarray(i * valueSize, (i + 1) * valueSize);
    if (key?.length !== keySize || value?.length !== valueSize) return -ERRNO.EFAULT;
    return map.update(key, value, flags);
  });
}

/** BPF_MAP_DELETE_BATCH */
export function mapDeleteBatch(env: SyscallEnv, { batch }: MapBatchAttr): number {
  const object = prepare(env, batch, FMODE_WRITE);
  if (typeof object === 'number') return object;
  const { map } = object;
  if (env.rules.map(map.desc.type)?.indexed === true) return -ERRNO.ENOTSUPP;
  const flags = elemFlags(object, batch);
  if (flags < 0) return flags;
  const { keySize } = map.desc;
  return eachElem(batch, (i) => {
    const key = batch.keys?.subarray(i * keySize, (i + 1) * keySize);
    return key?.length === keySize ? map.delete(key) : -ERRNO.EFAULT;
  });
}

/** Stops at the first failure and tells how far it came. */
function eachElem(batch: Batch, one: (i: number) => number): number {
  const wanted = batch.count;
  if (wanted === 0) return 0;
  let done = 0;
  let result = 0;
  while (done < wanted) {
    result = one(done);
    if (result < 0) break;
    done++;
  }
  batch.count = done;
  return result;
}

function put(to: Uint8Array | undefined, index: number, size: number, bytes: Uint8Array): boolean {
  if (to === undefined || to.length < (index + 1) * size) return false;
  to.set(bytes, index * size);
  return true;
}

const readU32 = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
