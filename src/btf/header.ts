/** The BTF header and the walk that indexes where each type begins (struct btf_header, struct btf_type). */
import { FormatError } from '../util/errors.ts';
import { BTF_KIND } from './types.ts';

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
/** Bytes of struct btf_header. */
export const BTF_HEADER_SIZE = 24;
/** Largest type id and string offset that the kernel takes (BTF_MAX_TYPE, BTF_MAX_NAME_OFFSET). */
export const BTF_MAX_TYPE = 0x000fffff;
export const BTF_MAX_NAME_OFFSET = 0x00ffffff;

/** Words (32 bits each) that follow struct btf_type: `[fixed, per vlen]`, by kind. */
export const BTF_KIND_WORDS: readonly (readonly [fixed: number, perItem: number])[] = (() => {
  const rows: [number, number][] = [];
  for (const kind of Object.values(BTF_KIND)) rows[kind] = [0, 0];
  rows[BTF_KIND.INT] = [1, 0];
  rows[BTF_KIND.ARRAY] = [3, 0];
  rows[BTF_KIND.STRUCT] = [0, 3];
  rows[BTF_KIND.UNION] = [0, 3];
  rows[BTF_KIND.ENUM] = [0, 2];
  rows[BTF_KIND.FUNC_PROTO] = [0, 2];
  rows[BTF_KIND.VAR] = [1, 0];
  rows[BTF_KIND.DATASEC] = [0, 3];
  rows[BTF_KIND.DECL_TAG] = [1, 0];
  rows[BTF_KIND.ENUM64] = [0, 3];
  return rows;
})();

export interface BtfHeader {
  readonly littleEndian: boolean;
  readonly headerLength: number;
  /** Offsets from the start of the file. */
  readonly typeStart: number;
  readonly typeLength: number;
  readonly strStart: number;
  readonly strLength: number;
}

const bad = (offset: number, detail: string): FormatError => new FormatError('BTF', offset, detail);

/** Reads the header in either byte order and checks that both sections lie inside the file. */
export function readBtfHeader(bytes: Uint8Array, split: boolean): BtfHeader {
  if (bytes.length < BTF_HEADER_SIZE) {
    throw bad(0, `a header of ${BTF_HEADER_SIZE} bytes was expected, the data ends after ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = view.getUint16(0, true) === BTF_MAGIC;
  if (!littleEndian && view.getUint16(0, false) !== BTF_MAGIC) {
    throw bad(0, `magic 0x${view.getUint16(0, true).toString(16)} found, 0xeb9f expected`);
  }
  if (view.getUint8(2) !== BTF_VERSION) throw bad(2, `version ${view.getUint8(2)} found, 1 expected`);
  const u32 = (at: number): number => view.getUint32(at, littleEndian);
  const headerLength = u32(4);
  if (headerLength < BTF_HEADER_SIZE || headerLength > bytes.length) {
    throw bad(4, `header length ${headerLength} found, ${BTF_HEADER_SIZE} to ${bytes.length} expected`);
  }
  const [typeOff, typeLength, strOff, strLength] = [u32(8), u32(12), u32(16), u32(20)];
  if (typeOff & 3) throw bad(8, `type section offset ${typeOff} is not a multiple of 4`);
  const body = bytes.length - headerLength;
  if (typeOff + typeLength > body)
    throw bad(8, `type section ${typeOff}+${typeLength} exceeds the ${body} bytes there are`);
  if (strOff + strLength > body)
    throw bad(16, `string section ${strOff}+${strLength} exceeds the ${body} bytes there are`);
  const strStart = headerLength + strOff;
  if (strLength === 0 ? !split : bytes[strStart + strLength - 1] !== 0) {
    throw bad(16, 'the string section does not end with a NUL byte');
  }
  if (!split && bytes[strStart] !== 0) throw bad(strStart, 'the string section does not begin with a NUL byte');
  return { littleEndian, headerLength, typeStart: headerLength + typeOff, typeLength, strStart, strLength };
}

/** The type section as 32-bit words in host order: every field of every kind is one word. */
export function readTypeWords(bytes: Uint8Array, header: BtfHeader): Uint32Array {
  const count = header.typeLength >>> 2;
  const words = new Uint32Array(count);
  const hostIsLittle = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
  if (header.littleEndian === hostIsLittle) {
    new Uint8Array(words.buffer).set(bytes.subarray(header.typeStart, header.typeStart + count * 4));
    return words;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + header.typeStart, count * 4);
  for (let i = 0; i < count; i++) words[i] = view.getUint32(i * 4, header.littleEndian);
  return words;
}

/** Word index of each type in file order. Throws where a type is of an unknown kind or runs over the end. */
export function indexTypes(words: Uint32Array, header: BtfHeader): Uint32Array {
  const index = new Uint32Array(Math.floor(words.length / 3));
  // Flat, and nothing but sums in the loop: it runs over a whole kernel's types in the interpreter of a cold start.
  const fixed = new Uint8Array(32);
  const perItem = new Uint8Array(32);
  BTF_KIND_WORDS.forEach((row, kind) => {
    fixed[kind] = kind === 0 ? 0 : 3 + row[0];
    perItem[kind] = row[1];
  });
  const end = words.length;
  let count = 0;
  let at = 0;
  while (at + 3 <= end) {
    const info = words[at + 1];
    const kind = (info >>> 24) & 0x1f;
    const length = fixed[kind];
    if (length === 0) {
      throw bad(header.typeStart + at * 4 + 4, `kind ${kind} of type number ${count + 1} is unknown`);
    }
    index[count++] = at;
    at += length + perItem[kind] * (info & 0xffff);
  }
  if (at > end) {
    const last = header.typeStart + index[count - 1] * 4;
    throw bad(last, `type number ${count} runs over the end of the type section`);
  }
  if (at < end) throw bad(header.typeStart + at * 4, 'the type section ends inside a type');
  if (header.typeLength & 3) throw bad(header.typeStart + at * 4, 'the type section ends inside a type');
  return index.subarray(0, count);
}
