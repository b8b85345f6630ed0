/** Object files and captures whose size says little about the work that they ask for. */
import type { Rng } from '../differential/rng.ts';
import { attackBtf } from './attack-btf.ts';
import { ALLOC, EXEC, type Section, SHT, Strings, WRITE, wordBytes, writeElf } from './writer.ts';

const EXIT = Uint8Array.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
const NAMES = [
  'xdp',
  '.text',
  '.data',
  '.data.x',
  '.rodata',
  '.bss',
  'maps',
  'maps/m',
  '.maps',
  '.struct_ops',
  'license',
  '.kconfig',
  'fentry/f',
  'tc',
  '.ksyms',
];

interface Parts {
  readonly sections: Section[];
  readonly names: Strings;
  readonly symbols: number[][];
  readonly symbolNames: Strings;
}

/** Adds to an object, about `room` bytes. */
type Attack = (p: Parts, rng: Rng, room: number) => void;

const add = (p: Parts, name: string, s: Omit<Section, 'name'>): number =>
  p.sections.push({ ...s, name: p.names.at(name) });
const flagsOf = (name: string): number => (/^(xdp|tc|fentry|\.text)/.test(name) ? ALLOC | EXEC : ALLOC | WRITE);
const symbol = (p: Parts, name: string | number, shndx: number, value: number, size: number, info: number): void => {
  p.symbols.push([typeof name === 'number' ? name : p.symbolNames.at(name), info | (shndx << 16), value, 0, size, 0]);
};
const GLOBAL_FUNC = 0x12;
const GLOBAL_OBJECT = 0x11;

const ATTACKS: Readonly<Record<string, Attack>> = {
  /** Sections that show the same bytes. */
  overlap(p, rng, room) {
    const name = rng.pick(NAMES);
    const data = new Uint8Array(Math.max(8, (room / 2) & ~15));
    for (let at = 0; at < data.length; at += 16) data.set(EXIT, at);
    const alias = add(p, name, { type: SHT.PROGBITS, flags: flagsOf(name), data });
    for (let n = Math.min(60_000, room / 128); n > 0; n--)
      add(p, name, { type: SHT.PROGBITS, flags: flagsOf(name), data: new Uint8Array(0), size: data.length, alias });
  },
  /** Thousands of sections, of one name or of many. */
  sections(p, rng, room) {
    const one = rng.pick(NAMES);
    const data = rng.pick([EXIT, new Uint8Array(0), new Uint8Array(20)]);
    for (let n = Math.min(60_000, room / 90); n > 0; n--) {
      const name = rng.chance(80) ? one : `${rng.pick(NAMES)}.${n}`;
      add(p, name, {
        type: rng.pick([SHT.PROGBITS, SHT.PROGBITS, SHT.NOBITS]),
        flags: flagsOf(name),
        data,
        size: rng.chance(2) ? 0x7fffffff : undefined,
      });
    }
  },
  /** Many functions in one section: side by side, or each to the section's end. */
  functions(p, rng, room) {
    const n = Math.max(1, Math.min(60_000, Math.floor(room / 48)));
    const code = new Uint8Array(16 * n);
    for (let i = 0; i < n; i++) code.set(EXIT, 16 * i);
    const section = add(p, rng.pick(['xdp', '.text', 'fentry/f']), {
      type: SHT.PROGBITS,
      flags: ALLOC | EXEC,
      data: code,
    });
    const overlapping = rng.chance(30);
    const same = rng.chance(30);
    for (let i = 0; i < n; i++)
      symbol(
        p,
        same ? 'f' : `f${i}`,
        section,
        16 * i,
        overlapping ? code.length - 16 * i : 16,
        rng.chance(90) ? GLOBAL_FUNC : 2,
      );
    if (rng.chance(50)) relocate(p, rng, section, Math.floor(room / 16), code.length);
  },
  /** Many symbols of one place. */
  symbols(p, rng, room) {
    const where = rng.below(p.sections.length + 1);
    const name = 'n'.repeat(Math.min(room / 4, rng.pick([1, 30, 5000, 100_000])));
    for (let n = Math.min(200_000, room / 24); n > 0; n--)
      symbol(
        p,
        rng.chance(50) ? name : `${n}`,
        rng.chance(50) ? where : 0,
        rng.pick([0, n * 8]),
        rng.pick([0, 8, 20]),
        rng.pick([GLOBAL_FUNC, GLOBAL_OBJECT, 0x10]),
      );
  },
  /** Symbol or section names that are suffixes of one string. */
  suffixes(p, rng, room) {
    const first = p.symbolNames.at('s'.repeat(Math.max(2, Math.floor(room / 2))));
    for (let n = Math.min(100_000, room / 48); n > 0; n--)
      symbol(p, first + (n % Math.floor(room / 2 + 1)), 0, 0, 0, 0x10);
    if (!rng.chance(50)) return;
    const at = p.names.at('t'.repeat(Math.max(2, Math.floor(room / 4))));
    for (let n = Math.min(30_000, room / 256); n > 0; n--)
      p.sections.push({ name: at + n, type: SHT.PROGBITS, flags: ALLOC, data: new Uint8Array(0) });
  },
  /** Relocations, and sections that show the same ones. */
  relocations(p, rng, room) {
    const target = 1 + rng.below(Math.max(1, p.sections.length));
    const first = relocate(p, rng, target, Math.floor(room / 24), 1 << 16);
    for (let n = rng.chance(50) ? Math.min(30_000, room / 128) : 0; n > 0; n--)
      p.sections.push({
        ...p.sections[first - 1],
        data: new Uint8Array(0),
        size: p.sections[first - 1].data.length,
        alias: first,
        info: rng.pick([target, 1]),
      });
  },
  /** Types, and sections that they name. */
  btf(p, rng, room) {
    const { bytes } = attackBtf(rng, room / 2);
    add(p, '.BTF', { type: SHT.PROGBITS, flags: 0, data: bytes });
    if (rng.chance(60)) add(p, '.BTF.ext', { type: SHT.PROGBITS, flags: 0, data: ext(rng, room / 2) });
    for (const name of ['.data', '.maps', '.struct_ops', '.bss'])
      add(p, name, { type: SHT.PROGBITS, flags: ALLOC | WRITE, data: new Uint8Array(Math.floor(room / 8)) });
  },
};

function relocate(p: Parts, rng: Rng, target: number, n: number, reach: number): number {
  const words: number[] = [];
  for (let i = 0; i < n; i++)
    words.push((rng.below(reach) & ~7) >>> 0, 0, rng.pick([1, 10, 2]), rng.below(Math.max(1, p.symbols.length + 1)));
  return add(p, '.rel', { type: SHT.REL, flags: 0, data: wordBytes(words), info: target, link: 0 });
}

/** Records of functions, lines and CO-RE of one section, most of them at the same places. */
function ext(rng: Rng, room: number): Uint8Array {
  const table = (size: number, words: number): number[] => {
    const n = Math.max(1, Math.floor(room / 3 / (4 * words)));
    const out = [size, 1 + rng.below(40), n];
    for (let i = 0; i < n; i++)
      out.push(rng.pick([0, 8 * i, 8]), rng.between(1, 50), ...new Array<number>(words - 2).fill(rng.below(20)));
    return out;
  };
  const tables = [table(8, 2), table(16, 4), table(16, 4)];
  const header = [0x0001eb9f, 32];
  let off = 0;
  for (const t of tables) {
    header.push(off, t.length * 4);
    off += t.length * 4;
  }
  return wordBytes([...header.slice(0, 8), ...tables.flat()]);
}

/** An object of about `size` bytes, and what was done to it. */
export function attackObject(rng: Rng, size: number): { bytes: Uint8Array; how: string } {
  const p: Parts = { sections: [], names: new Strings(), symbols: [[0, 0, 0, 0, 0, 0]], symbolNames: new Strings() };
  add(p, 'xdp', { type: SHT.PROGBITS, flags: ALLOC | EXEC, data: EXIT });
  const names = Object.keys(ATTACKS);
  const chosen = Array.from({ length: rng.between(1, 3) }, () => rng.pick(names));
  for (const name of chosen) ATTACKS[name](p, rng, size / chosen.length);
  const strtab = add(p, '.strtab', { type: SHT.STRTAB, flags: 0, data: p.symbolNames.bytes() });
  const symtab = add(p, '.symtab', { type: SHT.SYMTAB, flags: 0, data: wordBytes(p.symbols.flat()), link: strtab });
  const linked = p.sections.map((s) => (s.type === SHT.REL ? { ...s, link: symtab } : s));
  return { bytes: writeElf(linked, p.names), how: chosen.join('+') };
}

/** A capture of many small blocks. */
export function attackCapture(rng: Rng, size: number): { bytes: Uint8Array; how: string } {
  const words: number[] = [];
  if (rng.chance(50)) {
    words.push(0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1);
    const kept = rng.pick([0, 4, 64]);
    while (words.length * 4 < size) words.push(1, 1, kept, kept, ...new Array<number>(kept / 4).fill(0));
    return { bytes: wordBytes(words), how: 'pcap' };
  }
  const section = [0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28];
  const description = [1, 32, 1, 0, 0x00010009, rng.pick([6, 9, 0x80, 127]), 0, 32];
  const packet = [6, 32, 0, 0, 1, 0, 0, 32];
  words.push(...section);
  const block = rng.pick([description, packet, section, [3, 16, 0, 16], [99, 12, 12]]);
  words.push(...description);
  while (words.length * 4 < size) words.push(...block);
  return { bytes: wordBytes(words), how: 'pcapng' };
}
