/** Where the fields of a binary lie: read without trust, once for each input that is changed many times. */

/** Rows of one kind, wherever they are; a row's cells are [offset, bytes]. */
export interface Table {
  readonly name: string;
  /** Offset of each row. */
  readonly rows: readonly number[];
  /** Bytes of a row. */
  readonly size: number;
  readonly cells: readonly (readonly [number, number])[];
}

type Cells = Table['cells'];

const words = (n: number): Cells => Array.from({ length: n }, (_, i) => [4 * i, 4] as const);
const FILE_HEADER: Cells = [
  ...[0, 4, 5, 6].map((at) => [at, 1] as const),
  ...([16, 18, 52, 54, 56, 58, 60, 62] as const).map((at) => [at, 2] as const),
  ...([20, 48] as const).map((at) => [at, 4] as const),
  ...([24, 32, 40] as const).map((at) => [at, 8] as const),
];
const SECTION: Cells = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 8],
  [32, 8],
  [40, 4],
  [44, 4],
  [48, 8],
  [56, 8],
];
const SYMBOL: Cells = [
  [0, 4],
  [4, 1],
  [5, 1],
  [6, 2],
  [8, 8],
  [16, 8],
];
const RELOCATION: Cells = [
  [0, 8],
  [8, 4],
  [12, 4],
];
const INSN: Cells = [
  [0, 1],
  [1, 1],
  [2, 2],
  [4, 4],
];
const TYPE: Cells = [
  [0, 4],
  [4, 2],
  [7, 1],
  [8, 4],
];
const BTF_HEADER: Cells = [[0, 2], [2, 1], [3, 1], ...words(6).slice(1)];
/** Bytes that follow a type of each kind: for each of its items, or [bytes] once. */
const ITEMS: Readonly<Record<number, number | readonly [number]>> = {
  1: [4],
  3: [12],
  4: 12,
  5: 12,
  6: 8,
  13: 8,
  14: [4],
  15: 12,
  17: [4],
  19: 12,
};
const MOST_ROWS = 4096;
/** Rows of all tables together: tables may overlap as often as their input likes. */
const MOST_IN_ALL = 1 << 15;

export class Tables {
  readonly all: Table[] = [];
  #left = MOST_IN_ALL;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Adds a table, with the rows that lie inside. */
  add(name: string, rows: readonly number[], size: number, cells: Cells): void {
    const inside = rows.filter((at) => at >= 0 && at + size <= this.bytes.length).slice(0, this.#left);
    this.#left -= inside.length;
    if (inside.length > 0) this.all.push({ name, rows: inside, size, cells });
  }

  run(name: string, at: number, bytes: number, size: number, cells: Cells): void {
    const n = Math.min(MOST_ROWS, this.#left, Math.floor(bytes / size));
    this.add(
      name,
      Array.from({ length: Math.max(0, n) }, (_, i) => at + i * size),
      size,
      cells,
    );
  }

  u16 = (at: number): number => (at + 2 <= this.bytes.length ? this.#view.getUint16(at, true) : 0);
  u32 = (at: number): number => (at + 4 <= this.bytes.length ? this.#view.getUint32(at, true) : 0);
}

/** The tables of an ELF object, its types and what is said about its code. */
export function elfTables(bytes: Uint8Array): Table[] {
  const t = new Tables(bytes);
  t.add('file header', [0], 64, FILE_HEADER);
  const [at, n] = [t.u32(40), Math.min(t.u16(60), MOST_ROWS)];
  t.run('sections', at, n * 64, 64, SECTION);
  for (let i = 0; i < n; i++) {
    const header = at + 64 * i;
    const [type, flags, from, size] = [t.u32(header + 4), t.u32(header + 8), t.u32(header + 24), t.u32(header + 32)];
    if (type === 2) t.run('symbols', from, size, 24, SYMBOL);
    else if (type === 9) t.run('relocations', from, size, 16, RELOCATION);
    else if (type === 3) t.run('strings', from, size, 1, [[0, 1]]);
    else if (type === 1 && (flags & 4) !== 0) t.run('instructions', from, size, 8, INSN);
    else if (type === 1 && t.u16(from) === 0xeb9f && t.u32(from + 4) === 24) btfAt(t, from);
    else if (type === 1 && t.u16(from) === 0xeb9f) extAt(t, from);
    else if (type === 1) t.run('data', from, size, 4, [[0, 4]]);
  }
  return t.all;
}

export function btfTables(bytes: Uint8Array): Table[] {
  const t = new Tables(bytes);
  btfAt(t, 0);
  return t.all;
}

/** Header, types by what they are, and names of BTF that begins at `start`. */
function btfAt(t: Tables, start: number): void {
  t.add('BTF header', [start], 24, BTF_HEADER);
  const types: number[] = [];
  const items = new Map<number, number[]>();
  const from = start + 24 + t.u32(start + 8);
  const end = from + t.u32(start + 12);
  for (let at = from; at + 12 <= Math.min(end, t.bytes.length) && types.length < MOST_ROWS; ) {
    types.push(at);
    const info = t.u32(at + 4);
    const each = ITEMS[(info >>> 24) & 31] ?? 0;
    const [size, n] = typeof each === 'number' ? [each, info & 0xffff] : [each[0], 1];
    at += 12;
    if (size === 0) continue;
    const rows = items.get(size) ?? [];
    for (let i = 0; i < n && rows.length < MOST_ROWS; i++) rows.push(at + i * size);
    items.set(size, rows);
    at += n * size;
  }
  t.add('types', types, 12, TYPE);
  for (const [size, rows] of items) t.add(`items of ${size}`, rows, size, words(size / 4));
  t.run('strings', start + 24 + t.u32(start + 16), t.u32(start + 20), 1, [[0, 1]]);
}

/** Header and records of .BTF.ext, function, line and CO-RE. */
function extAt(t: Tables, start: number): void {
  t.add('ext header', [start], 32, words(8));
  for (const field of [8, 16, 24]) {
    const at = start + t.u32(start + 4) + t.u32(start + field);
    t.run('ext records', at, Math.min(t.u32(start + field + 4), 1 << 20), 4, [[0, 4]]);
  }
}

/** Headers of a capture's records or blocks. */
export function captureTables(bytes: Uint8Array): Table[] {
  const t = new Tables(bytes);
  const blocks = t.u32(0) === 0x0a0d0d0a;
  if (!blocks) t.add('pcap header', [0], 24, words(6));
  const rows: number[] = [];
  for (let at = blocks ? 0 : 24; at + 12 <= bytes.length && rows.length < MOST_ROWS; ) {
    rows.push(at);
    at += blocks ? Math.max(12, t.u32(at + 4)) : 16 + t.u32(at + 8);
  }
  t.add('records', rows, 16, words(4));
  if (blocks)
    t.add(
      'block bodies',
      rows.map((at) => at + 8),
      24,
      [...words(6), [0, 2], [2, 2], [20, 2], [22, 2]],
    );
  return t.all;
}

/** Instructions alone. */
export function codeTables(bytes: Uint8Array): Table[] {
  const t = new Tables(bytes);
  t.run('instructions', 0, bytes.length, 8, INSN);
  return t.all;
}
