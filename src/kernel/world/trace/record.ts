/** Records of trace events (struct trace_event_raw_*): fields by name, with text and lists of any length behind them. */
import { BTF_INT_SIGNED, BTF_KIND } from '../../../btf/types.ts';
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
  /** Bytes of an integer that lies at a whole byte, 0 of everything else. */
  readonly size: number;
  readonly least: number;
  readonly most: number;
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
      this.#fields.set(name.slice(dynamic.length), this.#field(place, dynamic));
      end = Math.max(end, (place.bit >>> 3) + this.#types.btf.sizeOf(place.type));
    }
    this.end = end;
  }

  #field(place: Place, dynamic: Field['dynamic']): Field {
    const t = this.#types.plain(place.type);
    const whole = t?.kind === BTF_KIND.INT && place.width === 0 && place.bit % 8 === 0;
    if (!whole || t.size > 4) return { place, size: 0, least: 0, most: 0, dynamic };
    const bits = t.size * 8;
    const signed = ((t.int?.encoding ?? 0) & BTF_INT_SIGNED) !== 0;
    const most = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
    return { place, size: t.size, least: signed ? -most - 1 : 0, most, dynamic };
  }

  /** 64-bit words that a record with these values takes. */
  words(values: RecordInput): number {
    let bytes = this.size;
    for (const name of Object.keys(values)) {
      const field = this.#fields.get(name);
      if (field !== undefined && field.dynamic !== '') bytes += 4 + dynamicBytes(values[name], name).length;
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
      if (field.dynamic !== '') next = this.#dynamic(addr, field, dynamicBytes(value, `${this.#what}.${name}`), next);
      else this.#plain(addr, field, value, name);
    }
  }

  #plain(addr: number, { place, size, least, most }: Field, value: StructInput, name: string): void {
    const { u8, u16, i32 } = this.#structs.env.mem;
    const at = addr + (place.bit >>> 3);
    if (size !== 0 && typeof value === 'number' && value >= least && value <= most && Number.isInteger(value)) {
      if (size === 4 && (at & 3) === 0) i32[at >>> 2] = value;
      else if (size === 2 && (at & 1) === 0) u16[at >>> 1] = value;
      else for (let i = 0; i < size; i++) u8[at + i] = value >> (8 * i);
      return;
    }
    const text = (): never => {
      throw new StructError(
        'wrong-type',
        `${this.#what}.${name}`,
        'a pointer takes an address, or a struct of the world',
      );
    };
    const bytes = u8.subarray(addr, addr + this.size);
    fill({ types: this.#types, bytes, text }, place, value, `${this.#what}.${name}`);
  }

  #dynamic(addr: number, { place, dynamic }: Field, bytes: Uint8Array, next: number): number {
    const { u8, view } = this.#structs.env.mem;
    const at = place.bit >>> 3;
    const offset = dynamic === RELATIVE ? next - at - 4 : next;
    view.setUint32(addr + at, ((bytes.length << 16) | offset) >>> 0, true);
    u8.set(bytes, addr + next);
    return next + ((bytes.length + 3) & ~3);
  }

  #unknown(name: string): StructError {
    const known = [...this.#fields.keys()].join(', ') || 'none';
    return new StructError('unknown-member', `${this.#what}.${name}`, `the record has no such field; it has ${known}`);
  }
}

/** Text with its NUL, or bytes. */
function dynamicBytes(value: StructInput, path: string): Uint8Array {
  const bytes = typeof value === 'string' ? utf8.encode(`${value}\0`) : value;
  if (!(bytes instanceof Uint8Array))
    throw new StructError('wrong-type', path, 'a field of any length takes text or bytes');
  if (bytes.length > 0xffff) throw new StructError('out-of-range', path, `${bytes.length} bytes do not fit 65535`);
  return bytes;
}
