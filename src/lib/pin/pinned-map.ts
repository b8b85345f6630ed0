/** Maps from outside of an object: opened by a file that keeps them, typed where the kernel knows their types. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { readObjInfo } from '../../uapi/obj-info.ts';
import { btfById } from '../btf-by-id.ts';
import { BpfError, loaderError } from '../errors.ts';
import { BpfMap } from '../map.ts';
import { newMapSpec } from '../object/map-common.ts';
import { kindOfFd, openPinned, type OpenPinnedOptions } from './pin.ts';

/** Opens a map that was pinned, maybe by another process. Throws BpfError: EINVAL when another kind of object is pinned there. */
export function openPinnedMap(sys: BpfSyscall, path: string, options: OpenPinnedOptions = {}): BpfMap {
  const op = `open the pinned map ${path}`;
  const fd = openPinned(sys, path, options);
  if (fd < 0) throw new BpfError({ errno: -fd, op, detail: 'bpf(2) refused' });
  try {
    if (kindOfFd(sys, fd) !== 'map') throw loaderError(op, 'EINVAL', 'it is no map');
    return mapOfFd(sys, fd, path);
  } catch (e) {
    sys.close(fd);
    throw e;
  }
}

/** The map behind a descriptor, which it takes over. Throws BpfError when the kernel tells nothing of it. */
export function mapOfFd(sys: BpfSyscall, fd: number, pinnedAt?: string): BpfMap {
  const info = readObjInfo(sys, 'map', fd);
  if (typeof info === 'number') throw new BpfError({ errno: -info, op: 'info of a map', detail: 'bpf(2) refused' });
  const { values } = info;
  const number = (name: string): number => Number(values[name] ?? 0);
  const types = btfById(sys, number('btf_id'));
  const btf = typeof types === 'number' ? undefined : types;
  const name = String(values.name);
  const spec = {
    ...newMapSpec(name, 'btf'),
    type: number('type'),
    keySize: number('key_size'),
    valueSize: number('value_size'),
    maxEntries: number('max_entries'),
    flags: number('map_flags'),
    mapExtra: BigInt(values.map_extra as bigint),
    keyTypeId: btf === undefined ? 0 : number('btf_key_type_id'),
    valueTypeId: btf === undefined ? 0 : number('btf_value_type_id'),
  };
  return new BpfMap(sys, fd, spec, btf, pinnedAt);
}
