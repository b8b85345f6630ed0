/** ELF64 relocatable files in either byte order: sections, symbols, relocations (System V ABI; the eBPF supplement). */
import { readCString } from '../../btf/btf.ts';
import { Budget } from '../../util/budget.ts';
import { ElfReader, elfError } from './reader.ts';

export const EM_NONE = 0;
export const EM_BPF = 247;
export const ET_REL = 1;
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  NOBITS: 8,
  REL: 9,
  SYMTAB_SHNDX: 18,
} as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, COMPRESSED: 0x800 } as const;
export const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** Relocation types of EM_BPF (Documentation/bpf/llvm_reloc.rst). */
export const R_BPF = { NONE: 0, '64_64': 1, '64_ABS64': 2, '64_ABS32': 3, '64_NODYLD32': 4, '64_32': 10 } as const;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entsize: number;
  /** Its bytes in the file; empty for NOBITS. */
  readonly data: Uint8Array;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  readonly visibility: number;
  /** Section index; SHN_UNDEF, SHN_ABS and SHN_COMMON are themselves. */
  readonly shndx: number;
}

export interface ElfReloc {
  /** Byte offset in the section that is relocated. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** RELA's addend; undefined for REL, whose addend lies in the section. */
  readonly addend: number | undefined;
  /** Where the entry lies in the file, for messages. */
  readonly at: number;
}

export interface ElfFile {
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The allowance of reading this file, shared by all who take it apart. */
  readonly budget: Budget;
  /** Symbols of a section, in order of index. */
  symbolsOf(shndx: number): readonly ElfSymbol[];
  /** The REL and RELA sections that relocate a section. */
  relocationsOf(shndx: number): readonly ElfSection[];
  /** The entries of one REL or RELA section. */
  relocations(section: ElfSection): ElfReloc[];
}

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;

/** Parses an ELF64 relocatable file. Throws FormatError('ELF', offset, ...). */
export function parseElf(bytes: Uint8Array): ElfFile {
  // A plain view: subclasses such as Node's Buffer change what `slice` means.
  const r = readIdent(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const budget = new Budget('ELF', bytes.length);
  const type = r.u16(16);
  if (type !== ET_REL) throw elfError(16, `file type ${type} found, a relocatable object (1) was expected`);
  const sections = readSections(r, budget);
  const symtab = sections.find((s) => s.type === SHT.SYMTAB);
  const symbols = symtab ? readSymbols(r, sections, symtab, budget) : [];
  const bySection = grouped(symbols, (s) => s.shndx);
  const relocating = grouped(sections.filter(isRelocations), (s) => s.info);
  return {
    littleEndian: r.littleEndian,
    machine: r.u16(18),
    sections,
    symbols,
    budget,
    symbolsOf: (shndx) => bySection.get(shndx) ?? [],
    relocationsOf: (shndx) => relocating.get(shndx) ?? [],
    relocations: (section) => readRelocations(r, section, symtab, symbols, budget),
  };
}

const isRelocations = (s: ElfSection): boolean => s.type === SHT.REL || s.type === SHT.RELA;

function grouped<T>(all: readonly T[], key: (one: T) => number): Map<number, T[]> {
  const out = new Map<number, T[]>();
  for (const one of all) {
    const list = out.get(key(one));
    if (list) list.push(one);
    else out.set(key(one), [one]);
  }
  return out;
}

function readIdent(bytes: Uint8Array): ElfReader {
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw elfError(0, 'magic 7f 45 4c 46 expected');
  }
  if (bytes.length < EHDR_SIZE)
    throw elfError(0, `a header of ${EHDR_SIZE} bytes was expected, the file has ${bytes.length}`);
  if (bytes[4] !== 2) throw elfError(4, `class ${bytes[4]} found, 64-bit (2) expected`);
  if (bytes[5] !== 1 && bytes[5] !== 2)
    throw elfError(5, `byte order ${bytes[5]} found, 1 (little) or 2 (big) expected`);
  if (bytes[6] !== 1) throw elfError(6, `version ${bytes[6]} found, 1 expected`);
  return new ElfReader(bytes, bytes[5] === 1);
}

type RawSection = Omit<ElfSection, 'name' | 'data'>;
const NO_DATA = new Uint8Array(0);

function readSections(r: ElfReader, budget: Budget): ElfSection[] {
  const shoff = r.u64(40, 'section header offset');
  const entsize = r.u16(58);
  if (shoff === 0) return [];
  if (entsize !== SHDR_SIZE) throw elfError(58, `section header size ${entsize} found, ${SHDR_SIZE} expected`);
  r.need(shoff, SHDR_SIZE, 'the section header table');
  const first = readSectionHeader(r, shoff, 0);
  const count = r.u16(60) || first.size;
  const strndx = r.u16(62) === SHN.XINDEX ? first.link : r.u16(62);
  r.need(shoff, count * SHDR_SIZE, `a table of ${count} section headers`);
  const raw: RawSection[] = [];
  for (let i = 0; i < count; i++) raw.push(readSectionHeader(r, shoff + i * SHDR_SIZE, i));
  const names = stringTable(r, raw[strndx], 62, 'section names');
  // Field by field: a spread costs more than all else that is read of a header.
  return raw.map((s) => {
    const { index, type, flags, offset, size, link, info, align, entsize } = s;
    const empty = s.type === SHT.NOBITS || s.type === SHT.NULL;
    const at = shoff + s.index * SHDR_SIZE;
    if (!empty && s.offset + s.size > r.bytes.length) {
      throw elfError(at + 24, `section ${s.index} (${s.offset}+${s.size}) exceeds the file of ${r.bytes.length} bytes`);
    }
    if (!empty) budget.spend(s.size, 'sections', at + 24);
    const data = empty ? NO_DATA : r.bytes.subarray(s.offset, s.offset + s.size);
    const name = nameAt(names, r.u32(at), at, budget);
    return { index, name, type, flags, offset, size, link, info, align, entsize, data };
  });
}

function readSectionHeader(r: ElfReader, at: number, index: number): RawSection {
  return {
    index,
    type: r.u32(at + 4),
    flags: r.u32(at + 8 + (r.littleEndian ? 0 : 4)),
    offset: r.u64(at + 24, 'section offset'),
    size: r.u64(at + 32, 'section size'),
    link: r.u32(at + 40),
    info: r.u32(at + 44),
    align: r.u64(at + 48, 'section alignment'),
    entsize: r.u64(at + 56, 'section entry size'),
  };
}

function stringTable(r: ElfReader, s: RawSection | undefined, at: number, what: string): Uint8Array {
  if (s === undefined) throw elfError(at, `the section of ${what} does not exist`);
  if (s.type !== SHT.STRTAB)
    throw elfError(at, `section ${s.index} of ${what} has type ${s.type}, a string table (3) was expected`);
  r.need(s.offset, s.size, `the string table of ${what}`);
  return r.bytes.subarray(s.offset, s.offset + s.size);
}

function nameAt(table: Uint8Array, off: number, at: number, budget: Budget): string {
  if (off === 0 && table.length === 0) return '';
  if (off >= table.length)
    throw elfError(at, `name offset ${off} lies beyond the string table of ${table.length} bytes`);
  if (table[table.length - 1] !== 0 && table.indexOf(0, off) < 0)
    throw elfError(at, 'the name is not terminated by a NUL byte');
  return readCString(table, off, budget);
}

function readSymbols(r: ElfReader, sections: readonly ElfSection[], symtab: ElfSection, budget: Budget): ElfSymbol[] {
  if (symtab.size % SYM_SIZE !== 0)
    throw elfError(symtab.offset, `symbol table size ${symtab.size} is not a multiple of ${SYM_SIZE}`);
  const strtab = sections[symtab.link];
  if (strtab === undefined || strtab.type !== SHT.STRTAB) {
    throw elfError(symtab.offset, `symbol table links to section ${symtab.link}, which is no string table`);
  }
  const xindex = sections.find((s) => s.type === SHT.SYMTAB_SHNDX && s.link === symtab.index);
  const out: ElfSymbol[] = [];
  for (let i = 0, at = symtab.offset; i < symtab.size / SYM_SIZE; i++, at += SYM_SIZE) {
    const info = r.u8(at + 4);
    let shndx = r.u16(at + 6);
    if (shndx === SHN.XINDEX && xindex && (i + 1) * 4 <= xindex.size) shndx = r.u32(xindex.offset + i * 4);
    else if (shndx < SHN.LORESERVE && shndx >= sections.length)
      throw elfError(at + 6, `symbol ${i} lies in section ${shndx}, which does not exist`);
    const type = info & 0xf;
    out.push({
      index: i,
      name: type === STT.SECTION ? (sections[shndx]?.name ?? '') : nameAt(strtab.data, r.u32(at), at, budget),
      value: symbolNumber(r, at + 8),
      size: symbolNumber(r, at + 16),
      type,
      bind: info >>> 4,
      visibility: r.u8(at + 5) & 3,
      shndx,
    });
  }
  return out;
}

/** Absolute symbols may hold any 64-bit value; those of sections are checked where they are used. */
function symbolNumber(r: ElfReader, at: number): number {
  const lo = r.u32(at + (r.littleEndian ? 0 : 4));
  const hi = r.u32(at + (r.littleEndian ? 4 : 0));
  return hi * 0x100000000 + lo;
}

function readRelocations(
  r: ElfReader,
  section: ElfSection,
  symtab: ElfSection | undefined,
  symbols: readonly ElfSymbol[],
  budget: Budget,
) {
  budget.spend(section.size, 'relocations', section.offset);
  const entry = section.type === SHT.RELA ? 24 : 16;
  if (symtab === undefined || section.link !== symtab.index) {
    throw elfError(
      section.offset,
      `relocations of ${section.name} link to section ${section.link}, which is not the symbol table`,
    );
  }
  if (section.size % entry !== 0)
    throw elfError(section.offset, `size ${section.size} of ${section.name} is not a multiple of ${entry}`);
  const out: ElfReloc[] = [];
  for (let at = section.offset; at < section.offset + section.size; at += entry) {
    const type = r.u32(at + (r.littleEndian ? 8 : 12));
    const index = r.u32(at + (r.littleEndian ? 12 : 8));
    const symbol = symbols[index];
    if (symbol === undefined) throw elfError(at + 8, `relocation names symbol ${index}, there are ${symbols.length}`);
    const addend = section.type === SHT.RELA ? r.i64(at + 16) : undefined;
    out.push({ offset: r.u64(at, 'relocation offset'), type, symbol, addend, at });
  }
  return out;
}
