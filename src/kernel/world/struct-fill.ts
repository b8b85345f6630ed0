/** Writes plain values into kernel structs by BTF: nested structs, arrays, bit fields, enumerators by name, text, pointers. */
import { BTF_INT_BOOL, BTF_INT_SIGNED, BTF_KIND, type BtfType } from '../../btf/types.ts';
import { writeBits } from '../../btf/value.ts';
import { type Place, StructError, type StructTypes } from './struct-types.ts';

/** What pointers are set to: something in guest memory, by its address and its type. */
export class Pointee {
  /** Guest address. */
  readonly addr: number;
  /** BTF id of what lies there. */
  readonly type: number;

  constructor(addr: number, type: number) {
    this.addr = addr;
    this.type = type;
  }
}

/**
 * What a member takes. Numbers and bigints for integers and addresses, names for enumerators, booleans, text for arrays of char
 * and `char *`, null for no pointer, bytes and lists for arrays, objects for structs (members that are left out keep what they have).
 */
export type StructInput =
  | number
  | bigint
  | boolean
  | string
  | null
  | Uint8Array
  | Pointee
  | readonly StructInput[]
  | { readonly [member: string]: StructInput };

export interface FillEnv {
  readonly types: StructTypes;
  /** The struct's bytes. */
  readonly bytes: Uint8Array;
  /** Guest address of a copy of the text, with its NUL, that lives as long as the struct. */
  text(bytes: Uint8Array): number;
}

/** Pointers are 64 bits wide. */
const POINTER_BITS = 64;
/** Deepest nesting of values. */
const MAX_DEPTH = 64;

const utf8 = new TextEncoder();

/** Whether text is made of them: char, and unsigned char of names in the file system. */
function isByte(types: StructTypes, id: number): boolean {
  const t = types.plain(id);
  return t?.kind === BTF_KIND.INT && t.size === 1 && ((t.int?.encoding ?? 0) & BTF_INT_BOOL) === 0;
}

/** Writes a value at a place. Throws {@link StructError}; what came before stays written. */
export function fill(env: FillEnv, place: Place, value: StructInput, path: string, depth = 0): void {
  const { types } = env;
  const t = types.plain(place.type);
  if (depth > MAX_DEPTH) throw new StructError('wrong-type', path, `values nest more than ${MAX_DEPTH} deep`);
  switch (t?.kind) {
    case BTF_KIND.INT:
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      writeBits(
        env.bytes,
        place.bit + (t.int?.bitOffset ?? 0),
        bitsOf(t, place),
        integer(types, t, place, value, path),
      );
      return;
    case BTF_KIND.PTR:
      writeBits(env.bytes, place.bit, POINTER_BITS, pointer(env, t, value, path));
      return;
    case BTF_KIND.ARRAY:
      fillArray(env, place, value, path, depth);
      return;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      fillMembers(env, place, value, path, depth);
      return;
    default:
      throw new StructError('wrong-type', path, `${types.describe(place.type)} cannot be set`);
  }
}

function fillMembers(env: FillEnv, place: Place, value: StructInput, path: string, depth: number): void {
  if (value instanceof Uint8Array) return writeBytes(env, place, value, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Pointee)
    throw new StructError('wrong-type', path, `${env.types.describe(place.type)} takes an object of its members`);
  for (const [name, v] of Object.entries(value as { readonly [member: string]: StructInput }))
    fill(env, env.types.member(place, name, path), v, `${path}.${name}`, depth + 1);
}

function fillArray(env: FillEnv, place: Place, value: StructInput, path: string, depth: number): void {
  const { elemType, nelems } = env.types.plain(place.type)!.array!;
  if (value instanceof Uint8Array) return writeBytes(env, place, value, path);
  if (typeof value === 'string' && isByte(env.types, elemType)) {
    const text = utf8.encode(value);
    if (text.length >= nelems)
      throw new StructError('out-of-range', path, `${text.length} bytes of text and a NUL do not fit ${nelems}`);
    writeBytes(env, place, new Uint8Array(nelems), path);
    return writeBytes(env, place, text, path);
  }
  if (!Array.isArray(value))
    throw new StructError('wrong-type', path, `${env.types.describe(place.type)} takes a list`);
  (value as readonly StructInput[]).forEach((v, i) => {
    fill(env, env.types.element(place, i, path), v, `${path}[${i}]`, depth + 1);
  });
}

function writeBytes(env: FillEnv, place: Place, bytes: Uint8Array, path: string): void {
  const room = Math.max(0, env.types.btf.sizeOf(place.type));
  if (bytes.length > room) throw new StructError('out-of-range', path, `${bytes.length} bytes do not fit ${room}`);
  env.bytes.set(bytes, place.bit >>> 3);
}

const bitsOf = (t: BtfType, place: Place): number => place.width || t.int?.bits || t.size * 8;

function integer(types: StructTypes, t: BtfType, place: Place, value: StructInput, path: string): bigint {
  const wanted = (): string => (t.kind === BTF_KIND.INT ? 'an integer' : 'an integer or the name of an enumerator');
  let v: bigint;
  if (typeof value === 'bigint') v = value;
  else if (typeof value === 'boolean') v = value ? 1n : 0n;
  else if (typeof value === 'number' && Number.isInteger(value)) v = BigInt(value);
  else if (typeof value === 'string' && t.kind !== BTF_KIND.INT) v = enumerator(t, value, path);
  else throw new StructError('wrong-type', path, `${types.describe(place.type)} takes ${wanted()}`);
  const bits = bitsOf(t, place);
  const signed = t.kind === BTF_KIND.INT ? ((t.int?.encoding ?? 0) & BTF_INT_SIGNED) !== 0 : t.kindFlag;
  const most = ((t.int?.encoding ?? 0) & BTF_INT_BOOL) !== 0 ? 1n : (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const least = signed ? -most - 1n : 0n;
  if (v < least || v > most) throw new StructError('out-of-range', path, `${v} is not in ${least}..${most}`);
  return v;
}

function enumerator(t: BtfType, name: string, path: string): bigint {
  const found = t.values.find((v) => v.name === name);
  if (found === undefined) throw new StructError('out-of-range', path, `enum ${t.name} has no ${name}`);
  return found.value;
}

function pointer(env: FillEnv, t: BtfType, value: StructInput, path: string): bigint {
  const { types } = env;
  if (value === null) return 0n;
  if (value instanceof Pointee) {
    const to = types.plain(t.type);
    // Any pointer goes into void *; others say what they lead to, whether or not the struct's body is known.
    const named = to !== undefined && to.name !== '';
    if (named && to.name !== types.plain(value.type)?.name)
      throw new StructError('wrong-type', path, `it leads to ${to.name}, not to ${types.describe(value.type)}`);
    return BigInt(value.addr);
  }
  if (typeof value === 'string' && isByte(types, t.type)) {
    if (value.includes('\0')) throw new StructError('out-of-range', path, 'text ends at its first NUL');
    return BigInt(env.text(utf8.encode(value)));
  }
  const address = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof address !== 'bigint')
    throw new StructError('wrong-type', path, 'a pointer takes a struct of the world, an address or null');
  if (address < 0n || address >> 64n !== 0n) throw new StructError('out-of-range', path, `${address} is no address`);
  return address;
}
