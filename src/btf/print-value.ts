/** Values printed by their type: JSON as `bpftool map dump` writes it, or C initialisers. 64-bit numbers are exact in both. */
import { FormatError } from '../util/errors.ts';
import type { Btf } from './btf.ts';
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, BTF_KIND, type BtfType } from './types.ts';
import { bitsOf, isChar, readBits } from './value.ts';
import { partsOf, Walk } from './walk.ts';

export interface PrintOptions {
  readonly format?: 'json' | 'c';
  /** Spaces of one level; 0 prints on one line. */
  readonly indent?: number;
}

/** Parts of a value, before it is laid out. */
type Node =
  | { readonly kind: 'text'; readonly json: string; readonly c: string }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'struct'; readonly members: readonly (readonly [name: string, value: Node])[] };

/** Prints one value. Bytes beyond the end read as 0. Throws FormatError for types without values. */
export function printValue(btf: Btf, typeId: number, bytes: Uint8Array, options: PrintOptions = {}): string {
  const node = build({ btf, bytes, walk: new Walk(partsOf(bytes.length)) }, typeId, 0, 0);
  return options.format === 'c' ? layoutC(node, options.indent ?? 0, 0) : layoutJson(node, options.indent ?? 0, 0);
}

const text = (json: string, c = json): Node => ({ kind: 'text', json, c });
const number = (v: bigint): Node => text(String(v));
const hex = (v: bigint): Node => text(`"0x${v.toString(16)}"`, `0x${v.toString(16)}`);

/** The bytes that are read, the types that they have, and the work so far. */
interface Source {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
  readonly walk: Walk;
}

/** The value at a bit offset; `width` is that of a bit field, or 0. */
function build(from: Source, typeId: number, bit: number, width: number): Node {
  from.walk.enter();
  const out = buildKind(from, typeId, bit, width);
  from.walk.leave();
  return out;
}

function buildKind(from: Source, typeId: number, bit: number, width: number): Node {
  const { btf, bytes, walk } = from;
  const t = btf.type(btf.skipModifiers(typeId));
  switch (t?.kind) {
    case BTF_KIND.INT:
      return buildInt(t, bytes, bit, width);
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64: {
      const v = readBits(bytes, bit, bitsOf(t, width), t.kindFlag);
      const known = walk.enumerators(t).byValue.get(v);
      return known ? text(JSON.stringify(known.name), known.name) : number(v);
    }
    case BTF_KIND.PTR: {
      const v = readBits(bytes, bit, 64, false);
      return text(String(v), `0x${v.toString(16)}`);
    }
    case BTF_KIND.FLOAT: {
      const view = new DataView(Uint8Array.from({ length: 8 }, (_, i) => bytes[(bit >>> 3) + i] ?? 0).buffer);
      const v = t.size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
      return text(Number.isFinite(v) ? String(v) : `"${v}"`, String(v));
    }
    case BTF_KIND.ARRAY:
      return buildArray(from, t, bit);
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      return {
        kind: 'struct',
        members: t.members.map((m) => [m.name, buildMember(from, m.type, bit + m.bitOffset, m.bitfieldSize)]),
      };
    case BTF_KIND.VAR:
      return build(from, t.type, bit, 0);
    case BTF_KIND.DATASEC:
      return {
        kind: 'struct',
        members: t.vars.map((v) => [btf.name(v.type), build(from, v.type, bit + v.offset * 8, 0)]),
      };
    default:
      throw new FormatError('BTF', -1, `type ${typeId} (kind ${t?.kind ?? 0}) has no values`);
  }
}

/** Bit fields print in hexadecimal, whatever their sign. */
function buildMember(from: Source, type: number, bit: number, width: number): Node {
  return width > 0 ? hex(readBits(from.bytes, bit, width, false)) : build(from, type, bit, 0);
}

function buildInt(t: BtfType, bytes: Uint8Array, bit: number, width: number): Node {
  const encoding = t.int?.encoding ?? 0;
  const bits = bitsOf(t, width);
  const v = readBits(bytes, bit + (t.int?.bitOffset ?? 0), bits, (encoding & BTF_INT_SIGNED) !== 0);
  if (encoding & BTF_INT_BOOL) return text(v === 0n ? 'false' : 'true');
  if (bits > 64 || ![8, 16, 32, 64].includes(bits)) return hex(BigInt.asUintN(bits, v));
  if (encoding & BTF_INT_CHAR) {
    const printable = v >= 32n && v < 127n;
    return printable
      ? text(JSON.stringify(String.fromCharCode(Number(v))), `'${String.fromCharCode(Number(v))}'`)
      : number(v);
  }
  return number(v);
}

function buildArray(from: Source, t: BtfType, bit: number): Node {
  const { btf, bytes, walk } = from;
  const { elemType, nelems } = t.array as NonNullable<BtfType['array']>;
  const at = bit >>> 3;
  if (isChar(btf, elemType)) {
    const part = bytes.subarray(at, at + nelems);
    walk.step(part.length);
    const string = printable(part);
    if (string !== undefined) return text(JSON.stringify(string));
  }
  const size = btf.sizeOf(elemType);
  if (size < 0) throw new FormatError('BTF', -1, `array element type ${elemType} has no size`);
  const count = Math.min(nelems, size === 0 ? 0 : Math.ceil(Math.max(0, bytes.length - at) / size));
  const items: Node[] = [];
  for (let i = 0; i < count; i++) items.push(build(from, elemType, bit + i * size * 8, 0));
  return { kind: 'list', items };
}

const ascii = new TextDecoder('latin1');

/** Text up to the first NUL, when there is one and all before it prints. */
function printable(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0) return ascii.decode(bytes.subarray(0, i));
    if (bytes[i] < 32 || bytes[i] >= 127) return undefined;
  }
  return undefined;
}

function layoutJson(node: Node, indent: number, level: number): string {
  if (node.kind === 'text') return node.json;
  const parts =
    node.kind === 'list'
      ? node.items.map((n) => layoutJson(n, indent, level + 1))
      : node.members.map(
          ([name, n]) => `${JSON.stringify(name)}:${indent ? ' ' : ''}${layoutJson(n, indent, level + 1)}`,
        );
  return wrap(node.kind === 'list' ? '[]' : '{}', parts, indent, level, '');
}

function layoutC(node: Node, indent: number, level: number): string {
  if (node.kind === 'text') return node.c;
  const parts =
    node.kind === 'list'
      ? node.items.map((n) => layoutC(n, indent, level + 1))
      : node.members.map(([name, n]) =>
          name ? `.${name} = ${layoutC(n, indent, level + 1)}` : layoutC(n, indent, level + 1),
        );
  // Lists of plain numbers stay on one line, as one writes them.
  const flat = node.kind === 'list' && node.items.every((n) => n.kind === 'text');
  return wrap('{}', parts, flat ? 0 : indent, level, ' ');
}

function wrap(brackets: '[]' | '{}', parts: readonly string[], indent: number, level: number, space: string): string {
  const [open, close] = brackets;
  if (parts.length === 0) return open + close;
  if (indent === 0) return `${open}${space}${parts.join(`,${space}`)}${space}${close}`;
  const pad = ' '.repeat(indent * (level + 1));
  return `${open}\n${pad}${parts.join(`,\n${pad}`)}\n${' '.repeat(indent * level)}${close}`;
}
