/** Values of BTF types between bytes and JavaScript: numbers to 32 bits, bigints beyond, objects, arrays, strings. */
import { FormatError } from '../util/errors.ts';
import type { Btf } from './btf.ts';
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, BTF_KIND, type BtfType } from './types.ts';
import { partsOf, Walk } from './walk.ts';

/** A value read by its BTF type. Char arrays that hold text are strings, structs objects, everything 64-bit a bigint. */
export type BtfValue = number | bigint | boolean | string | BtfValue[] | { [member: string]: BtfValue };
/** A value to write as a BTF type: also raw bytes, names of enumerators, and objects without some members (0). */
export type BtfInput =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly BtfInput[]
  | { readonly [member: string]: BtfInput };

/** Whether an array of this type is text. */
export function isChar(btf: Btf, id: number): boolean {
  const t = btf.type(btf.skipModifiers(id));
  return (
    t?.kind === BTF_KIND.INT && t.size === 1 && (t.name === 'char' || ((t.int?.encoding ?? 0) & BTF_INT_CHAR) !== 0)
  );
}

/** Reads `count` bits at a bit offset, little-endian. */
export function readBits(bytes: Uint8Array, bitOffset: number, count: number, signed: boolean): bigint {
  let out = 0n;
  const first = bitOffset >>> 3;
  const last = (bitOffset + count + 7) >>> 3;
  for (let i = last - 1; i >= first; i--) out = (out << 8n) | BigInt(bytes[i] ?? 0);
  out = BigInt.asUintN(count, out >> BigInt(bitOffset & 7));
  return signed ? BigInt.asIntN(count, out) : out;
}

/** Writes the low `count` bits of a value at a bit offset, little-endian. */
export function writeBits(bytes: Uint8Array, bitOffset: number, count: number, value: bigint): void {
  let v = BigInt.asUintN(count, value);
  for (let at = bitOffset, left = count; left > 0; ) {
    const inside = at & 7;
    const n = Math.min(8 - inside, left);
    const mask = ((1 << n) - 1) << inside;
    bytes[at >>> 3] = (bytes[at >>> 3] & ~mask) | ((Number(v & 0xffn) << inside) & mask);
    v >>= BigInt(n);
    at += n;
    left -= n;
  }
}

const isWide = (t: BtfType): boolean => t.size > 4;

/** Sets a member without ever meaning the prototype. */
function put(object: { [member: string]: BtfValue }, name: string, value: BtfValue): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

/** Decodes one value of a type. Bytes beyond the end read as 0. `walk` counts the parts of several values together. */
export function decodeValue(
  btf: Btf,
  typeId: number,
  bytes: Uint8Array,
  walk: Walk = new Walk(partsOf(bytes.length)),
): BtfValue {
  return decodeAt({ btf, bytes, walk }, typeId, 0, 0);
}

/** Decodes what lies at a place inside of `bytes`: a type, where its first bit is, and the width of a bit field, 0 of other members. */
export function decodePlace(
  btf: Btf,
  { type, bit, width }: { readonly type: number; readonly bit: number; readonly width: number },
  bytes: Uint8Array,
): BtfValue {
  return decodeAt({ btf, bytes, walk: new Walk(partsOf(bytes.length)) }, type, bit, width);
}

/** Most bits of an integer. */
const MAX_BITS = 128;

/** Bits of an integer, enumerator or bit field; no compiler makes wider ones, and hostile BTF could say a gigabyte. */
export function bitsOf(t: BtfType, width: number): number {
  const bits = width || t.int?.bits || t.size * 8;
  if (bits > MAX_BITS)
    throw new FormatError('BTF', -1, `type ${t.id} is an integer of ${bits} bits, ${MAX_BITS} are the most`);
  return bits;
}

/** The bytes that are read, the types that they have, and the work so far. */
interface Source {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
  readonly walk: Walk;
}

/** The value at a bit offset; `width` is that of a bit field, or 0. */
function decodeAt(from: Source, typeId: number, bit: number, width: number): BtfValue {
  from.walk.enter();
  const out = decodeKind(from, typeId, bit, width);
  from.walk.leave();
  return out;
}

function decodeKind(from: Source, typeId: number, bit: number, width: number): BtfValue {
  const { btf, bytes } = from;
  const t = btf.type(btf.skipModifiers(typeId));
  switch (t?.kind) {
    case BTF_KIND.INT: {
      const encoding = t.int?.encoding ?? 0;
      const count = bitsOf(t, width);
      const first = bit + (t.int?.bitOffset ?? 0);
      // Most values by far are the bytes of arrays.
      if (count === 8 && (first & 7) === 0 && encoding === 0 && !isWide(t)) return bytes[first / 8] ?? 0;
      const v = readBits(bytes, first, count, (encoding & BTF_INT_SIGNED) !== 0);
      if (encoding & BTF_INT_BOOL) return v !== 0n;
      return isWide(t) ? v : Number(v);
    }
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64: {
      const v = readBits(bytes, bit, bitsOf(t, width), t.kindFlag);
      return isWide(t) ? v : Number(v);
    }
    case BTF_KIND.PTR:
      return readBits(bytes, bit, 64, false);
    case BTF_KIND.FLOAT:
      return readFloat(bytes, bit >>> 3, t.size);
    case BTF_KIND.ARRAY:
      return decodeArray(from, t, bit);
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      const out: { [member: string]: BtfValue } = {};
      for (const m of t.members) {
        const v = decodeAt(from, m.type, bit + m.bitOffset, m.bitfieldSize);
        if (m.name !== '') put(out, m.name, v);
        else if (typeof v === 'object' && !Array.isArray(v))
          for (const [name, inner] of Object.entries(v)) put(out, name, inner);
      }
      return out;
    }
    case BTF_KIND.VAR:
      return decodeAt(from, t.type, bit, 0);
    case BTF_KIND.DATASEC: {
      const out: { [member: string]: BtfValue } = {};
      for (const v of t.vars) put(out, btf.name(v.type), decodeAt(from, v.type, bit + v.offset * 8, 0));
      return out;
    }
    default:
      throw new FormatError('BTF', -1, `type ${typeId} (kind ${t?.kind ?? 0}) has no values`);
  }
}

function readFloat(bytes: Uint8Array, at: number, size: number): number {
  const copy = new Uint8Array(8);
  copy.set(bytes.subarray(at, at + Math.min(size, 8)));
  const view = new DataView(copy.buffer);
  return size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

function decodeArray(from: Source, t: BtfType, bit: number): BtfValue {
  const { btf, bytes, walk } = from;
  const { elemType, nelems } = t.array as NonNullable<BtfType['array']>;
  const size = btf.sizeOf(elemType);
  if (size < 0) throw new FormatError('BTF', -1, `array element type ${elemType} has no size`);
  const at = bit >>> 3;
  if (isChar(btf, elemType)) {
    const part = bytes.subarray(at, at + nelems);
    walk.step(part.length);
    const text = asText(part);
    if (text !== undefined) return text;
  }
  const count = Math.min(nelems, size === 0 ? 0 : Math.ceil((bytes.length - at) / size));
  const out: BtfValue[] = [];
  for (let i = 0; i < count; i++) out.push(decodeAt(from, elemType, bit + i * size * 8, 0));
  return out;
}

const strict = new TextDecoder('utf-8', { fatal: true });

/** Text up to the first NUL when the rest is NUL too and it is valid UTF-8 without control characters. */
function asText(bytes: Uint8Array): string | undefined {
  let end = bytes.indexOf(0);
  if (end < 0) end = bytes.length;
  for (let i = end; i < bytes.length; i++) if (bytes[i] !== 0) return undefined;
  for (let i = 0; i < end; i++) if (bytes[i] < 32 && bytes[i] !== 9 && bytes[i] !== 10) return undefined;
  try {
    return strict.decode(bytes.subarray(0, end));
  } catch {
    return undefined;
  }
}

/** Encodes a value as `size` bytes of a type (by default the type's own size). Throws TypeError for what does not fit the type. */
export function encodeValue(
  btf: Btf,
  typeId: number,
  value: BtfInput,
  size: number = Math.max(0, btf.sizeOf(typeId)),
): Uint8Array {
  const out = new Uint8Array(size);
  encodeAt({ btf, out, walk: new EncodeWalk() }, { type: typeId, bit: 0, width: 0 }, value, '');
  return out;
}

/** The bytes that are written, the types that they get, and the work so far. */
interface Target {
  readonly btf: Btf;
  readonly out: Uint8Array;
  readonly walk: EncodeWalk;
}

/** `path` names the value in messages: `a.b[3]`, or nothing for the whole. */
function encodeAt(to: Target, place: Place, value: BtfInput, path: string): void {
  to.walk.enter();
  encodeKind(to, place, value, path);
  to.walk.leave();
}

function encodeKind(to: Target, { type: typeId, bit, width }: Place, value: BtfInput, path: string): void {
  const { btf, out, walk } = to;
  const where = path === '' ? 'the value' : path;
  const t = btf.type(btf.skipModifiers(typeId));
  if (t === undefined) throw new TypeError(`${where}: type ${typeId} does not exist`);
  // Members that BTF places behind the end of their struct.
  const need = (bytes: number): void => {
    if (bit / 8 + bytes > out.length)
      throw new TypeError(`${where}: it lies beyond the ${out.length} bytes of the whole`);
  };
  if (value instanceof Uint8Array) {
    const room = Math.max(0, btf.sizeOf(typeId));
    if (value.length > room) throw new TypeError(`${where}: ${value.length} bytes do not fit ${room}`);
    need(value.length);
    out.set(value, bit >>> 3);
    return;
  }
  switch (t.kind) {
    case BTF_KIND.INT:
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
    case BTF_KIND.PTR: {
      const bits = t.kind === BTF_KIND.PTR ? width || 64 : bitsOf(t, width);
      need(bits / 8);
      writeBits(out, bit + (t.int?.bitOffset ?? 0), bits, integer(t, value, bits, where, walk));
      return;
    }
    case BTF_KIND.FLOAT: {
      need(t.size === 4 ? 4 : 8);
      const view = new DataView(out.buffer, out.byteOffset);
      if (t.size === 4) view.setFloat32(bit >>> 3, Number(value), true);
      else view.setFloat64(bit >>> 3, Number(value), true);
      return;
    }
    case BTF_KIND.ARRAY:
      encodeArray(to, t, bit, value, where);
      return;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
    case BTF_KIND.DATASEC:
      encodeMembers(to, t, bit, value, path);
      return;
    case BTF_KIND.VAR:
      encodeAt(to, { type: t.type, bit, width: 0 }, value, path);
      return;
    default:
      throw new TypeError(`${where}: a type of kind ${t.kind} has no values`);
  }
}

function integer(t: BtfType, value: BtfInput, bits: number, where: string, walk: Walk): bigint {
  let v: bigint;
  if (typeof value === 'bigint') v = value;
  else if (typeof value === 'boolean') v = value ? 1n : 0n;
  else if (typeof value === 'number' && Number.isInteger(value)) v = BigInt(value);
  else if (typeof value === 'string') v = fromText(t, value, where, walk);
  else throw new TypeError(`${where}: an integer was expected`);
  if (v < -(1n << BigInt(bits - 1)) || v >= 1n << BigInt(bits))
    throw new TypeError(`${where}: ${v} does not fit ${bits} bits`);
  return v;
}

/** Longest text that is taken for a number. */
const MAX_DIGITS = 64;

function fromText(t: BtfType, text: string, where: string, walk: Walk): bigint {
  const known = walk.enumerators(t).byName.get(text);
  if (known) return known.value;
  if (text.length > MAX_DIGITS) throw new TypeError(`${where}: a text of ${text.length} characters is no number`);
  if (/^-?\d+$/.test(text)) return BigInt(text);
  if (/^0x[0-9a-f]+$/i.test(text)) return BigInt(text);
  if (t.kind === BTF_KIND.INT && t.size === 1 && text.length === 1) return BigInt(text.charCodeAt(0));
  throw new TypeError(`${where}: "${text}" is neither a number nor an enumerator`);
}

function encodeArray(to: Target, t: BtfType, bit: number, value: BtfInput, where: string): void {
  const { btf, out } = to;
  const { elemType, nelems } = t.array as NonNullable<BtfType['array']>;
  if (typeof value === 'string' && isChar(btf, elemType)) {
    const text = new TextEncoder().encode(value);
    if (text.length > nelems) throw new TypeError(`${where}: ${text.length} bytes of text do not fit ${nelems}`);
    if (bit / 8 + text.length > out.length)
      throw new TypeError(`${where}: it lies beyond the ${out.length} bytes of the whole`);
    out.set(text, bit >>> 3);
    return;
  }
  if (!Array.isArray(value) || value.length > nelems)
    throw new TypeError(`${where}: an array of at most ${nelems} elements was expected`);
  const size = btf.sizeOf(elemType);
  value.forEach((v, i) => {
    encodeAt(to, { type: elemType, bit: bit + i * size * 8, width: 0 }, v, `${where}[${i}]`);
  });
}

interface Place {
  readonly type: number;
  readonly bit: number;
  readonly width: number;
}

class EncodeWalk extends Walk {
  readonly places = new Map<number, Map<string, Place>>();
}

/** {@link findPlaces}, once for each type. */
function places(btf: Btf, t: BtfType, walk: EncodeWalk): Map<string, Place> {
  let known = walk.places.get(t.id);
  if (known === undefined) walk.places.set(t.id, (known = findPlaces(btf, t, walk)));
  return known;
}

/** Members by name, those of anonymous structs and unions included; of variables in a section. */
function findPlaces(btf: Btf, t: BtfType, walk: EncodeWalk): Map<string, Place> {
  const out = new Map<string, Place>();
  for (const v of t.vars) out.set(btf.name(v.type), { type: v.type, bit: v.offset * 8, width: 0 });
  const stack: { t: BtfType; bit: number; depth: number }[] = [{ t, bit: 0, depth: 0 }];
  for (let steps = 0; stack.length > 0; steps++) {
    if (steps > 10_000) throw new FormatError('BTF', -1, `type ${t.id} has too many anonymous members`);
    const top = stack.pop() as { t: BtfType; bit: number; depth: number };
    walk.step(top.t.vlen);
    for (const m of top.t.members) {
      const inner = m.name === '' ? btf.type(btf.skipModifiers(m.type)) : undefined;
      if (inner && top.depth < 64) stack.push({ t: inner, bit: top.bit + m.bitOffset, depth: top.depth + 1 });
      else if (m.name !== '') out.set(m.name, { type: m.type, bit: top.bit + m.bitOffset, width: m.bitfieldSize });
    }
  }
  return out;
}

function encodeMembers(to: Target, t: BtfType, bit: number, value: BtfInput, path: string): void {
  const where = path === '' ? 'the value' : path;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${where}: an object was expected`);
  const known = places(to.btf, t, to.walk);
  for (const [name, v] of Object.entries(value as { readonly [member: string]: BtfInput })) {
    const place = known.get(name);
    if (place === undefined) throw new TypeError(`${where}: there is no member ${name}`);
    const at = { ...place, bit: bit + place.bit };
    encodeAt(to, at, v, path === '' ? name : `${path}.${name}`);
  }
}
