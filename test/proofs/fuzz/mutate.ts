/** Changes of a binary that keep most of its structure: fields, rows and tables, edited where they lie. */
import type { Rng } from '../differential/rng.ts';
import type { Table } from './tables.ts';

/** An input that is changed many times, and where its fields lie. */
export interface Base {
  readonly bytes: Uint8Array;
  readonly tables: readonly Table[];
  readonly how: string;
}

const EDGES = [0, 1, 2, 7, 8, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
/** Control characters, quotes, and letters that mean something in a name. */
const LETTERS = [0, 0x0a, 0x1b, 0x22, 0x2e, 0x2f, 0x3a, 0x3f, 0x5c, 0x61, 0x7f, 0x9b, 0xff];

/** A changed copy. */
export function mutate(rng: Rng, base: Base): Uint8Array {
  let out = base.bytes.slice();
  if (base.tables.length === 0 || out.length < 16) return garbage(rng, out);
  const view = new DataView(out.buffer);
  for (let n = rng.pick([1, 1, 1, 2, 2, 3, 5, 12]); n > 0; n--) {
    const table = rng.pick(base.tables);
    const what = rng.below(100);
    if (what < 60) editCell(rng, view, table);
    else if (what < 75) copyRow(rng, out, table);
    else if (what < 82) repeatRow(rng, out, table);
    else if (what < 88) swapRows(rng, out, table);
    else if (what < 92) out.fill(0, ...span(rng, table));
    else garbage(rng, out);
  }
  if (rng.chance(5)) out = out.slice(0, rng.below(out.length));
  return out;
}

/** One field becomes an edge, a neighbour of what it was, or what the same field of another row is. */
function editCell(rng: Rng, view: DataView, table: Table): void {
  const [off, bytes] = rng.pick(table.cells);
  const at = rng.pick(table.rows) + off;
  if (table.size === 1) {
    view.setUint8(at, rng.pick(LETTERS));
    return;
  }
  const width = bytes === 8 ? 4 : bytes;
  const old = read(view, at, width);
  const value = rng.weighted<() => number>([
    [30, () => rng.pick(EDGES)],
    [20, () => old + rng.pick([-8, -4, -1, 1, 4, 8])],
    [25, () => read(view, rng.pick(table.rows) + off, width)],
    [10, () => rng.below(table.rows.length + 2)],
    [5, () => old ^ (1 << rng.below(8 * width))],
    [5, () => view.byteLength + rng.pick([-8, -1, 0, 1])],
    [5, () => rng.u32()],
  ])();
  write(view, at, width, value);
  if (bytes === 8 && rng.chance(5)) write(view, at + 4, 4, rng.pick([1, 0x7fffffff, 0xffffffff]));
}

function read(view: DataView, at: number, width: number): number {
  if (width === 1) return view.getUint8(at);
  return width === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
}

function write(view: DataView, at: number, width: number, value: number): void {
  if (width === 1) view.setUint8(at, value);
  else if (width === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
}

function copyRow(rng: Rng, out: Uint8Array, table: Table): void {
  const from = rng.pick(table.rows);
  out.copyWithin(rng.pick(table.rows), from, from + table.size);
}

/** A run of rows becomes one and the same. */
function repeatRow(rng: Rng, out: Uint8Array, table: Table): void {
  const from = rng.pick(table.rows);
  const first = rng.below(table.rows.length);
  for (let i = first; i < Math.min(table.rows.length, first + 64); i++)
    out.copyWithin(table.rows[i], from, from + table.size);
}

function swapRows(rng: Rng, out: Uint8Array, table: Table): void {
  const [a, b] = [rng.pick(table.rows), rng.pick(table.rows)];
  const kept = out.slice(a, a + table.size);
  out.copyWithin(a, b, b + table.size);
  out.set(kept, b);
}

function span(rng: Rng, table: Table): [number, number] {
  const at = rng.pick(table.rows);
  return [at, at + table.size];
}

/** Some bytes anywhere. */
function garbage(rng: Rng, out: Uint8Array): Uint8Array {
  for (let n = rng.between(1, 4); n > 0 && out.length > 0; n--) out[rng.below(out.length)] = rng.below(256);
  return out;
}
