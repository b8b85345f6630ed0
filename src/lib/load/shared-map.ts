/** Whether a map that the user hands in can stand for one of the object: programs were compiled for its type, sizes and flags. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { errnoName } from '../../uapi/errno.ts';
import { BPF_F_RDONLY_PROG } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName } from '../../uapi/map-types.ts';
import type { InfoValues } from '../../uapi/info-layout.ts';
import { readObjInfo } from '../../uapi/obj-info.ts';
import { BpfError, loaderError } from '../errors.ts';
import type { MapCreateAttr } from '../../uapi/attr/attr.ts';

/** Fields of bpf_map_info beside those of MAP_CREATE. */
const FIELDS = [
  ['type', 'map_type'],
  ['key_size', 'key_size'],
  ['value_size', 'value_size'],
  ['max_entries', 'max_entries'],
  ['map_flags', 'map_flags'],
  ['map_extra', 'map_extra'],
] as const;

/** Types whose map_extra is the creator's choice. */
const FREE_EXTRA: ReadonlySet<number> = new Set([M.BPF_MAP_TYPE_ARENA]);

/** Throws BpfError (EINVAL, with `op` as what failed) that names every difference between the map behind `fd` and what the object would have made. */
export function checkShared(sys: BpfSyscall, op: string, fd: number, wanted: MapCreateAttr): void {
  const info = readObjInfo(sys, 'map', fd);
  if (typeof info === 'number')
    throw new BpfError({ errno: -info, op, detail: `OBJ_GET_INFO_BY_FD gives ${errnoName(-info)}: it is no map` });
  if (info.values.type === undefined || Number(info.values.type) === 0)
    throw loaderError(op, 'EINVAL', 'the kernel tells nothing of it as a map');
  const differences = FIELDS.flatMap(([own, asked]) => {
    if (own === 'map_extra' && FREE_EXTRA.has(wanted.map_type)) return [];
    const [has, wants] = [fieldOf(info.values, own), expected(wanted, asked, info.values)];
    return has === wants ? [] : [`${own} is ${show(own, has)}, and ${show(own, wants)} was expected`];
  });
  if (differences.length > 0)
    throw loaderError(op, 'EINVAL', `it is not the map that the object defines: ${differences.join('; ')}`);
}

const fieldOf = (values: InfoValues, name: string): number => Number(values[name] ?? 0);

function expected(wanted: MapCreateAttr, field: keyof MapCreateAttr, has: InfoValues): number {
  const value = Number(wanted[field] ?? 0);
  if (field !== 'map_flags') return value;
  // The kernel sets this flag on devmaps by itself.
  const devmap = wanted.map_type === M.BPF_MAP_TYPE_DEVMAP || wanted.map_type === M.BPF_MAP_TYPE_DEVMAP_HASH;
  return devmap ? (value | (fieldOf(has, 'map_flags') & BPF_F_RDONLY_PROG)) >>> 0 : value;
}

const show = (field: string, value: number): string =>
  field === 'type' ? bpfMapTypeName(value) : field === 'map_flags' ? `0x${value.toString(16)}` : `${value}`;
