/** .BTF.ext: function, line and CO-RE records by section (struct btf_ext_header). */
import type { Btf } from '../btf/btf.ts';
import { FormatError } from '../util/errors.ts';

/** Records of one code section, in order of offset: columns, since an object may have a hundred thousand. */
export class ExtRecords {
  /** @param rows byte offset in the code section, then the words behind it as far as this loader knows them */
  constructor(
    readonly rows: Uint32Array,
    readonly width: number,
  ) {}

  get length(): number {
    return this.rows.length / this.width;
  }

  /** Byte offset of a record in its code section. */
  offset(i: number): number {
    return this.rows[i * this.width];
  }

  /** A word behind the offset, from 0. */
  word(i: number, k: number): number {
    return this.rows[i * this.width + 1 + k];
  }

  /** Index of the first record from a byte offset on. */
  first(offset: number): number {
    let [lo, hi] = [0, this.length];
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.offset(mid) < offset) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
export type ExtTable = ReadonlyMap<string, ExtRecords>;

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
    return readTable(view, le, { start, end, minimum }, btf);
  };
  return { funcs: table(8, 8), lines: table(16, 16), coreRelos: table(24, 16) };
}

/** A table of the section: where it lies, and the least size of its records. */
interface Extent {
  readonly start: number;
  readonly end: number;
  readonly minimum: number;
}

function readTable(view: DataView, le: boolean, { start, end, minimum }: Extent, btf: Btf): ExtTable {
  const lists = new Map<string, Uint32Array[]>();
  if (start === end) return new Map();
  if (end - start < 4) throw bad(start, 'the record size is cut off');
  const size = view.getUint32(start, le);
  if (size < minimum || size % 4 !== 0)
    throw bad(start, `record size ${size} found, a multiple of 4 from ${minimum} on expected`);
  const width = minimum / 4;
  for (let at = start + 4; at < end; ) {
    if (at + 8 > end) throw bad(at, 'a section header of the table is cut off');
    const name = btf.str(view.getUint32(at, le));
    const count = view.getUint32(at + 4, le);
    at += 8;
    if (at + count * size > end)
      throw bad(at - 4, `${count} records of ${size} bytes do not fit before the table's end at ${end}`);
    const rows = new Uint32Array(count * width);
    for (let i = 0; i < rows.length; at += size)
      for (let w = 0; w < width; w++) rows[i++] = view.getUint32(at + 4 * w, le);
    const list = lists.get(name);
    if (list) list.push(rows);
    else lists.set(name, [rows]);
  }
  const out = new Map<string, ExtRecords>();
  for (const [name, list] of lists) out.set(name, new ExtRecords(sorted(joined(list), width), width));
  return out;
}

function joined(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0];
  const out = new Uint32Array(lists.reduce((n, l) => n + l.length, 0));
  let at = 0;
  for (const l of lists) {
    out.set(l, at);
    at += l.length;
  }
  return out;
}

/** Rows in order of their first word, equal ones as they were; compilers write them so. */
function sorted(rows: Uint32Array, width: number): Uint32Array {
  const n = rows.length / width;
  let inOrder = true;
  for (let i = 1; i < n && inOrder; i++) inOrder = rows[(i - 1) * width] <= rows[i * width];
  if (inOrder) return rows;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => rows[a * width] - rows[b * width]);
  const out = new Uint32Array(rows.length);
  order.forEach((from, to) => {
    out.set(rows.subarray(from * width, (from + 1) * width), to * width);
  });
  return out;
}
