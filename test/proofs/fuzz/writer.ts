/** Writing ELF and BTF that no compiler would write: sections that share bytes, names inside of names, counts without sense. */

export interface Section {
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly data: Uint8Array;
  /** Size that the header says; that of the data by default. */
  readonly size?: number;
  readonly link?: number;
  readonly info?: number;
  /** Index of a section whose bytes this one shows. */
  readonly alias?: number;
}

export const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, NOBITS: 8, REL: 9 } as const;
export const ALLOC = 2;
export const EXEC = 4;
export const WRITE = 1;

const encoder = new TextEncoder();

/** NUL-terminated texts; `at` gives offsets, the same one for the same text. */
export class Strings {
  readonly #at = new Map<string, number>();
  readonly #parts: Uint8Array[] = [new Uint8Array(1)];
  length = 1;

  at(text: string): number {
    if (text === '') return 0;
    let at = this.#at.get(text);
    if (at === undefined) {
      at = this.length;
      this.#at.set(text, at);
      const bytes = encoder.encode(`${text}\0`);
      this.#parts.push(bytes);
      this.length += bytes.length;
    }
    return at;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

/** Sections as an ELF64 object; the section names lie in a section that is added at the end. */
export function writeElf(sections: readonly Section[], names: Strings): Uint8Array {
  const strtab: Section = { name: names.at('.shstrtab'), type: SHT.STRTAB, flags: 0, data: new Uint8Array(0) };
  const all = [{ ...strtab, type: 0, name: 0 }, ...sections, { ...strtab, data: names.bytes() }];
  const offsets: number[] = [];
  let end = 64;
  for (const s of all) {
    offsets.push(s.alias === undefined ? end : offsets[s.alias]);
    if (s.alias === undefined) end = (end + s.data.length + 7) & ~7;
  }
  const out = new Uint8Array(end + all.length * 64);
  const view = new DataView(out.buffer);
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, 247, true);
  view.setUint32(40, end, true);
  view.setUint16(58, 64, true);
  const many = all.length >= 0xff00;
  view.setUint16(60, many ? 0 : all.length, true);
  view.setUint16(62, many ? 0xffff : all.length - 1, true);
  all.forEach((s, i) => {
    if (s.alias === undefined) out.set(s.data, offsets[i]);
    const at = end + i * 64;
    const first = i === 0 && many;
    [s.name, s.type, s.flags, 0, 0, 0, offsets[i], 0].forEach((v, k) => {
      view.setUint32(at + k * 4, v, true);
    });
    view.setUint32(at + 32, first ? all.length : (s.size ?? s.data.length), true);
    view.setUint32(at + 40, first ? all.length - 1 : (s.link ?? 0), true);
    view.setUint32(at + 44, s.info ?? 0, true);
  });
  return out;
}

/** Words as little-endian bytes. */
export function wordBytes(words: readonly number[]): Uint8Array {
  const out = new Uint8Array(words.length * 4);
  const view = new DataView(out.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i], true);
  return out;
}

/** Types as they are given, with strings that may be anything. */
export class RawBtf {
  readonly words: number[] = [];
  readonly strings = new Strings();
  count = 0;

  /** Name (text or offset), kind, number of items, size or type, and what follows. */
  type(name: string | number, kind: number, vlen: number, third: number, rest: readonly number[] = []): number {
    this.words.push(typeof name === 'number' ? name : this.strings.at(name), (kind << 24) | vlen, third);
    for (const w of rest) this.words.push(w);
    return ++this.count;
  }

  bytes(strings: Uint8Array = this.strings.bytes()): Uint8Array {
    const types = wordBytes(this.words);
    const out = new Uint8Array(24 + types.length + strings.length);
    out.set(wordBytes([0x0001eb9f, 24, 0, types.length, types.length, strings.length]));
    out.set(types, 24);
    out.set(strings, 24 + types.length);
    return out;
  }
}
