/** BPF_MAP_CREATE: descriptors in the attribute become objects, then the map itself is made (map_create). */
import type { MapCreateAttr } from '../../uapi/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TOKEN_FD } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import { createMap, unsupportedMapType } from '../maps/create.ts';
import type { BtfObject } from '../object/btf.ts';
import { createDescribedMap } from './described-map.ts';
import { fdBtf, type SyscallEnv } from './env.ts';
import { fdResolver } from './fd-resolver.ts';
import { fileMode } from './ids.ts';
import { newMapObject } from '../object/map.ts';
import { valueRecord } from './map-record.ts';

/** map_create */
export function mapCreate(env: SyscallEnv, given: MapCreateAttr): number {
  const attr = { ...given, map_flags: (given.map_flags ?? 0) & ~BPF_F_TOKEN_FD };
  if ((given.map_flags ?? 0) & BPF_F_TOKEN_FD) return -ERRNO.EOPNOTSUPP; // tokens: SCOPE 194
  if (given.map_ifindex) return -ERRNO.EOPNOTSUPP; // no device takes maps: SCOPE 59
  const refused = checkBtfIds(attr);
  if (refused < 0) return refused;
  const mode = fileMode(attr.map_flags);
  if (mode < 0) return mode;
  const btf = btfOf(env, attr);
  if (typeof btf === 'number') return btf;
  const record = btf === undefined ? undefined : valueRecord(env, btf.btf, attr);
  const context = { ...(btf ? { btf: btf.btf } : {}), ...(record ? { record } : {}) };
  const map = env.verifyOnly
    ? createDescribedMap(env, attr, context)
    : createMap(env.maps, attr, fdResolver(env), context);
  if (typeof map === 'number') {
    const lacking = map === -ERRNO.EOPNOTSUPP ? unsupportedMapType(attr.map_type) : undefined;
    if (lacking !== undefined) given.unsupported = lacking;
    return map;
  }
  const object = newMapObject(env.objects, map, given, btf && env.objects.get(btf));
  env.objects.register(object);
  return env.fds.install(object, mode);
}

function checkBtfIds(attr: MapCreateAttr): number {
  const key = attr.btf_key_type_id ?? 0;
  const value = attr.btf_value_type_id ?? 0;
  if (attr.btf_vmlinux_value_type_id) {
    if (attr.map_type !== T.BPF_MAP_TYPE_STRUCT_OPS || key || value) return -ERRNO.EINVAL;
  } else if (key && !value) return -ERRNO.EINVAL;
  return 0;
}

/** The BTF object behind btf_fd when the attribute names types of it. */
function btfOf(env: SyscallEnv, attr: MapCreateAttr): BtfObject | undefined | number {
  if (!attr.btf_key_type_id && !attr.btf_value_type_id && !attr.btf_vmlinux_value_type_id) return undefined;
  const btf = fdBtf(env, attr.btf_fd ?? 0);
  if (typeof btf === 'number') return btf;
  return btf.kernelBtf ? -ERRNO.EACCES : btf;
}
