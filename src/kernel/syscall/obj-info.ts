/** BPF_OBJ_GET_INFO_BY_FD for programs, maps and BTF objects. */

import type { InfoAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import {
  decodeInfo,
  encodeInfo,
  INFO_LAYOUTS,
  type InfoField,
  type InfoKind,
  type InfoValues,
} from '../../uapi/info-layout.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { claimedLength, faults, isNullBuffer } from '../../uapi/attr/user-buffer.ts';
import { sha256 } from '../../util/sha256.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { LinkObject } from '../object/link.ts';
import { giveText, linkInfo } from './link/info.ts';
import type { BtfObject } from '../object/btf.ts';
import type { SyscallEnv } from './env.ts';
import type { MapObject } from '../object/map.ts';
import { dumpXlated } from './prog/xlated-dump.ts';

type Info = InfoAttr['info'];
/** Contents of pointer fields, or -errno, made only when a buffer asks for them. */
type Buffers = Record<string, (buffer: Uint8Array) => Uint8Array | number>;
const PAGE_SIZE = 4096;
/** Descriptors 0 to 2 are open, and stand for nothing that there is information on. */
const LAST_STREAM = 2;
const SHA256_SIZE = 32;

/** bpf_obj_get_info_by_fd */
export function objGetInfoByFd(env: SyscallEnv, { info }: InfoAttr): number {
  const entry = env.fds.get(info.bpf_fd);
  if (entry === undefined) return info.bpf_fd <= LAST_STREAM ? -ERRNO.EINVAL : -ERRNO.EBADFD;
  const { object } = entry;
  switch (object.kind) {
    case 'prog':
      return aboutProg(env, object, info);
    case 'map':
      return fill('map', info, ...mapInfo(object, info));
    case 'btf':
      return aboutBtf(object, info);
    case 'link':
      return aboutLink(object, info);
    default:
      return -ERRNO.EINVAL;
  }
}

/** Records whose sizes must be the kernel's, or nothing at all with no records (set_info_rec_size). */
const RECORDS = [
  ['func_info_rec_size', 'nr_func_info', 8],
  ['line_info_rec_size', 'nr_line_info', 16],
  ['jited_line_info_rec_size', 'nr_jited_line_info', 8],
] as const;

function aboutProg({ caps }: SyscallEnv, prog: LoadedProg, info: Info): number {
  const wrong = checkStruct('prog', info);
  if (wrong < 0) return wrong;
  const [values, buffers] = progInfo(prog);
  const { map_ids: ids, ...others } = info.buffers ?? {};
  const noIds = give(ids, values.nr_map_ids, buffers.map_ids);
  if (noIds < 0) return noIds;
  const given = decodeInfo('prog', info.info ?? new Uint8Array(0));
  for (const [size, count, bytes] of RECORDS)
    if ((given[size] ?? 0) !== bytes && ((given[size] ?? 0) !== 0 || (given[count] ?? 0) !== 0)) return -ERRNO.EINVAL;
  // Instructions and records are not for everybody.
  if (!caps.bpf && !caps.sysAdmin) return fill('prog', info, { ...values, ...UNSEEN }, {});
  for (const { name, count } of INFO_LAYOUTS.prog.fields as readonly InfoField[]) {
    if (count === undefined || !Object.hasOwn(others, name)) continue;
    const bad = give(others[name], values[count], buffers[name]);
    if (bad < 0) return bad;
  }
  return fill('prog', info, values, {});
}

const UNSEEN: InfoValues = {
  ...{ jited_prog_len: 0, xlated_prog_len: 0, nr_jited_ksyms: 0, nr_jited_func_lens: 0 },
  ...{ nr_func_info: 0, nr_line_info: 0, nr_jited_line_info: 0 },
};

/** Contents for a caller's buffer, where there are any: 0 or -EFAULT. */
function give(
  to: Uint8Array | undefined,
  count: InfoValues[string] | undefined,
  contents: Buffers[string] | undefined,
): number {
  if (to === undefined || claimedLength(to) === 0 || Number(count ?? 0) === 0) return 0;
  if (faults(to)) return -ERRNO.EFAULT;
  const from = contents?.(to);
  if (typeof from === 'number') return from;
  if (from !== undefined) to.set(from.subarray(0, to.length));
  return 0;
}

function aboutBtf(object: BtfObject, info: Info): number {
  const wrong = checkStruct('btf', info);
  if (wrong < 0) return wrong;
  const [values, buffers] = btfInfo(object);
  const { btf, name } = info.buffers ?? {};
  const noTypes = give(btf, values.btf_size, buffers.btf);
  if (noTypes < 0) return noTypes;
  const named = giveText(name, new TextEncoder().encode(`${object.name}\0`), false);
  if (named < 0 && named !== -ERRNO.ENOSPC) return named;
  return fill('btf', info, values, {}) || named;
}

function aboutLink(link: LinkObject, info: Info): number {
  const wrong = checkStruct('link', info);
  if (wrong < 0) return wrong;
  const found = linkInfo(link, info);
  return typeof found === 'number' ? found : fill(found.kind, info, found.values, {});
}

/** The caller's struct: a page at most, zero behind what is known, and there. */
function checkStruct(kind: InfoKind, { info: to }: Info): number {
  const { size } = INFO_LAYOUTS[kind];
  if (claimedLength(to) > PAGE_SIZE) return -ERRNO.E2BIG;
  if (faults(to)) return -ERRNO.EFAULT;
  for (let i = size; i < (to?.length ?? 0); i++) if (to[i] !== 0) return -ERRNO.E2BIG;
  return 0;
}

/** Writes as much of the struct as the caller's buffer takes, and the buffers it named. */
function fill(kind: InfoKind, info: Info, values: InfoValues, buffers: Buffers): number {
  const { size } = INFO_LAYOUTS[kind];
  const to = info.info ?? new Uint8Array(0);
  const wrong = checkStruct(kind, info);
  if (wrong < 0) return wrong;
  for (const [name, buffer] of Object.entries(info.buffers ?? {})) {
    const from = Object.hasOwn(buffers, name) ? buffers[name](buffer) : undefined;
    if (typeof from === 'number') return from;
    if (from === undefined) continue;
    if (faults(buffer) && from.length > 0) return -ERRNO.EFAULT;
    buffer.set(from.subarray(0, buffer.length));
  }
  const struct = encodeInfo(kind, values);
  keepPointers(kind, to, struct);
  to.set(struct.subarray(0, Math.min(size, to.length)));
  info.info_len = Math.min(size, to.length);
  return 0;
}

/** Pointer fields are the caller's. */
function keepPointers(kind: InfoKind, from: Uint8Array, to: Uint8Array): void {
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const f of fields) if (f.kind === 'ptr') to.set(from.subarray(f.off, f.off + 8), f.off);
}

function words(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value, true));
  return out;
}

function progInfo(prog: LoadedProg): [InfoValues, Buffers] {
  const { verified, exe } = prog;
  const mapIds = prog.holds.filter((object) => object.kind === 'map').map((object) => object.id);
  const tag = Uint8Array.from(verified.tag.hex.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
  const values: InfoValues = {
    type: verified.progType,
    id: prog.id,
    tag,
    jited_prog_len: exe.codeSize,
    xlated_prog_len: verified.insns.length * 8,
    load_time: (BigInt(prog.loadTime[1] >>> 0) << 32n) | BigInt(prog.loadTime[0] >>> 0),
    nr_map_ids: mapIds.length,
    name: prog.name,
    gpl_compatible: verified.gplCompatible ? 1 : 0,
    nr_jited_ksyms: exe.codeSize > 0 ? verified.subprogs.length : 0,
    nr_jited_func_lens: exe.codeSize > 0 ? verified.subprogs.length : 0,
    btf_id: prog.btf?.id ?? 0,
    func_info_rec_size: 8,
    nr_func_info: prog.funcInfo.length / 2,
    nr_line_info: prog.lineInfo.length / 4,
    line_info_rec_size: 16,
    jited_line_info_rec_size: 8,
    nr_prog_tags: verified.subprogs.length,
    run_time_ns: BigInt(Math.round(prog.runTimeNs)),
    run_cnt: BigInt(prog.runCnt),
    recursion_misses: BigInt(prog.misses),
    verified_insns: prog.stats.insnsProcessed,
    attach_btf_id: prog.attachBtfId,
  };
  return [
    values,
    {
      map_ids: () => words(mapIds),
      xlated_prog_insns: () => dumpXlated(verified),
      func_info: () => words([...prog.funcInfo]),
      line_info: () => words([...prog.lineInfo]),
      prog_tags: () => tag,
    },
  ];
}

function mapInfo(object: MapObject, info: Info): [InfoValues, Buffers] {
  const { desc } = object.map;
  const values: InfoValues = {
    type: desc.type,
    id: desc.id,
    key_size: desc.keySize,
    value_size: desc.valueSize,
    max_entries: desc.maxEntries,
    map_flags: desc.flags,
    name: desc.name,
    btf_id: object.btf?.id ?? 0,
    btf_key_type_id: desc.btfKeyTypeId,
    btf_value_type_id: desc.btfValueTypeId,
    map_extra: BigInt(desc.mapExtra),
    hash_size: claimedLength(info.buffers?.hash),
  };
  return [values, { hash: (buffer) => contentHash(object, buffer) }];
}

/** SHA-256 of a frozen array's values (array_map_get_hash). */
function contentHash({ map }: MapObject, buffer: Uint8Array): Uint8Array | number {
  if (map.desc.type !== BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY) return -ERRNO.EINVAL;
  if (isNullBuffer(buffer) || claimedLength(buffer) !== SHA256_SIZE) return -ERRNO.EINVAL;
  if (!map.desc.frozen) return -ERRNO.EPERM;
  return map.content === undefined ? -ERRNO.EOPNOTSUPP : sha256(map.content());
}

function btfInfo(object: BtfObject): [InfoValues, Buffers] {
  const name = new TextEncoder().encode(object.name);
  const values: InfoValues = {
    btf_size: object.bytes.length,
    id: object.id,
    name_len: name.length,
    kernel_btf: object.kernelBtf ? 1 : 0,
  };
  return [values, { btf: () => object.bytes }];
}
