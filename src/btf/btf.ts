/** A parsed BTF object: lazily indexed types of a program, a module or a whole kernel. */
import { Budget } from '../util/budget.ts';
import { FormatError } from '../util/errors.ts';
import { BTF_VOID, decodeType } from './decode.ts';
import { type BtfHeader, indexTypes, readBtfHeader, readTypeWords } from './header.ts';
import { buildNameIndex, essentialName, type NameIndex, nameChain, nameEquals } from './name-index.ts';
import { BTF_KIND, type BtfType } from './types.ts';

/** Chains longer than this are followed once; shorter ones are followed faster than remembered. */
const REMEMBERED = 8;
/** Longest chain of modifiers, typedefs and arrays that is followed; the kernel stops at 32 (MAX_RESOLVE_DEPTH). */
const MAX_CHAIN = 128;
/** MAX_RESOLVE_DEPTH. */
const RESOLVE_DEPTH = 32;
/** Links of a chain of the name index that are followed before all names are decoded. */
const LONG = 1000;
/** Questions by name that are answered by scanning, before an index pays. */
const SCANS_BEFORE_INDEX = 3;

/** Kinds whose third word is the size of a value. */
const SIZED: ReadonlySet<number> = new Set([
  BTF_KIND.INT,
  BTF_KIND.STRUCT,
  BTF_KIND.UNION,
  BTF_KIND.ENUM,
  BTF_KIND.ENUM64,
  BTF_KIND.FLOAT,
  BTF_KIND.DATASEC,
]);

const utf8 = new TextEncoder();

/** Parsed BTF: types by id and by name, sizes, members. Parsing throws FormatError. */
export class Btf {
  /** Parses and checks the header and the extent of each type; types are decoded on first use. `base` makes it split BTF. */
  static parse(bytes: Uint8Array, base?: Btf): Btf {
    // A plain view: subclasses such as Node's Buffer change what `slice` means.
    return new Btf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), base);
  }

  /** Number of types, void (id 0) included; ids of split BTF continue the base's. */
  readonly nrTypes: number;
  /** First id of this object's own types: 1, or the base's nrTypes. */
  readonly startId: number;
  readonly header: BtfHeader;
  /** First string offset of this object's own strings: 0, or the end of the base's. */
  readonly strStartOff: number;
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #decoded = new Map<number, BtfType>();
  readonly #texts = new Map<number, string>();
  /** Names that are suffixes of each other may come to far more than the strings. */
  readonly #textBudget: Budget;
  readonly #ends = new Map<number, number>();
  readonly #sizes = new Map<number, number>();
  readonly #found = new Map<string, number>();
  #scans = 0;
  #names: NameIndex | undefined;
  #exact: Map<string, number> | undefined;
  #essential: Map<string, number[]> | undefined;
  #tags: Map<number, number[]> | undefined;
  readonly #tagTexts = new Map<number, Map<number, string[]>>();

  private constructor(
    readonly bytes: Uint8Array,
    readonly base: Btf | undefined,
  ) {
    this.header = readBtfHeader(bytes, base !== undefined);
    this.#words = readTypeWords(bytes, this.header);
    this.#index = indexTypes(this.#words, this.header);
    this.#strings = bytes.subarray(this.header.strStart, this.header.strStart + this.header.strLength);
    this.#textBudget = new Budget('BTF', bytes.length);
    this.startId = base ? base.nrTypes : 1;
    this.strStartOff = base ? base.strEndOff : 0;
    this.nrTypes = this.startId + this.#index.length;
  }

  /** First string offset beyond this object's strings. */
  get strEndOff(): number {
    return this.strStartOff + this.#strings.length;
  }

  /** The decoded type, or undefined beyond the end. Id 0 is void (kind UNKN). */
  type(id: number): BtfType | undefined {
    if (id < this.startId) return id === 0 ? BTF_VOID : this.base?.type(id);
    const known = this.#decoded.get(id);
    if (known !== undefined) return known;
    const at = this.#index[id - this.startId];
    if (at === undefined) return undefined;
    const type = decodeType(this.#words, at, id, (off) => this.str(off));
    this.#decoded.set(id, type);
    return type;
  }

  /** The words of an own type (struct btf_type and what follows), undefined for other ids. */
  typeWords(id: number): Uint32Array | undefined {
    const i = id - this.startId;
    if (i < 0 || i >= this.#index.length) return undefined;
    return this.#words.subarray(this.#index[i], this.#index[i + 1] ?? this.#words.length);
  }

  /** The words of all own types, one after the other. */
  get allWords(): Uint32Array {
    return this.#words;
  }

  /** Where an own type begins in {@link allWords}, -1 for other ids. */
  wordIndex(id: number): number {
    return this.#index[id - this.startId] ?? -1;
  }

  /** Byte offset in the file of an own type, -1 for other ids. */
  typeOffset(id: number): number {
    const at = this.#index[id - this.startId];
    return at === undefined ? -1 : this.header.typeStart + at * 4;
  }

  /** Kind without decoding the rest; 0 beyond the end. */
  kind(id: number): number {
    if (id < this.startId) return this.base ? this.base.kind(id) : 0;
    const at = this.#index[id - this.startId];
    return at === undefined ? 0 : (this.#words[at + 1] >>> 24) & 0x1f;
  }

  name(id: number): string {
    if (id < this.startId) return this.base ? this.base.name(id) : '';
    const at = this.#index[id - this.startId];
    return at === undefined ? '' : this.str(this.#words[at]);
  }

  /** String at an offset of the string section. Throws FormatError for an offset beyond it. */
  str(off: number): string {
    if (off === 0) return '';
    if (off < this.strStartOff) return (this.base as Btf).str(off);
    const known = this.#texts.get(off);
    if (known !== undefined) return known;
    const start = off - this.strStartOff;
    if (start >= this.#strings.length) {
      throw new FormatError('BTF', this.header.strStart, `string offset ${off} lies beyond the end, ${this.strEndOff}`);
    }
    const text = readCString(this.#strings, start, this.#textBudget);
    this.#texts.set(off, text);
    return text;
  }

  /** First type of that name and kind, 0 when there is none (btf_find_by_name_kind). */
  find(name: string, kind: number): number {
    if (this.base) {
      const id = this.base.find(name, kind);
      if (id > 0) return id;
    }
    const key = `${kind}:${name}`;
    let id = this.#found.get(key);
    if (id === undefined) {
      id = this.#names || ++this.#scans > SCANS_BEFORE_INDEX ? this.#lookup(name, kind) : this.#scan(name, kind);
      this.#found.set(key, id);
    }
    return id;
  }

  /** Own and base types whose name without flavour (`___x`) is `essential`, in id order. */
  withEssentialName(essential: string): number[] {
    const out = this.base ? this.base.withEssentialName(essential) : [];
    const own: number[] = [];
    const index = this.#nameIndex();
    let links = 0;
    for (let i = nameChain(index, utf8.encode(essential)); i >= 0; i = index.next[i]) {
      if (++links > LONG) return [...out, ...(this.#essentialNames().get(essential) ?? [])];
      const id = this.startId + i;
      if (essentialName(this.name(id)) === essential) own.push(id);
    }
    return [...out, ...own];
  }

  /** Types by essential name: made where names collide in the index, which they can be made to do. */
  #essentialNames(): Map<string, number[]> {
    if (this.#essential) return this.#essential;
    const all = new Map<string, number[]>();
    for (let id = this.startId; id < this.nrTypes; id++) {
      const name = this.name(id);
      if (name === '') continue;
      const essential = essentialName(name);
      const list = all.get(essential);
      if (list) list.push(id);
      else all.set(essential, [id]);
    }
    this.#essential = all;
    return all;
  }

  /** Id after typedefs and modifiers (const, volatile, restrict, type tags) are skipped (btf_type_skip_modifiers). */
  skipModifiers(id: number): number {
    const first = id;
    for (let i = 0; i < MAX_CHAIN; i++) {
      if (i === REMEMBERED) {
        const known = this.#ends.get(first);
        if (known !== undefined) return known;
      }
      switch (this.kind(id)) {
        case BTF_KIND.TYPEDEF:
        case BTF_KIND.VOLATILE:
        case BTF_KIND.CONST:
        case BTF_KIND.RESTRICT:
        case BTF_KIND.TYPE_TAG:
          id = this.ref(id);
          break;
        default:
          if (i > REMEMBERED) this.#ends.set(first, id);
          return id;
      }
    }
    this.#ends.set(first, 0);
    return 0;
  }

  /** Third word of a type: the type it refers to, or its size. */
  ref(id: number): number {
    if (id < this.startId) return this.base ? this.base.ref(id) : 0;
    const at = this.#index[id - this.startId];
    return at === undefined ? 0 : this.#words[at + 2];
  }

  /** Size in bytes of a type, or -1. */
  sizeOf(id: number): number {
    const first = id;
    let count = 1;
    for (let i = 0; i < MAX_CHAIN; i++) {
      if (i === REMEMBERED) {
        const known = this.#sizes.get(first);
        if (known !== undefined) return known;
      }
      id = this.skipModifiers(id);
      const kind = this.kind(id);
      if (kind === BTF_KIND.ARRAY) {
        const array = this.type(id)?.array;
        if (array === undefined) break;
        count *= array.nelems;
        id = array.elemType;
      } else if (kind === BTF_KIND.VAR) id = this.ref(id);
      else {
        const size = kind === BTF_KIND.PTR ? 8 : SIZED.has(kind) ? this.ref(id) : -1;
        const whole = size < 0 ? -1 : bounded(count * size);
        if (i > REMEMBERED) this.#sizes.set(first, whole);
        return whole;
      }
      if (count > 0xffffffff) break;
    }
    this.#sizes.set(first, -1);
    return -1;
  }

  /** Size in bytes of a type behind at most 32 typedefs, modifiers and arrays, or -1 (btf_resolve_size). */
  resolveSize(id: number): number {
    let at = id;
    for (let i = 0; i < RESOLVE_DEPTH; i++) {
      const kind = this.kind(at);
      if (kind === BTF_KIND.ARRAY) at = this.type(at)?.array?.elemType ?? 0;
      else if (kind === BTF_KIND.TYPEDEF || kind === BTF_KIND.TYPE_TAG || isQualifier(kind)) at = this.ref(at);
      else return this.sizeOf(id);
    }
    return -1;
  }

  /** Byte offset and size of a member path (`['rxq', 'dev']` follows embedded and anonymous members, not pointers), or undefined. */
  memberOffset(structId: number, path: string): { offset: number; size: number; type: number } | undefined;
  memberOffset(structId: number, path: readonly string[]): { offset: number; size: number; type: number } | undefined;
  memberOffset(structId: number, path: string | readonly string[]) {
    const names = typeof path === 'string' ? path.split('.') : path;
    let id = structId;
    let offset = 0;
    for (const name of names) {
      const found = this.#member(id, name);
      if (found === undefined) return undefined;
      offset += found.offset;
      id = found.type;
    }
    return { offset, size: this.sizeOf(id), type: id };
  }

  /** decl_tag values on a type, member or parameter (component -1: the type itself). */
  declTags(id: number, component: number): readonly string[] {
    let texts = this.#tagTexts.get(id);
    if (texts === undefined) {
      texts = new Map();
      for (const tag of this.declTagIds(id)) {
        const at = this.type(tag)?.componentIdx ?? -1;
        const list = texts.get(at);
        if (list) list.push(this.name(tag));
        else texts.set(at, [this.name(tag)]);
      }
      this.#tagTexts.set(id, texts);
    }
    return texts.get(component) ?? [];
  }

  /** Ids of the DECL_TAG types that point at `id`, in id order. */
  declTagIds(id: number): number[] {
    const own = this.#tagIndex().get(id) ?? [];
    return this.base && id < this.startId ? [...this.base.declTagIds(id), ...own] : own;
  }

  #tagIndex(): Map<number, number[]> {
    if (this.#tags) return this.#tags;
    const tags = new Map<number, number[]>();
    for (let i = 0; i < this.#index.length; i++) {
      const at = this.#index[i];
      if (((this.#words[at + 1] >>> 24) & 0x1f) !== BTF_KIND.DECL_TAG) continue;
      const target = this.#words[at + 2];
      const list = tags.get(target);
      if (list) list.push(this.startId + i);
      else tags.set(target, [this.startId + i]);
    }
    this.#tags = tags;
    return tags;
  }

  /** One named member of a struct or union, looked for in anonymous members too (breadth first). */
  #member(structId: number, name: string): { offset: number; type: number } | undefined {
    const queue: { id: number; offset: number }[] = [{ id: this.skipModifiers(structId), offset: 0 }];
    for (let i = 0; i < queue.length && i < 4096; i++) {
      const type = this.type(queue[i].id);
      if (type?.kind !== BTF_KIND.STRUCT && type?.kind !== BTF_KIND.UNION) continue;
      for (const m of type.members) {
        const offset = queue[i].offset + (m.bitOffset >>> 3);
        if (m.name === name) return { offset, type: m.type };
        if (m.name === '') queue.push({ id: this.skipModifiers(m.type), offset });
      }
    }
    return undefined;
  }

  #nameAt(i: number): number {
    const off = this.#words[this.#index[i]];
    if (off === 0 || off < this.strStartOff) return -1;
    return off < this.strEndOff ? off - this.strStartOff : -1;
  }

  #scan(name: string, kind: number): number {
    const wanted = utf8.encode(name);
    if (wanted.length === 0) return 0;
    for (let i = 0; i < this.#index.length; i++) {
      if (((this.#words[this.#index[i] + 1] >>> 24) & 0x1f) === kind && this.#isNamed(i, wanted, name))
        return this.startId + i;
    }
    return 0;
  }

  #lookup(name: string, kind: number): number {
    const wanted = utf8.encode(name);
    const index = this.#nameIndex();
    let links = 0;
    for (let i = nameChain(index, utf8.encode(essentialName(name))); i >= 0; i = index.next[i]) {
      if (++links > LONG) return this.#exactNames().get(`${kind}:${name}`) ?? 0;
      if (((this.#words[this.#index[i] + 1] >>> 24) & 0x1f) === kind && this.#isNamed(i, wanted, name))
        return this.startId + i;
    }
    return 0;
  }

  /** First types by kind and name, for names that collide in the index. */
  #exactNames(): Map<string, number> {
    if (this.#exact) return this.#exact;
    const all = new Map<string, number>();
    for (let id = this.nrTypes - 1; id >= this.startId; id--) all.set(`${this.kind(id)}:${this.name(id)}`, id);
    this.#exact = all;
    return all;
  }

  /** Whether the i-th own type has this name; names of split BTF may lie in the base's strings. */
  #isNamed(i: number, bytes: Uint8Array, text: string): boolean {
    const at = this.#nameAt(i);
    if (at >= 0) return nameEquals(this.#strings, at, bytes);
    return this.base !== undefined && this.str(this.#words[this.#index[i]]) === text;
  }

  #nameIndex(): NameIndex {
    if (!this.#names) {
      const strings = this.base ? this.#flatNames() : undefined;
      const budget = new Budget('BTF', this.bytes.length);
      this.#names = strings
        ? buildNameIndex(this.#index.length, strings.bytes, (i) => strings.at[i], budget)
        : buildNameIndex(this.#index.length, this.#strings, (i) => this.#nameAt(i), budget);
    }
    return this.#names;
  }

  /** Names of split BTF, whose strings lie in two sections, as one buffer. */
  #flatNames(): { bytes: Uint8Array; at: Int32Array } {
    const at = new Int32Array(this.#index.length).fill(-1);
    const placed = new Map<number, number>();
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < at.length; i++) {
      const off = this.#words[this.#index[i]];
      if (off === 0) continue;
      let place = placed.get(off);
      if (place === undefined) {
        placed.set(off, (place = length));
        const text = utf8.encode(`${this.str(off)}\0`);
        parts.push(text);
        length += text.length;
      }
      at[i] = place;
    }
    const bytes = new Uint8Array(length);
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    return { bytes, at };
  }
}

const isQualifier = (kind: number): boolean => kind >= BTF_KIND.VOLATILE && kind <= BTF_KIND.RESTRICT;

const bounded = (size: number): number => (size <= 0xffffffff ? size : -1);

const decoder = new TextDecoder();

/** The NUL-terminated text at `start`; the end of the data ends it too. `budget` counts its length. */
export function readCString(bytes: Uint8Array, start: number, budget?: Budget): string {
  let end = start;
  let ascii = true;
  while (end < bytes.length && bytes[end] !== 0) if (bytes[end++] >= 0x80) ascii = false;
  budget?.spend(end - start, 'names');
  if (ascii && end - start < 64) return asciiText(bytes, start, end);
  return decoder.decode(bytes.subarray(start, end));
}

/** Short texts: a view and a decoder cost several times their characters. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let out = '';
  let i = start;
  for (; i + 4 <= end; i += 4) out += String.fromCharCode(bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]);
  for (; i < end; i++) out += String.fromCharCode(bytes[i]);
  return out;
}
