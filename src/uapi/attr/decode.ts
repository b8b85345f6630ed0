/** Binary union bpf_attr to typed attributes: pointers are read from and written to a caller's memory. */
import type { BpfAttrs } from './attr.ts';
import { type AttrField, type AttrLayout, BPF_ATTR_SIZE, attrLayout } from './layout.ts';
import { ERRNO } from '../errno.ts';
import { INFO_LAYOUTS, type InfoField, type InfoKind } from '../info-layout.ts';
import { BadBuffer } from './user-buffer.ts';

/** Memory behind the pointers of a binary attribute: a guest's, or buffers of a test. */
export interface UserMemory {
  /** A copy of bytes, or undefined when any of them cannot be read. */
  read(addr: bigint, size: number): Uint8Array | undefined;
  /** False when any of them cannot be written. */
  write(addr: bigint, bytes: Uint8Array): boolean;
}

/** Decoding's questions about the objects that an attribute names. */
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
/** KSYM_NAME_LEN: what the names of a list are cut to. */
const MAX_SYMBOL = 512;
const LAST_INSN_FIELD = 8;
/** Attributes longer than a page are refused unseen. */
const PAGE_SIZE = 4096;
const FD_ARRAY_CNT_AT = 148;

/**
 * Unpacks an attribute, or -errno: -E2BIG when it is longer than a page or bytes behind union bpf_attr are set, -EINVAL when bytes
 * behind the command's fields are. A pointer that leads nowhere is a {@link BadBuffer}: when it is followed is the command's to say.
 */
export function decodeAttr(
  cmd: number,
  given: Uint8Array,
  memory: UserMemory,
  objects: AttrObjects,
): DecodedAttr | number {
  // Callers need not be of the declared types.
  if (typeof (cmd as unknown) !== 'number') return -ERRNO.EINVAL;
  if (!((given as unknown) instanceof Uint8Array)) return -ERRNO.EFAULT;
  if (given.length > PAGE_SIZE) return -ERRNO.E2BIG;
  for (let i = BPF_ATTR_SIZE; i < given.length; i++) if (given[i] !== 0) return -ERRNO.E2BIG;
  const layout = attrLayout(cmd);
  if (layout === undefined) return -ERRNO.EINVAL;
  for (let i = layout.size; i < Math.min(given.length, BPF_ATTR_SIZE); i++) if (given[i] !== 0) return -ERRNO.EINVAL;
  return new Decoder(layout, given, memory, objects).decode();
}

class Decoder implements DecodedAttr {
  readonly #layout: AttrLayout;
  readonly #given: Uint8Array;
  readonly #memory: UserMemory;
  readonly #objects: AttrObjects;
  readonly #bytes = new Uint8Array(BPF_ATTR_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #fields: Fields = {};
  readonly #outs: Out[] = [];

  constructor(layout: AttrLayout, given: Uint8Array, memory: UserMemory, objects: AttrObjects) {
    this.#layout = layout;
    this.#given = given;
    this.#memory = memory;
    this.#objects = objects;
    this.#bytes.set(given.subarray(0, BPF_ATTR_SIZE));
  }

  get attr(): DecodedAttr['attr'] {
    const { group } = this.#layout;
    return group === '' ? this.#fields : { [group]: this.#fields };
  }

  decode(): this {
    for (const field of this.#layout.fields) this.#field(field, this.#fields);
    for (const name of this.#layout.armsOf?.(this.#view) ?? []) {
      const arm: Fields = {};
      for (const field of this.#layout.arms?.[name] ?? []) this.#field(field, arm);
      this.#fields[name] = arm;
    }
    if (this.#layout.group === 'info') this.#infoBuffers();
    return this;
  }

  #field(field: AttrField, fields: Fields): void {
    const { off, name } = field;
    const view = this.#view;
    if (field.kind === 'u32') fields[name] = view.getUint32(off, true);
    else if (field.kind === 's32') fields[name] = view.getInt32(off, true);
    else if (field.kind === 'u64') fields[name] = view.getBigUint64(off, true);
    else if (field.kind === 'name') fields[name] = text(this.#bytes.subarray(off, off + 16));
    else if (field.kind === 'cstr') fields[name] = this.#text(view.getBigUint64(off, true), field.most);
    else if (field.kind === 'strs') fields[name] = this.#strings(field, view.getBigUint64(off, true));
    else this.#buffer(field, fields, view.getBigUint64(off, true));
  }

  /** A list of strings, or a pointer that cannot be followed; undefined when there is none. */
  #strings(field: AttrField, addr: bigint): readonly string[] | BadBuffer | undefined {
    if (addr === 0n) return undefined;
    const count = this.#view.getUint32(field.lenAt ?? 0, true);
    const pointers = this.#memory.read(addr, count * 8);
    if (pointers === undefined) return new BadBuffer(count * 8, false);
    const view = new DataView(pointers.buffer, pointers.byteOffset, pointers.byteLength);
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const one = this.#string(view.getBigUint64(i * 8, true), MAX_SYMBOL);
      if (one === undefined) return new BadBuffer(count * 8, false);
      texts.push(one);
    }
    return texts;
  }

  /** Text, a pointer that cannot be followed, or undefined when there is none. */
  #text(addr: bigint, most?: number): string | BadBuffer | undefined {
    return addr === 0n ? undefined : (this.#string(addr, most) ?? new BadBuffer(1, false));
  }

  /** Text up to its NUL or the most that the kernel reads; undefined when it cannot be read. */
  #string(addr: bigint, most = MAX_STRING): string | undefined {
    if (addr === 0n) return undefined;
    const out: number[] = [];
    for (let i = 0; i < most; i++) {
      const byte = this.#memory.read(addr + BigInt(i), 1)?.[0];
      if (byte === undefined) return undefined;
      if (byte === 0) break;
      out.push(byte);
    }
    return text(Uint8Array.from(out));
  }

  #buffer(field: AttrField, fields: Fields, addr: bigint): void {
    const size = this.#bufferSize(field);
    if (field.lenName !== undefined) fields[field.lenName] = size;
    if (addr === 0n) {
      // Where no other field holds a length, null means that there is nothing.
      if (size > 0 && field.lenAt !== undefined) fields[field.name] = new BadBuffer(size, true);
      return;
    }
    // Read even when it is only written: a size that the memory does not have must not be allocated.
    const content = this.#memory.read(addr, Math.min(size, field.most ?? size)) ?? this.#readElements(field, addr);
    fields[field.name] = content ?? new BadBuffer(size, false);
    if (field.dir !== 'in' && content !== undefined) this.#outs.push({ addr, bytes: content });
  }

  /** Keys and values of a batch: as many as there are, because a batch ends where the map does. */
  #readElements(field: AttrField, addr: bigint): Uint8Array | undefined {
    if (field.size !== 'keys' && field.size !== 'values') return undefined;
    const sizes = this.#objects.mapSizes(this.#at('map_fd'));
    const each = field.size === 'keys' ? sizes?.key : sizes?.value;
    if (each === undefined) return undefined;
    let good = 0;
    let bad = this.#at('count');
    let content: Uint8Array | undefined;
    while (bad - good > 1) {
      const middle = Math.floor((good + bad) / 2);
      const part = this.#memory.read(addr, middle * each);
      if (part === undefined) bad = middle;
      else {
        good = middle;
        content = part;
      }
    }
    return content;
  }

  #at(name: string): number {
    return this.#view.getUint32(this.#layout.fields.find((f) => f.name === name)?.off ?? 0, true);
  }

  /** Bytes of a buffer: from its length field, or from the map that the attribute names. */
  #bufferSize(field: AttrField): number {
    const view = this.#view;
    if (field.lenAt !== undefined) {
      const unit = typeof field.unit === 'object' ? view.getUint32(field.unit.at, true) : (field.unit ?? 1);
      // Records of no size are there all the same, for the command to refuse.
      return view.getUint32(field.lenAt, true) * Math.max(1, unit);
    }
    if (field.size === 'fds') {
      const used = highestFdIndex(this.#fields.insns) + 1;
      return 4 * Math.max(1, view.getUint32(FD_ARRAY_CNT_AT, true), used);
    }
    const sizes = this.#objects.mapSizes(this.#at('map_fd'));
    if (sizes === undefined) return 0;
    if (field.size === 'keys') return sizes.key * this.#at('count');
    if (field.size === 'values') return sizes.value * this.#at('count');
    return sizes[field.size ?? 'key'];
  }

  #infoBuffers(): void {
    const fields = this.#fields;
    const kind = this.#objects.infoKind(Number(fields.bpf_fd));
    const struct = fields.info;
    if (kind === undefined || !(struct instanceof Uint8Array)) return;
    const view = new DataView(struct.buffer, struct.byteOffset, struct.byteLength);
    const buffers: Record<string, Uint8Array> = {};
    const layout: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
    for (const field of layout) {
      const count = layout.find((f) => f.name === field.count);
      if (field.kind !== 'ptr' || count === undefined || count.off + 4 > struct.length) continue;
      const addr = field.off + 8 > struct.length ? 0n : view.getBigUint64(field.off, true);
      const size = view.getUint32(count.off, true) * (field.elem ?? 1);
      // An address without a length is refused of some.
      if (size === 0 && addr === 0n) continue;
      const content = addr === 0n ? undefined : this.#memory.read(addr, size);
      buffers[field.name] = content ?? new BadBuffer(size, addr === 0n);
      if (content !== undefined) this.#outs.push({ addr, bytes: content });
    }
    fields.kind = kind;
    fields.buffers = buffers;
  }

  finish(): number {
    const view = this.#view;
    const fields = this.#fields;
    for (const field of this.#layout.fields) {
      if (field.dir === 'in') continue;
      if (field.kind === 'u32') view.setUint32(field.off, Number(fields[field.name] ?? 0), true);
      else if (field.kind === 'u64')
        view.setBigUint64(field.off, BigInt((fields[field.name] as bigint | undefined) ?? 0n), true);
      else if (field.lenName !== undefined && field.lenAt !== undefined)
        view.setUint32(field.lenAt, Number(fields[field.lenName] ?? 0), true);
    }
    this.#given.set(this.#bytes.subarray(0, Math.min(this.#given.length, BPF_ATTR_SIZE)));
    for (const { addr, bytes } of this.#outs) if (!this.#memory.write(addr, bytes)) return -ERRNO.EFAULT;
    return 0;
  }
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

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
