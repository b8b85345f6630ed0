/** Building and rewriting BTF: types are appended under increasing ids, known ones can be patched word by word. */
import { FormatError } from '../util/errors.ts';
import type { Btf } from './btf.ts';
import { BTF_HEADER_SIZE, BTF_MAGIC, BTF_MAX_NAME_OFFSET, BTF_VERSION } from './header.ts';
import { BTF_KIND, type BtfEnumValue, type BtfMember, type BtfParam, type BtfVarSecinfo } from './types.ts';

const utf8 = new TextEncoder();
const NO_WORDS = new Uint32Array(0);

/** The info word of struct btf_type. */
export const btfInfo = (kind: number, vlen: number, kindFlag = false): number =>
  ((kindFlag ? 0x80000000 : 0) | (kind << 24) | (vlen & 0xffff)) >>> 0;

interface More {
  readonly kindFlag?: boolean;
  readonly vlen?: number;
  readonly rest?: readonly number[];
}

export class BtfBuilder {
  /** The object that this one begins with, and the words of its types that were asked for. */
  #first: Btf | undefined;
  readonly #changed = new Map<number, Uint32Array>();
  /** Words of each appended type, in id order. */
  readonly #types: Uint32Array[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #strings: Uint8Array[] = [];
  #strLength = 0;
  #startId: number;
  readonly #strStart: number;

  /** `base` makes split BTF that continues its ids and strings. */
  constructor(readonly base?: Btf) {
    this.#startId = base ? base.nrTypes : 1;
    this.#strStart = base ? base.strEndOff : 0;
    if (!base) this.#append(new Uint8Array(1));
  }

  /** A builder that begins with all types and strings of `btf`, under the same ids and offsets. */
  static from(btf: Btf): BtfBuilder {
    const out = new BtfBuilder(btf.base);
    out.#strings.length = 0;
    out.#strLength = 0;
    out.#append(btf.bytes.slice(btf.header.strStart, btf.header.strStart + btf.header.strLength));
    out.#first = btf;
    out.#startId = btf.nrTypes;
    return out;
  }

  /** Number of types, void and the base's included; the id that the next type gets. */
  get nrTypes(): number {
    return this.#startId + this.#types.length;
  }

  /** The words of an own type, to be read or changed in place. */
  words(id: number): Uint32Array {
    let words = this.#types[id - this.#startId] ?? this.#changed.get(id);
    if (words === undefined && this.#first !== undefined) {
      const own = this.#first.typeWords(id);
      if (own !== undefined) this.#changed.set(id, (words = own.slice()));
    }
    if (words === undefined) throw new RangeError(`type ${id} is not one of this builder's`);
    return words;
  }

  /** Offset of a string, stored once. */
  string(text: string): number {
    if (text === '') return 0;
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const off = this.#strStart + this.#strLength;
    if (off > BTF_MAX_NAME_OFFSET) throw new FormatError('BTF', -1, 'the string section exceeds 16 MiB');
    this.#offsets.set(text, off);
    this.#append(utf8.encode(`${text}\0`));
    return off;
  }

  #append(bytes: Uint8Array): void {
    this.#strings.push(bytes);
    this.#strLength += bytes.length;
  }

  /** Appends a type given as words (struct btf_type and what follows); returns its id. */
  raw(words: readonly number[]): number {
    this.#types.push(Uint32Array.from(words));
    return this.nrTypes - 1;
  }

  /** One type: `third` is its size or a type, `more` the rest of its info word and the words that follow. */
  #simple(kind: number, name: string, third: number, more: More = {}): number {
    const { kindFlag = false, vlen = 0, rest = [] } = more;
    return this.raw([this.string(name), btfInfo(kind, vlen, kindFlag), third, ...rest]);
  }

  int(name: string, size: number, encoding = 0, bits = size * 8, bitOffset = 0): number {
    return this.#simple(BTF_KIND.INT, name, size, { rest: [(encoding << 24) | (bitOffset << 16) | bits] });
  }
  float(name: string, size: number): number {
    return this.#simple(BTF_KIND.FLOAT, name, size);
  }
  ptr(type: number): number {
    return this.#simple(BTF_KIND.PTR, '', type);
  }
  const(type: number): number {
    return this.#simple(BTF_KIND.CONST, '', type);
  }
  volatile(type: number): number {
    return this.#simple(BTF_KIND.VOLATILE, '', type);
  }
  restrict(type: number): number {
    return this.#simple(BTF_KIND.RESTRICT, '', type);
  }
  typedef(name: string, type: number): number {
    return this.#simple(BTF_KIND.TYPEDEF, name, type);
  }
  typeTag(value: string, type: number, attribute = false): number {
    return this.#simple(BTF_KIND.TYPE_TAG, value, type, { kindFlag: attribute });
  }
  declTag(value: string, type: number, componentIdx = -1, attribute = false): number {
    return this.#simple(BTF_KIND.DECL_TAG, value, type, { kindFlag: attribute, rest: [componentIdx >>> 0] });
  }
  fwd(name: string, union = false): number {
    return this.#simple(BTF_KIND.FWD, name, 0, { kindFlag: union });
  }
  array(elemType: number, indexType: number, nelems: number): number {
    return this.#simple(BTF_KIND.ARRAY, '', 0, { rest: [elemType, indexType, nelems] });
  }
  struct(name: string, size: number, members: readonly BtfMember[], union = false): number {
    const bitfields = members.some((m) => m.bitfieldSize > 0);
    const rest = members.flatMap((m) => [
      this.string(m.name),
      m.type,
      bitfields ? ((m.bitfieldSize << 24) | m.bitOffset) >>> 0 : m.bitOffset,
    ]);
    return this.#simple(union ? BTF_KIND.UNION : BTF_KIND.STRUCT, name, size, {
      kindFlag: bitfields,
      vlen: members.length,
      rest,
    });
  }
  union(name: string, size: number, members: readonly BtfMember[]): number {
    return this.struct(name, size, members, true);
  }
  enum(name: string, size: number, values: readonly BtfEnumValue[], signed = false): number {
    const rest = values.flatMap((v) => [this.string(v.name), Number(BigInt.asUintN(32, v.value))]);
    return this.#simple(BTF_KIND.ENUM, name, size, { kindFlag: signed, vlen: values.length, rest });
  }
  enum64(name: string, size: number, values: readonly BtfEnumValue[], signed = false): number {
    const rest = values.flatMap((v) => [
      this.string(v.name),
      Number(BigInt.asUintN(32, v.value)),
      Number(BigInt.asUintN(32, v.value >> 32n)),
    ]);
    return this.#simple(BTF_KIND.ENUM64, name, size, { kindFlag: signed, vlen: values.length, rest });
  }
  funcProto(returnType: number, params: readonly BtfParam[]): number {
    const rest = params.flatMap((p) => [this.string(p.name), p.type]);
    return this.#simple(BTF_KIND.FUNC_PROTO, '', returnType, { vlen: params.length, rest });
  }
  func(name: string, proto: number, linkage: number): number {
    return this.#simple(BTF_KIND.FUNC, name, proto, { vlen: linkage });
  }
  var(name: string, type: number, linkage: number): number {
    return this.#simple(BTF_KIND.VAR, name, type, { rest: [linkage] });
  }
  datasec(name: string, size: number, vars: readonly BtfVarSecinfo[]): number {
    const rest = vars.flatMap((v) => [v.type, v.offset, v.size]);
    return this.#simple(BTF_KIND.DATASEC, name, size, { vlen: vars.length, rest });
  }

  /** The BTF as bytes, by default little-endian. */
  encode(littleEndian = true): Uint8Array {
    const copied = this.#first?.allWords ?? NO_WORDS;
    const typeLength = this.#types.reduce((n, w) => n + w.length * 4, copied.length * 4);
    const out = new Uint8Array(BTF_HEADER_SIZE + typeLength + this.#strLength);
    const view = new DataView(out.buffer);
    view.setUint16(0, BTF_MAGIC, littleEndian);
    view.setUint8(2, BTF_VERSION);
    [BTF_HEADER_SIZE, 0, typeLength, typeLength, this.#strLength].forEach((v, i) => {
      view.setUint32(4 + i * 4, v, littleEndian);
    });
    let at = BTF_HEADER_SIZE;
    const put = (words: Uint32Array): void => {
      for (const w of words) {
        view.setUint32(at, w, littleEndian);
        at += 4;
      }
    };
    put(copied);
    for (const [id, words] of this.#changed) {
      at = BTF_HEADER_SIZE + (this.#first?.wordIndex(id) ?? 0) * 4;
      put(words);
    }
    at = BTF_HEADER_SIZE + copied.length * 4;
    for (const words of this.#types) put(words);
    for (const text of this.#strings) {
      out.set(text, at);
      at += text.length;
    }
    return out;
  }
}
