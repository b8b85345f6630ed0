/** Records of trace events (struct trace_event_raw_*): fields by name, with text and lists of any length behind them. */
import { holds, type PlainInt, plainInt, writePlain } from './plain-int.ts';
import { fill, type StructInput } from '../struct-fill.ts';
import { type Place, StructError, type StructTypes } from '../struct-types.ts';
import type { Structs } from '../struct-view.ts';

/** Fields of a record; those that are left out are 0. Text and bytes for those of any length. */
export interface RecordInput {
  readonly [field: string]: StructInput;
}

/** Members that tell where a field of any length lies: its offset below, its bytes above 16 bits. */
const DYNAMIC = '__data_loc_';
/** The same, with an offset from the member's own end. */
const RELATIVE = '__rel_loc_';
/** What every record begins with; programs do not see it. */
const HEADER = 'ent';
const WORD = 8;

interface Field {
  readonly place: Place;
  readonly plain: PlainInt | undefined;
  readonly dynamic: '' | typeof DYNAMIC | typeof RELATIVE;
}

const utf8 = new TextEncoder();

export class RecordType {
  readonly #structs: Structs;
  readonly #types: StructTypes;
  readonly #what: string;
  readonly #fields = new Map<string, Field>();
  /** Bytes up to the fields of any length. */
  readonly size: number;
  /** Bytes up to the end of the last field: programs read no further. */
  readonly end: number;

  /**
   * @param type BTF id of the struct
   * @param what the event, for errors
   */
  constructor(structs: Structs, type: number, what: string) {
    this.#structs = structs;
    this.#types = structs.types(what);
    this.#what = what;
    this.size = this.#types.btf.sizeOf(type);
    let end = 0;
    for (const [name, place] of this.#types.members(type) ?? []) {
      if (name === HEADER || name === '__data') continue;
      const dynamic = name.startsWith(DYNAMIC) ? DYNAMIC : name.startsWith(RELATIVE) ? RELATIVE : '';
      const plain = dynamic === '' ? plainInt(this.#types, place) : undefined;
      this.#fields.set(name.slice(dynamic.length), { place, plain, dynamic });
      end = Math.max(end, (place.bit >>> 3) + this.#types.btf.sizeOf(place.type));
    }
    this.end = end;
  }

  /** 64-bit words that a record with these values takes. */
  words(values: RecordInput): number {
    let bytes = this.size;
    for (const name in values) {
      const field = this.#fields.get(name);
      if (field !== undefined && field.dynamic !== '') bytes += 4 + mostBytes(values[name]);
    }
    return Math.ceil(bytes / WORD) + 1;
  }

  /** Writes a record over zeros. Throws {@link StructError}. */
  write(addr: number, values: RecordInput): void {
    let next = this.size;
    for (const name in values) {
      const value = values[name];
      const field = this.#fields.get(name);
      if (field === undefined) throw this.#unknown(name);
      if (field.dynamic !== '') next = this.#dynamic(addr, field, { value, name, at: next });
      else this.#plain(addr, field, value, name);
    }
  }

  #plain(addr: number, { place, plain }: Field, value: StructInput, name: string): void {
    const { mem } = this.#structs.env;
    if (plain !== undefined && holds(plain, value)) {
      writePlain(mem, addr + (place.bit >>> 3), plain.size, value);
      return;
    }
    const text = (): never => {
      throw new StructError(
        'wrong-type',
        `${this.#what}.${name}`,
        'a pointer takes an address, or a struct of the world',
      );
    };
    const bytes = mem.u8.subarray(addr, addr + this.size);
    fill({ types: this.#types, bytes, text }, place, value, `${this.#what}.${name}`);
  }

  /** Writes what a field of any length holds, and where that is. Gives where the next one's begins. */
  #dynamic(addr: number, { place, dynamic }: Field, { value, name, at: start }: DynamicValue): number {
    const { u8, view } = this.#structs.env.mem;
    const length = writeDynamic(u8, addr + start, value);
    if (length < 0)
      throw new StructError('wrong-type', `${this.#what}.${name}`, 'a field of any length takes text or bytes');
    if (length > MOST_DYNAMIC)
      throw new StructError('out-of-range', `${this.#what}.${name}`, `${length} bytes do not fit ${MOST_DYNAMIC}`);
    const at = place.bit >>> 3;
    const offset = dynamic === RELATIVE ? start - at - 4 : start;
    view.setUint32(addr + at, ((length << 16) | offset) >>> 0, true);
    return start + ((length + 3) & ~3);
  }

  #unknown(name: string): StructError {
    const known = [...this.#fields.keys()].join(', ') || 'none';
    return new StructError('unknown-member', `${this.#what}.${name}`, `the record has no such field; it has ${known}`);
  }
}

/** What goes into a field of any length, and where. */
interface DynamicValue {
  readonly value: StructInput;
  readonly name: string;
  readonly at: number;
}

/** PERF_MAX_TRACE_SIZE: no record is longer. */
const MOST_DYNAMIC = 8192;
/** Bytes of UTF-8 for one of a string's units, at most. */
const UTF8_UNIT = 3;

/** Room that a value may take; what does not fit is refused when it is written. */
function mostBytes(value: StructInput): number {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) return 0;
  return Math.min(typeof value === 'string' ? value.length * UTF8_UNIT + 1 : value.length, MOST_DYNAMIC);
}

/** Writes text with its NUL, or bytes: how many they are, though no more than fit are written; -1 for other values. */
function writeDynamic(u8: Uint8Array, at: number, value: StructInput): number {
  if (typeof value === 'string') return writeText(u8, at, value);
  if (!(value instanceof Uint8Array)) return -1;
  if (value.length <= MOST_DYNAMIC) u8.set(value, at);
  return value.length;
}

function writeText(u8: Uint8Array, at: number, text: string): number {
  const { length } = text;
  if (length < MOST_DYNAMIC) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      u8[at + i] = unit;
    }
    if (i === length) {
      u8[at + length] = 0;
      return length + 1;
    }
  }
  const bytes = utf8.encode(text);
  if (bytes.length < MOST_DYNAMIC) {
    u8.set(bytes, at);
    u8[at + bytes.length] = 0;
  }
  return bytes.length + 1;
}
