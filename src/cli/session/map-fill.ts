/** Fills maps and global variables from JSON: typed by BTF, or bytes as bpftool writes them. */
import { encodeValue, type BtfInput } from '../../btf/value.ts';
import type { Collection } from '../../lib/collection.ts';
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { BpfError } from '../../lib/errors.ts';
import type { BpfMap } from '../../lib/map.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import { unknownName } from '../shell/command.ts';
import { InputError, UsageError } from '../shell/exit.ts';
import { parseJson } from './exact-json.ts';

/** One element to write. */
interface Element {
  readonly key: BtfInput | undefined;
  readonly value: BtfInput;
}

/** Writes the elements that a JSON document lists into a map; gives how many. */
export function fillMap(source: string, collection: Collection, name: string, document: unknown): number {
  const map = collection.maps.get(name);
  if (map === undefined) throw unknownName('map', name, [...collection.maps.keys()], 'run');
  const elements = elementsOf(source, document);
  elements.forEach((element, i) => {
    try {
      writeElement(collection, map, element);
    } catch (e) {
      if (e instanceof TypeError || e instanceof BpfError)
        throw new InputError(source, `element ${i} of map ${name}: ${e.message}`);
      throw e;
    }
  });
  return elements.length;
}

/** `[{key, value}]`, `[value]` by index, or `{key: value}`. */
function elementsOf(source: string, document: unknown): Element[] {
  if (Array.isArray(document))
    return document.map((item, i) => {
      try {
        return elementOf(item, i);
      } catch (e) {
        if (e instanceof TypeError) throw new InputError(source, `element ${i}: ${e.message}`);
        throw e;
      }
    });
  if (typeof document === 'object' && document !== null)
    return Object.entries(document).map(([key, value]) => ({ key, value: value as BtfInput }));
  throw new InputError(source, 'an array of {key, value}, or an object of keys and values, was expected');
}

/** Members of an element, as bpftool writes them too. */
const ELEMENT: readonly string[] = ['key', 'value', 'values', 'formatted'];

function elementOf(item: unknown, index: number): Element {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return { key: index, value: item as BtfInput };
  const { key, value, values } = item as { key?: BtfInput; value?: BtfInput; values?: { value: BtfInput }[] };
  const other = Object.keys(item).find((name) => !ELEMENT.includes(name));
  // Without a key it is a value, whose struct may have a member of these names.
  if (other !== undefined && key === undefined) return { key: index, value: item as BtfInput };
  if (other !== undefined && (value !== undefined || values !== undefined))
    throw new TypeError(`there is no ${other}: an element has a key, and a value or values`);
  if (values !== undefined) return { key, value: values.map((each) => hexList(each.value)) };
  if (value !== undefined) return { key, value };
  return { key: index, value: item as BtfInput };
}

/** bpftool's `["0x0a", "00"]`, as bytes; anything else as it is. */
function hexList(value: BtfInput): BtfInput {
  if (!Array.isArray(value) || value.length === 0) return value;
  const bytes = value.every((v) => typeof v === 'string' && /^0x[0-9a-f]{1,2}$/i.test(v));
  return bytes ? Uint8Array.from(value, Number) : value;
}

function writeElement(collection: Collection, map: BpfMap, { key, value }: Element): void {
  const keyBytes =
    map.spec.keySize === 0 ? new Uint8Array(0) : asBytes(key ?? 0, map.spec.keySize, (k) => map.encodeKey(k));
  map.updateBytes(keyBytes, elementValue(collection, map, value));
}

function elementValue(collection: Collection, map: BpfMap, value: BtfInput): Uint8Array {
  if (typeof value === 'string' && map.spec.type === M.BPF_MAP_TYPE_PROG_ARRAY)
    return u32(collection.program(value).fd);
  if (
    typeof value === 'string' &&
    (map.spec.type === M.BPF_MAP_TYPE_ARRAY_OF_MAPS || map.spec.type === M.BPF_MAP_TYPE_HASH_OF_MAPS)
  )
    return u32(collection.map(value).fd);
  return asBytes(value, map.valueBytes, (v) => map.encodeValue(v));
}

/** By the type where it fits, and as a list of bytes where it does not. */
function asBytes(given: BtfInput, size: number, encode: (value: BtfInput) => Uint8Array): Uint8Array {
  const value = numeric(hexList(given));
  if (value instanceof Uint8Array && value.length !== size)
    throw new TypeError(`${value.length} bytes found, ${size} expected`);
  try {
    return encode(value);
  } catch (e) {
    const bytes =
      Array.isArray(value) &&
      value.length === size &&
      value.every((b) => Number.isInteger(b) && Number(b) >= 0 && Number(b) < 256);
    if (bytes) return Uint8Array.from(value as number[]);
    throw e;
  }
}

/** Longest text that is meant as a number. */
const MAX_DIGITS = 64;

/** Keys of JSON objects are text; a number in it is meant as one. Enumerators and texts stay. */
function numeric(value: BtfInput): BtfInput {
  if (typeof value !== 'string' || value.length > MAX_DIGITS || !/^(0x[0-9a-f]+|-?\d+)$/i.test(value)) return value;
  return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value);
}

const u32 = (v: number): Uint8Array => new Uint8Array([v, v >>> 8, v >>> 16, v >>> 24]);

/** Sets a global variable before loading, so that constants too take the new value. */
export function setVariable(spec: CollectionSpec, name: string, text: string): void {
  for (const map of spec.maps.values()) {
    const variable = map.variables.find((v) => v.name === name);
    if (variable === undefined) continue;
    if (map.origin === 'kconfig')
      throw new UsageError(`--set ${name}: it is the kernel's configuration, not the program's`, 'run');
    map.contents ??= new Uint8Array(map.valueSize);
    if (variable.offset + variable.size > map.contents.length)
      throw new InputError('', `variable ${name} exceeds its map of ${map.contents.length} bytes`);
    const value = looseValue(text);
    try {
      const bytes =
        spec.btf && variable.typeId
          ? encodeValue(spec.btf, variable.typeId, value, variable.size)
          : rawNumber(value, variable.size);
      map.contents.set(bytes, variable.offset);
    } catch (e) {
      if (e instanceof TypeError) throw new UsageError(`--set ${name}: ${e.message}`, 'run');
      throw e;
    }
    return;
  }
  const known = [...spec.maps.values()].flatMap((m) => m.variables.map((v) => v.name));
  throw unknownName('global variable', name, known, 'run');
}

/** A number, `true`, JSON, or else text. */
function looseValue(text: string): BtfInput {
  if (/^(0x[0-9a-f]+|-?\d+)$/i.test(text)) return numeric(text);
  if (!/^[[{"]|^(true|false)$/.test(text)) return text;
  return parseJson(text, text) as BtfInput;
}

function rawNumber(value: BtfInput, size: number): Uint8Array {
  if (typeof value !== 'bigint') throw new TypeError('without BTF it can only be a number');
  const out = new Uint8Array(size);
  for (let i = 0, v = BigInt.asUintN(size * 8, value); i < size; i++, v >>= 8n) out[i] = Number(v & 255n);
  return out;
}
