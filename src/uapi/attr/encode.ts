/** Typed attributes to binary union bpf_attr, and outputs back: what a transport to a real bpf(2) needs. */
import type { BpfAttrs, InfoAttr } from './attr.ts';
import { type AttrField, type AttrLayout, BPF_ATTR_SIZE, attrLayout } from './layout.ts';
import { INFO_LAYOUTS, type InfoField, type InfoLayout } from '../info-layout.ts';

/** Memory that the kernel at the other end can read and write; addresses are its own. */
export interface PointerSpace {
  /** Makes room for `size` bytes and returns where they begin in `bytes`; 8-byte aligned. */
  reserve(size: number): number;
  /** The memory; {@link reserve} may replace it. */
  readonly bytes: Uint8Array;
  /** Kernel address of `bytes[0]`. */
  readonly base: bigint;
  /** Bytes that are left free behind the attribute and behind each buffer, a multiple of 8; none by default. */
  readonly gap?: number;
}

/** An encoded attribute: where it lies in the space, and how to take the outputs back once the call is done. */
export interface EncodedAttr {
  /** Offset of union bpf_attr in the space. */
  readonly at: number;
  readonly size: number;
  /** Where the attribute and the buffers lie in the space. */
  readonly placed: readonly { readonly name: string; readonly at: number; readonly length: number }[];
  /** Copies outputs into the typed attribute. */
  finish(): void;
}

type Fields = Record<string, unknown>;

/** The union of struct bpf_link_info, whose members begin with addresses and their lengths. */
const LINK_POINTERS = { from: 16, to: 64 } as const;

interface Given {
  readonly field: AttrField;
  readonly value: Uint8Array;
  /** Places in `value` where offsets in it stand, which become addresses. */
  readonly pointers?: readonly number[];
}

interface Placed extends Given {
  readonly at: number;
}

/** The fields that a caller's attribute has, each with the struct that it stands in. */
function givenFields(layout: AttrLayout, source: Fields): { readonly field: AttrField; readonly from: Fields }[] {
  const own = layout.fields.map((field) => ({ field, from: source }));
  const arms = Object.entries(layout.arms ?? {}).flatMap(([name, fields]) => {
    const from = source[name] as Fields | undefined;
    return from === undefined ? [] : fields.map((field) => ({ field, from }));
  });
  return [...own, ...arms];
}

/** Packs a typed attribute by its layout. The space must not be reused before `finish`. */
export function encodeAttr<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C], space: PointerSpace): EncodedAttr {
  const layout = attrLayout(cmd);
  if (layout === undefined) throw new RangeError(`bpf command ${cmd} has no attribute layout`);
  const source = (layout.group === '' ? attr : (attr as unknown as Fields)[layout.group]) as Fields;
  const given = givenFields(layout, source);
  const gap = space.gap ?? 0;
  const buffers = given.flatMap(({ field, from }) => bufferOf(field, from[field.name]) ?? []);
  let total = buffers.reduce((sum, { value }) => sum + round8(value.length) + gap, BPF_ATTR_SIZE + gap);
  if (layout.group === 'info')
    for (const b of Object.values((source.buffers ?? {}) as Record<string, Uint8Array>))
      total += round8(b.length) + gap;
  const at = space.reserve(total);
  const view = new DataView(space.bytes.buffer, space.bytes.byteOffset, space.bytes.byteLength);
  space.bytes.fill(0, at, at + BPF_ATTR_SIZE);
  for (const { field, from } of given) encodeScalar(field, from, space.bytes, view, at);
  const placed = placeBuffers(buffers, space, view, at);
  if (layout.group === 'info') placeInfoBuffers(source as unknown as InfoAttr['info'], placed, space, view);
  return {
    at,
    size: layout.size,
    placed: [
      { name: 'attr', at, length: BPF_ATTR_SIZE },
      ...placed.map(({ field, value, at: where }) => ({ name: field.name, at: where, length: value.length })),
    ],
    finish: () => takeOutputs(layout.fields, placed, source, { bytes: space.bytes, view, at }),
  };
}

const round8 = (n: number): number => Math.max(8, Math.ceil(n / 8) * 8);

function bufferOf(field: AttrField, value: unknown): Given | undefined {
  if (value === undefined || value === null) return undefined;
  if (field.kind === 'buf' || field.kind === 'log') return { field, value: value as Uint8Array };
  if (field.kind === 'strs') return stringList(field, value as readonly string[]);
  return field.kind === 'cstr' ? { field, value: new TextEncoder().encode(`${value as string}\0`) } : undefined;
}

/** Pointers to strings, and the strings behind them. */
function stringList(field: AttrField, texts: readonly string[]): Given {
  const encoded = texts.map((text) => new TextEncoder().encode(`${text}\0`));
  const value = new Uint8Array(encoded.reduce((sum, bytes) => sum + bytes.length, texts.length * 8));
  const view = new DataView(value.buffer);
  let next = texts.length * 8;
  encoded.forEach((bytes, i) => {
    view.setBigUint64(i * 8, BigInt(next), true);
    value.set(bytes, next);
    next += bytes.length;
  });
  return { field, value, pointers: texts.map((_, i) => i * 8) };
}

function encodeScalar(field: AttrField, source: Fields, bytes: Uint8Array, view: DataView, at: number): void {
  const value = source[field.name];
  if (value === undefined || value === null) {
    // A caller who sets only `data_size_out` means a length without its buffer.
    const length = field.lenName === undefined ? undefined : source[field.lenName];
    if (field.lenAt !== undefined && typeof length === 'number') view.setUint32(at + field.lenAt, length, true);
    return;
  }
  if (field.kind === 'u64') view.setBigUint64(at + field.off, BigInt.asUintN(64, BigInt(value as bigint)), true);
  else if (field.kind === 'u32' || field.kind === 's32') view.setUint32(at + field.off, Number(value) >>> 0, true);
  // All 16 bytes may be used: the terminator is the kernel's to demand.
  else if (field.kind === 'name') bytes.set(new TextEncoder().encode(value as string).subarray(0, 16), at + field.off);
}

/** After the scalars, because record sizes decide counts. */
function placeBuffers(buffers: readonly Given[], space: PointerSpace, view: DataView, at: number): Placed[] {
  const gap = space.gap ?? 0;
  let next = at + BPF_ATTR_SIZE + gap;
  return buffers.map(({ field, value, pointers }) => {
    const where = next;
    next += round8(value.length) + gap;
    // No room is no buffer: with an address and no length the kernel takes it for as long as the data.
    if (value.length === 0 && field.name === 'data_out') return { field, value, at: where };
    if (field.kind !== 'log') space.bytes.set(value, where);
    else if (value.length > 0) space.bytes[where] = 0;
    view.setBigUint64(at + field.off, space.base + BigInt(where), true);
    for (const p of pointers ?? [])
      view.setBigUint64(where + p, space.base + BigInt(where) + view.getBigUint64(where + p, true), true);
    if (pointers !== undefined && field.lenAt !== undefined) view.setUint32(at + field.lenAt, pointers.length, true);
    else if (field.lenAt !== undefined) {
      const unit = typeof field.unit === 'object' ? view.getUint32(at + field.unit.at, true) : (field.unit ?? 1);
      view.setUint32(at + field.lenAt, unit === 0 ? value.length : Math.floor(value.length / unit), true);
    }
    return { field, value, at: where };
  });
}

/** Pointers inside an info struct: their buffers follow the struct, and their counts are set from the lengths. */
function placeInfoBuffers(info: InfoAttr['info'], placed: Placed[], space: PointerSpace, view: DataView): void {
  if (placed.length === 0) return;
  const struct = placed[0];
  clearPointers(info, space.bytes.subarray(struct.at, struct.at + struct.value.length));
  if (info.buffers === undefined || info.kind === undefined) return;
  const gap = space.gap ?? 0;
  const fields: readonly InfoField[] = INFO_LAYOUTS[info.kind].fields;
  let next = struct.at + round8(struct.value.length) + gap;
  for (const [name, value] of Object.entries(info.buffers)) {
    const field = fields.find((f) => f.name === name && f.kind === 'ptr');
    const count = fields.find((f) => f.name === field?.count);
    if (field === undefined || count === undefined) throw new RangeError(`bpf_${info.kind}_info has no buffer ${name}`);
    if (field.off + 8 > struct.value.length || count.off + 4 > struct.value.length) continue;
    space.bytes.set(value, next);
    view.setBigUint64(struct.at + field.off, space.base + BigInt(next), true);
    view.setUint32(struct.at + count.off, Math.floor(value.length / (field.elem ?? 1)), true);
    placed.push({ field: { name, off: field.off, kind: 'buf', dir: 'out' }, value, at: next });
    next += round8(value.length) + gap;
  }
}

/** Clears addresses in a caller's struct (an earlier call may have left them): they lie outside this memory, and the kernel would write there. */
function clearPointers(info: InfoAttr['info'], struct: Uint8Array): void {
  const layouts = info.kind === undefined ? Object.values(INFO_LAYOUTS) : [INFO_LAYOUTS[info.kind]];
  if (info.kind === undefined) struct.fill(0, LINK_POINTERS.from, LINK_POINTERS.to);
  for (const { fields } of layouts as readonly InfoLayout[]) {
    for (const field of fields) {
      if (field.kind !== 'ptr') continue;
      struct.fill(0, field.off, field.off + 8);
      const count = fields.find((f) => f.name === field.count);
      if (count !== undefined) struct.fill(0, count.off, count.off + 4);
    }
  }
}

/** The memory that the kernel wrote to, and where the attribute lies in it. */
interface Written {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
}

function takeOutputs(
  fields: readonly AttrField[],
  placed: readonly Placed[],
  source: Fields,
  { bytes, view, at }: Written,
): void {
  for (const field of fields) {
    if (field.dir === 'in') continue;
    if (field.kind === 'u32') source[field.name] = view.getUint32(at + field.off, true);
    else if (field.kind === 'u64') source[field.name] = view.getBigUint64(at + field.off, true);
    else if (field.lenName !== undefined && field.lenAt !== undefined)
      source[field.lenName] = view.getUint32(at + field.lenAt, true);
  }
  for (const { field, value, at: where } of placed) {
    if (field.dir === 'in') continue;
    const out = bytes.subarray(where, where + value.length);
    const end = field.kind === 'log' ? out.indexOf(0) : -1;
    value.set(end < 0 ? out : out.subarray(0, end + 1));
  }
}
