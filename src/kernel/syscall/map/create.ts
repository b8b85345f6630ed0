/** BPF_MAP_CREATE: descriptors in the attribute become objects, then the map itself is made (map_create). */
import type { MapCreateAttr } from '../../../uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../../uapi/cmd.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_TOKEN_FD } from '../../../uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { createMap, unsupportedMapType } from '../../maps/make/create.ts';
import type { BtfObject } from '../../object/btf.ts';
import { refusedFields } from '../attr-rules.ts';
import { createDescribedMap } from '../described-map.ts';
import { fdBtf, type SyscallEnv } from '../env.ts';
import { fdResolver } from '../fd-resolver.ts';
import { fileMode } from '../ids.ts';
import { newMapObject } from '../../object/map.ts';
import { valueRecord } from './record.ts';

/** map_create: what descriptors stand for is found first, and what is wrong with them said when the kernel asks for them. */
export function mapCreate(env: SyscallEnv, given: MapCreateAttr): number {
  const flags = given.map_flags ?? 0;
  const attr = { ...given, map_flags: flags & ~BPF_F_TOKEN_FD };
  const untrusted = refusedFields(env, C.BPF_MAP_CREATE, given, 'map_token_fd');
  const refused = untrusted.errno < 0 ? untrusted : refusedFields(env, C.BPF_MAP_CREATE, given, 'map_ifindex');
  const btf = btfOf(env, attr);
  const object = typeof btf === 'object' ? btf : undefined;
  const record = object === undefined ? undefined : valueRecord(env, object.btf, attr);
  const context = {
    refused: untrusted.errno || denied(env, attr) || refused.errno,
    unmade: attr.map_type === BPF_MAP_TYPE.BPF_MAP_TYPE_STRUCT_OPS ? checkStructOps(env, attr) : 0,
    ...(btf === undefined ? {} : { btf: typeof btf === 'number' ? btf : btf.btf }),
    ...(record === undefined ? {} : { record }),
  };
  const map = env.verifyOnly
    ? createDescribedMap(env, attr, context)
    : createMap(env.maps, attr, fdResolver(env), context);
  if (typeof map === 'number') {
    const lacking =
      map === -ERRNO.EOPNOTSUPP ? (refused.lacking ?? unsupportedMapType(env.rules, attr.map_type)) : undefined;
    if (lacking !== undefined) given.unsupported = lacking;
    return map;
  }
  const made = newMapObject(env.objects, map, given, object && env.objects.get(object));
  env.objects.register(made);
  return env.fds.install(made, fileMode(flags));
}

/** -EPERM for who may not make maps, or not those of the type: unprivileged BPF is off. */
function denied(env: SyscallEnv, { map_type: type }: MapCreateAttr): number {
  const { bpf, netAdmin, sysAdmin } = env.caps;
  const needsNet = env.rules.map(type)?.create?.netAdmin === true;
  return sysAdmin || (bpf && (netAdmin || !needsNet)) ? 0 : -ERRNO.EPERM;
}

const STRUCT_OPS_VALUE = 'bpf_struct_ops_';

/** bpf_struct_ops_find_value: the kernel has a table of operations of this type. */
function checkStructOps(env: SyscallEnv, attr: MapCreateAttr): number {
  const id = attr.btf_vmlinux_value_type_id ?? 0;
  const btf = env.vmlinux();
  return btf !== undefined && btf.name(id).startsWith(STRUCT_OPS_VALUE) ? 0 : -ERRNO.ENOTSUPP;
}

/** The BTF object behind btf_fd when the attribute names types of it. */
function btfOf(env: SyscallEnv, attr: MapCreateAttr): BtfObject | undefined | number {
  if (!attr.btf_key_type_id && !attr.btf_value_type_id && !attr.btf_vmlinux_value_type_id) return undefined;
  const btf = fdBtf(env, attr.btf_fd ?? 0);
  if (typeof btf === 'number') return btf;
  return btf.kernelBtf ? -ERRNO.EACCES : btf;
}
