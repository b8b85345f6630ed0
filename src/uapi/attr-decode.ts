/** Binary union bpf_attr to typed attributes: pointers are read from and written to a caller's memory. */
import type { BpfAttrs } from './attr.ts';
import { type AttrField, BPF_ATTR_SIZE, attrLayout } from './attr-layout.ts';
import { ERRNO } from './errno.ts';
import { INFO_LAYOUTS, type InfoField, type InfoKind } from './info-layout.ts';

/** Memory behind the pointers of a binary attribute: a guest's, or buffers of a test. */
export interface UserMemory {
  /** A copy of bytes, or undefined when any of them cannot be read. */
  read(addr: bigint, size: number): Uint8Array | undefined;
  /** False when any of them cannot be written. */
  write(addr: bigint, bytes: Uint8Array): boolean;
}

/** What decoding must know of the objects that an attribute names. */
export interface AttrObjects {
  /** Bytes of a key, of a value in user layout and of a batch cursor of the map behind a descriptor. */
  mapSizes(fd: number): { readonly key: number; readonly value: number; readonly cursor: number } | undefined;
  infoKind(fd: number): InfoKind | undefined;
}

export interface DecodedAttr {
  readonly attr: BpfAttrs[keyof BpfAttrs];
  /** Writes outputs to the binary attribute and to memory: 0 or -EFAULT. */
  finish(): number;
}

type Fields = Record<string, unknown>;
interface Out {
  readonly addr: bigint;
  readonly bytes: Uint8Array;
}

const MAX_STRING = 128;
const LAST_INSN_FIELD = 8;

/** Unpacks an attribute, or -errno (-E2BIG, -EINVAL, -EFAULT) when bytes behind it are set or pointers lead nowhere. */
export function decodeAttr(
  cmd: number,
  given: Uint8Array,
  memory: UserMemory,
  objects: AttrObjects,
): DecodedAttr | number {
  const layout = attrLayout(cmd);
  if (layout === undefined) return -ERRNO.EINVAL;
  for (let i = BPF_ATTR_SIZE; i < given.length; i++) if (given[i] !== 0) return -ERRNO.E2BIG;
  for (let i = layout.size; i < Math.min(given.length, BPF_ATTR_SIZE); i++) if (given[i] !== 0) return -ERRNO.EINVAL;
  const bytes = new Uint8Array(BPF_ATTR_SIZE);
  bytes.set(given.subarray(0, BPF_ATTR_SIZE));
  const view = new DataView(bytes.buffer);
  const fields: Fields = {};
  const outs: Out[] = [];
  for (const field of layout.fields) {
    const result = decodeField(field, view, bytes, fields, memory, objects, outs, layout.fields);
    if (result < 0) return result;
  }
  if (layout.group === 'info') {
    const result = decodeInfoBuffers(fields, memory, objects, outs);
    if (result < 0) return result;
  }
  const attr = (layout.group === '' ? fields : { [layout.group]: fields }) as unknown as DecodedAttr['attr'];
  return { attr, finish: () => finish(layout.fields, fields, view, given, memory, outs) };
}

function decodeField(
  field: AttrField,
  view: DataView,
  bytes: Uint8Array,
  fields: Fields,
  memory: UserMemory,
  objects: AttrObjects,
  outs: Out[],
  all: readonly AttrField[],
): number {
  const { off, name } = field;
  if (field.kind === 'u32') fields[name] = view.getUint32(off, true);
  else if (field.kind === 's32') fields[name] = view.getInt32(off, true);
  else if (field.kind === 'u64') fields[name] = view.getBigUint64(off, true);
  else if (field.kind === 'name') fields[name] = text(bytes.subarray(off, off + 16));
  else {
    const addr = view.getBigUint64(off, true);
    if (field.kind === 'cstr') return decodeString(field, addr, fields, memory);
    const size = bufferSize(field, view, fields, objects, all);
    if (field.lenName !== undefined) fields[field.lenName] = size;
    if (addr === 0n) return 0;
    // Read even when it is only written: a size that the memory does not have must not be allocated.
    const content = memory.read(addr, size);
    if (content === undefined) return -ERRNO.EFAULT;
    fields[name] = content;
    if (field.dir !== 'in') outs.push({ addr, bytes: content });
  }
  return 0;
}

function decodeString(field: AttrField, addr: bigint, fields: Fields, memory: UserMemory): number {
  if (addr === 0n) return -ERRNO.EFAULT;
  const out: number[] = [];
  for (let i = 0; i < MAX_STRING; i++) {
    const byte = memory.read(addr + BigInt(i), 1)?.[0];
    if (byte === undefined) return -ERRNO.EFAULT;
    if (byte === 0) break;
    out.push(byte);
  }
  fields[field.name] = text(Uint8Array.from(out));
  return 0;
}

/** Bytes of a buffer: from its length field, or from the map that the attribute names. */
function bufferSize(
  field: AttrField,
  view: DataView,
  fields: Fields,
  objects: AttrObjects,
  all: readonly AttrField[],
): number {
  if (field.lenAt !== undefined) {
    const unit = typeof field.unit === 'object' ? view.getUint32(field.unit.at, true) : (field.unit ?? 1);
    return view.getUint32(field.lenAt, true) * unit;
  }
  if (field.size === 'fds') return 4 * Math.max(1, view.getUint32(148, true), highestFdIndex(fields.insns) + 1);
  const at = (name: string): number => view.getUint32(all.find((f) => f.name === name)?.off ?? 0, true);
  const sizes = objects.mapSizes(at('map_fd'));
  if (sizes === undefined) return 0;
  if (field.size === 'keys') return sizes.key * at('count');
  if (field.size === 'values') return sizes.value * at('count');
  return sizes[field.size ?? 'key'];
}

/** Largest index of fd_array that ld_imm64 and kfunc calls use: its length is nowhere else. */
function highestFdIndex(insns: unknown): number {
  if (!(insns instanceof Uint8Array)) return -1;
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  let highest = -1;
  for (let at = 0; at + LAST_INSN_FIELD <= insns.length; at += 8) {
    const src = insns[at + 1] >> 4;
    if (insns[at] === 0x18 && (src === 5 || src === 6)) highest = Math.max(highest, view.getInt32(at + 4, true));
    else if (insns[at] === 0x85 && src === 2) highest = Math.max(highest, view.getInt16(at + 2, true));
  }
  return highest;
}

function decodeInfoBuffers(fields: Fields, memory: UserMemory, objects: AttrObjects, outs: Out[]): number {
  const kind = objects.infoKind(Number(fields.bpf_fd));
  const struct = fields.info;
  if (kind === undefined || !(struct instanceof Uint8Array)) return 0;
  const view = new DataView(struct.buffer, struct.byteOffset, struct.byteLength);
  const buffers: Record<string, Uint8Array> = {};
  const layout: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const field of layout) {
    const count = layout.find((f) => f.name === field.count);
    if (field.kind !== 'ptr' || count === undefined) continue;
    if (field.off + 8 > struct.length || count.off + 4 > struct.length) continue;
    const addr = view.getBigUint64(field.off, true);
    if (addr === 0n) continue;
    const size = view.getUint32(count.off, true) * (field.elem ?? 1);
    const content = memory.read(addr, size);
    if (content === undefined) return -ERRNO.EFAULT;
    buffers[field.name] = content;
    outs.push({ addr, bytes: content });
  }
  fields.kind = kind;
  fields.buffers = buffers;
  return 0;
}

function finish(
  layout: readonly AttrField[],
  fields: Fields,
  view: DataView,
  given: Uint8Array,
  memory: UserMemory,
  outs: readonly Out[],
): number {
  for (const field of layout) {
    if (field.dir === 'in') continue;
    if (field.kind === 'u32') view.setUint32(field.off, Number(fields[field.name] ?? 0), true);
    else if (field.lenName !== undefined && field.lenAt !== undefined)
      view.setUint32(field.lenAt, Number(fields[field.lenName] ?? 0), true);
  }
  given.set(new Uint8Array(view.buffer).subarray(0, Math.min(given.length, BPF_ATTR_SIZE)));
  for (const { addr, bytes } of outs) if (!memory.write(addr, bytes)) return -ERRNO.EFAULT;
  return 0;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
