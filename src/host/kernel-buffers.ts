/**
 * What a caller hands to the real kernel, looked at before the kernel sees it: bpf(2) takes the lengths of most buffers from the
 * object that they are for, so that one that is too short would be read or written beyond its end.
 */
import { type AttrField, type AttrLayout, attrLayout } from '../uapi/attr/layout.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO } from '../uapi/errno.ts';
import { INFO_LAYOUTS, type InfoField, type InfoKind } from '../uapi/info-layout.ts';
import { BUCKET_MAP_TYPES, PER_CPU_MAP_TYPES } from '../uapi/map-types.ts';

/** Sizes of a map, as its kernel tells them. */
export interface MapSizes {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
}

/** The questions to the kernel by which one knows how much it moves. */
export interface SizesOf {
  readonly possibleCpus: number;
  /** Sizes of the map behind a descriptor; undefined for other descriptors. */
  map(fd: number): MapSizes | undefined;
}

/** Most that one call may move: far more than the kernel's own limits leave. */
const MOST_BYTES = 0x7000_0000;

type Fields = Readonly<Record<string, unknown>>;

/** Buffers that a command has a field for and does not look at. */
const UNUSED: Readonly<Record<number, readonly string[]>> = {
  [BPF_CMD.BPF_MAP_UPDATE_BATCH]: ['in_batch', 'out_batch'],
  [BPF_CMD.BPF_MAP_DELETE_BATCH]: ['in_batch', 'out_batch', 'values'],
};

/** 0 when the attribute is safe to pass on; -EINVAL for malformed attributes, -EFAULT for missing or short buffers. */
export function checkBuffers(cmd: number, attr: unknown, sizes: SizesOf): number {
  const layout: AttrLayout | undefined = Number.isInteger(cmd) ? attrLayout(cmd) : undefined;
  const outer = attr as Record<string, unknown> | null | undefined;
  const group = layout === undefined || layout.group === '' ? outer : outer?.[layout.group];
  if (layout === undefined || typeof group !== 'object' || group === null) return -ERRNO.EINVAL;
  const fields = group as Fields;
  let total = 0;
  for (const field of layout.fields) {
    const value = fields[field.name];
    const wrong = checkForm(field, value);
    if (wrong < 0) return wrong;
    total += lengthOf(value) ?? 0;
  }
  if (total > MOST_BYTES) return -ERRNO.ENOMEM;
  if (layout.group === 'info') return checkInfo(fields);
  return checkSizes(cmd, layout, fields, sizes);
}

function checkForm(field: AttrField, value: unknown): number {
  if (value === undefined || value === null) return 0;
  switch (field.kind) {
    case 'buf':
    case 'log':
      return value instanceof Uint8Array ? 0 : -ERRNO.EFAULT;
    case 'cstr':
    case 'name':
      return typeof value === 'string' ? 0 : -ERRNO.EFAULT;
    default:
      return typeof value === 'bigint' || Number.isInteger(value) ? 0 : -ERRNO.EINVAL;
  }
}

function checkSizes(cmd: number, layout: AttrLayout, fields: Fields, sizes: SizesOf): number {
  let map: MapSizes | undefined;
  for (const field of layout.fields) {
    if (field.size === undefined) continue;
    const length = lengthOf(fields[field.name]);
    if (length === undefined || UNUSED[cmd]?.includes(field.name)) continue;
    if (field.size === 'fds') {
      if (length < 4 * count32(fields.fd_array_cnt)) return -ERRNO.EFAULT;
      continue;
    }
    map ??= sizes.map(count32(fields.map_fd));
    // The kernel itself says what is wrong with the descriptor.
    if (map === undefined) return 0;
    if (length < needed(field, map, count32(fields.count), sizes)) return -ERRNO.EFAULT;
  }
  return 0;
}

const count32 = (value: unknown): number => Number(value ?? 0) >>> 0;

function needed(field: AttrField, map: MapSizes, count: number, sizes: SizesOf): number {
  switch (field.size) {
    case 'key':
      return map.keySize;
    case 'keys':
      return map.keySize * count;
    case 'value':
      return valueBytes(map, sizes);
    case 'values':
      return valueBytes(map, sizes) * count;
    case 'cursor':
      return BUCKET_MAP_TYPES.has(map.type) ? 4 : map.keySize;
    default:
      return 0;
  }
}

const valueBytes = (map: MapSizes, sizes: SizesOf): number =>
  PER_CPU_MAP_TYPES.has(map.type) ? Math.ceil(map.valueSize / 8) * 8 * sizes.possibleCpus : map.valueSize;

const lengthOf = (value: unknown): number | undefined => (value instanceof Uint8Array ? value.length : undefined);

/** Buffers of an info struct are as long as their count field says, in records whose size the struct names. */
function checkInfo(info: Fields): number {
  const { kind, buffers } = info;
  if (buffers === undefined) return kind === undefined || isKind(kind) ? 0 : -ERRNO.EINVAL;
  if (!isKind(kind) || typeof buffers !== 'object' || buffers === null) return -ERRNO.EINVAL;
  const layout: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  const struct = info.info instanceof Uint8Array ? info.info : new Uint8Array(0);
  const view = new DataView(struct.buffer, struct.byteOffset, struct.byteLength);
  for (const [name, value] of Object.entries(buffers)) {
    const field = layout.find((f) => f.name === name && f.kind === 'ptr');
    if (field === undefined) return -ERRNO.EINVAL;
    if (!(value instanceof Uint8Array)) return -ERRNO.EFAULT;
    const record = layout.find((f) => f.name === `${name}_rec_size`);
    if (record === undefined || record.off + 4 > struct.length) continue;
    if (value.length > 0 && view.getUint32(record.off, true) > (field.elem ?? 1)) return -ERRNO.EFAULT;
  }
  return 0;
}

const isKind = (kind: unknown): kind is InfoKind => typeof kind === 'string' && Object.hasOwn(INFO_LAYOUTS, kind);
