/** The functions of an object: FUNC symbols in executable sections, or whole sections where symbols are stripped. */
import { bytesOfInsns, Insns } from '../../isa/insn.ts';
import { type ElfFile, type ElfSection, type ElfSymbol, SHF, SHT, STB, STT, STV } from '../elf/elf.ts';
import { elfError } from '../elf/reader.ts';
import { decodeInsns } from '../../isa/decode.ts';

export interface RawFunction {
  readonly key: string;
  readonly name: string;
  readonly section: ElfSection;
  readonly sectionInsn: number;
  readonly insns: Insns;
  readonly bind: number;
  readonly hidden: boolean;
  /** An entry point, not a subprogram. */
  readonly entry: boolean;
}

export const isCode = (s: ElfSection): boolean =>
  (s.flags & SHF.EXECINSTR) !== 0 && s.type === SHT.PROGBITS && s.size > 0;

interface Range {
  readonly name: string;
  readonly section: ElfSection;
  readonly start: number;
  readonly end: number;
  readonly bind: number;
  readonly hidden: boolean;
}

/** All functions, in order of section and offset, under unique keys. */
export function collectFunctions(elf: ElfFile): RawFunction[] {
  const ranges: Range[] = [];
  for (const section of elf.sections.filter(isCode)) {
    if (section.size % 8 !== 0)
      throw elfError(section.offset, `section ${section.name} has ${section.size} bytes, a multiple of 8 was expected`);
    for (const range of functionsOf(elf, section)) ranges.push(range);
  }
  const alone = ranges.length === 1;
  const count = new Map<string, number>();
  for (const r of ranges) count.set(r.name, (count.get(r.name) ?? 0) + 1);
  const keys = new Keys();
  const make = roomFor(elf, ranges);
  return ranges.map((r) => {
    const key = keys.next((count.get(r.name) ?? 0) > 1 ? `${r.section.name}/${r.name}` : r.name);
    elf.budget.spend(key.length + r.section.name.length, 'functions', r.section.offset + r.start);
    return {
      key,
      name: r.name,
      section: r.section,
      sectionInsn: r.start / 8,
      insns: decodeInsns(r.section.data.subarray(r.start, r.end), elf.littleEndian, make),
      bind: r.bind,
      hidden: r.hidden,
      entry: alone || (r.section.name !== '.text' && r.bind !== STB.LOCAL),
    };
  });
}

/** Gives the functions' instructions places in one buffer: thousands of small ones are dear to keep. */
function roomFor(elf: ElfFile, ranges: readonly Range[]): (length: number) => Insns {
  let bytes = 0;
  for (const r of ranges) {
    elf.budget.spend(r.end - r.start, 'functions', r.section.offset + r.start);
    bytes += bytesOfInsns((r.end - r.start) / 8);
  }
  const room = new ArrayBuffer(bytes);
  let at = 0;
  return (length) => {
    const out = new Insns(length, room, at);
    at += bytesOfInsns(length);
    return out;
  };
}

/** Names made unique: the second use of `x` is `x#2`. */
export class Keys {
  readonly #taken = new Set<string>();
  /** The number that was last given to a name. */
  readonly #last = new Map<string, number>();

  next(base: string): string {
    let key = base;
    let n = this.#last.get(base) ?? 1;
    while (this.#taken.has(key)) key = `${base}#${++n}`;
    this.#last.set(base, n);
    this.#taken.add(key);
    return key;
  }
}

/** Functions by the place where they begin. */
export class FunctionPlaces {
  readonly #at = new Map<number, RawFunction>();

  constructor(functions: readonly RawFunction[]) {
    for (const f of functions) {
      const place = placeOf(f.section.index, f.sectionInsn);
      if (!this.#at.has(place)) this.#at.set(place, f);
    }
  }

  at(shndx: number, insn: number): RawFunction | undefined {
    return insn < MAX_INSN ? this.#at.get(placeOf(shndx, insn)) : undefined;
  }
}

/** More instructions than a file can hold. */
const MAX_INSN = 2 ** 32;
const placeOf = (shndx: number, insn: number): number => shndx * MAX_INSN + insn;

function functionsOf(elf: ElfFile, section: ElfSection): Range[] {
  const symbols = functionSymbols(elf, section);
  if (symbols.length === 0) {
    const name = section.name.replace(/^\?/, '').replace(/[^A-Za-z0-9_]/g, '_');
    return [{ name, section, start: 0, end: section.size, bind: STB.GLOBAL, hidden: false }];
  }
  return symbols.map((sym, i) => {
    const next = symbols[i + 1]?.value ?? section.size;
    const end = sym.size > 0 ? sym.value + sym.size : next;
    if (sym.value % 8 !== 0 || end % 8 !== 0) {
      throw elfError(
        section.offset + sym.value,
        `function ${sym.name} (${sym.value}+${sym.size}) does not begin and end at an instruction`,
      );
    }
    if (end > section.size || sym.value >= end) {
      throw elfError(
        section.offset,
        `function ${sym.name} (${sym.value}+${sym.size}) exceeds section ${section.name} of ${section.size} bytes`,
      );
    }
    const hidden = sym.visibility === STV.HIDDEN || sym.visibility === STV.INTERNAL;
    return { name: sym.name, section, start: sym.value, end, bind: sym.bind, hidden };
  });
}

/** FUNC symbols of a section by offset; global untyped ones (LLVM before 8) where there are none. One symbol per offset. */
function functionSymbols(elf: ElfFile, section: ElfSection): ElfSymbol[] {
  const inside = elf.symbolsOf(section.index).filter((s) => s.name !== '');
  let chosen = inside.filter((s) => s.type === STT.FUNC);
  if (chosen.length === 0) chosen = inside.filter((s) => s.type === STT.NOTYPE && s.bind !== STB.LOCAL);
  chosen.sort((a, b) => a.value - b.value || b.bind - a.bind || b.size - a.size);
  return chosen.filter((s, i) => i === 0 || s.value !== chosen[i - 1].value);
}
