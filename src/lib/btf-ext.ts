/** .BTF.ext: function, line and CO-RE records by section (struct btf_ext_header). */
import type { Btf } from '../btf/btf.ts';
import { FormatError } from '../util/errors.ts';

export interface ExtRecord {
  /** Byte offset in its code section. */
  readonly offset: number;
  /** The 32-bit words after the offset, as far as this loader knows them. */
  readonly words: readonly number[];
}
/** Records by section name, in order of offset. */
export type ExtTable = Map<string, ExtRecord[]>;

export interface BtfExt {
  readonly funcs: ExtTable;
  readonly lines: ExtTable;
  readonly coreRelos: ExtTable;
}

const HEADER = 24;
const bad = (offset: number, detail: string): FormatError => new FormatError('BTF.ext', offset, detail);

/** Parses the section; the names in it lie in `btf`. Throws FormatError('BTF.ext', offset, ...). */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER) throw bad(0, `a header of ${HEADER} bytes was expected, the section has ${bytes.length}`);
  const le = view.getUint16(0, true) === 0xeb9f;
  if (!le && view.getUint16(0, false) !== 0xeb9f)
    throw bad(0, `magic 0x${view.getUint16(0, true).toString(16)} found, 0xeb9f expected`);
  if (bytes[2] !== 1) throw bad(2, `version ${bytes[2]} found, 1 expected`);
  const headerLength = view.getUint32(4, le);
  if (headerLength < HEADER || headerLength > bytes.length)
    throw bad(4, `header length ${headerLength} found, ${HEADER} or more expected`);
  const table = (field: number, minimum: number): ExtTable => {
    if (field + 8 > headerLength) return new Map();
    const start = headerLength + view.getUint32(field, le);
    const end = start + view.getUint32(field + 4, le);
    if (end > bytes.length) throw bad(field, `a table ends at ${end}, the section at ${bytes.length}`);
    return readTable(view, le, start, end, minimum, btf);
  };
  return { funcs: table(8, 8), lines: table(16, 16), coreRelos: table(24, 16) };
}

function readTable(view: DataView, le: boolean, start: number, end: number, minimum: number, btf: Btf): ExtTable {
  const out: ExtTable = new Map();
  if (start === end) return out;
  if (end - start < 4) throw bad(start, 'the record size is cut off');
  const size = view.getUint32(start, le);
  if (size < minimum || size % 4 !== 0)
    throw bad(start, `record size ${size} found, a multiple of 4 from ${minimum} on expected`);
  for (let at = start + 4; at < end; ) {
    if (at + 8 > end) throw bad(at, 'a section header of the table is cut off');
    const name = btf.str(view.getUint32(at, le));
    const count = view.getUint32(at + 4, le);
    at += 8;
    if (at + count * size > end)
      throw bad(at - 4, `${count} records of ${size} bytes do not fit before the table's end at ${end}`);
    const list = out.get(name) ?? [];
    for (let i = 0; i < count; i++, at += size) {
      const words: number[] = [];
      for (let w = 4; w < minimum; w += 4) words.push(view.getUint32(at + w, le));
      list.push({ offset: view.getUint32(at, le), words });
    }
    out.set(name, list);
  }
  for (const list of out.values()) list.sort((a, b) => a.offset - b.offset);
  return out;
}
