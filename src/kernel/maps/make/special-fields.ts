/** Which bytes of a value updates may write: everything between the special fields (copy_map_value). */
import type { BtfRecord } from '../../../btf/record.ts';

/** Ranges [offset, length] outside the special fields, in order. */
export function copyRanges(record: BtfRecord, valueSize: number): [number, number][] {
  const out: [number, number][] = [];
  let at = 0;
  for (const field of record.fields) {
    if (field.offset > at) out.push([at, field.offset - at]);
    at = Math.max(at, field.offset + field.size);
  }
  if (at < valueSize) out.push([at, valueSize - at]);
  return out;
}
