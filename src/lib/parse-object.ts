/** From the bytes of a BPF object file (.bpf.o) to an editable {@link CollectionSpec}. */
import { Btf, readCString } from '../btf/btf.ts';
import { BTF_KIND } from '../btf/types.ts';
import { type BtfExt, type ExtRecords, type ExtTable, parseBtfExt } from './btf-ext.ts';
import { CollectionSpec } from './collection-spec.ts';
import { EM_BPF, EM_NONE, type ElfFile, type ElfSection, parseElf, SHT, STB } from './elf/elf.ts';
import { elfError } from './elf/reader.ts';
import { collectExterns, type Externs } from './object/externs.ts';
import { fixupBtf, relocatedData } from './object/fixup-btf.ts';
import { collectFunctions, FunctionPlaces, type RawFunction } from './object/functions.ts';
import { collectBtfMaps, type PlacedMap } from './object/maps-btf.ts';
import { dataMap, dataOrigin, kconfigMap, MAX_DATA } from './object/maps-data.ts';
import { collectLegacyMaps, isLegacyMaps } from './object/maps-legacy.ts';
import { fillValues, MapTable } from './object/map-table.ts';
import { ignoredCode, ignoredSections, unresolvedExterns, unusedFunctions } from './object/left-out.ts';
import { collectRefs } from './object/refs.ts';
import { collectStructOps, isStructOps } from './object/struct-ops.ts';
import type { Budget } from '../util/budget.ts';
import type { CoreRelo } from './core-relo/kinds.ts';
import { loaderError } from './errors.ts';
import { didYouMean } from './nearest.ts';
import { type Note, note } from './notes.ts';
import { meaningOf, rowOfType, type SectionMeaning, type SectionTypes, typeWords } from './sections.ts';
import type { FunctionSpec, InsnRef, LineInfo, ProgramSpec } from './spec.ts';

/** How an object is parsed. */
export interface ParseOptions {
  /** Name of the object; prefixes the kernel names of its global data (`prog` gives `prog.bss`). */
  readonly name?: string;
  /**
   * Type of the programs whose section name does not say it: a section name (`tc`, `cgroup/connect4`) or a program
   * type (`sched_cls`).
   */
  readonly type?: string;
  /** Types by section name, which go before what the names mean: `{ '2/7': 'tc', 'tail-*': 'tc' }`. */
  readonly sectionTypes?: SectionTypes;
}

/** Parses an object file. Throws FormatError for what is not a well-formed BPF object. `notes` of the result tell what was left out or mended. */
export function parseObject(bytes: Uint8Array, options: ParseOptions = {}): CollectionSpec {
  const elf = parseElf(bytes);
  if (elf.machine !== EM_BPF && elf.machine !== EM_NONE)
    throw elfError(18, `machine ${elf.machine} found, BPF (247) expected`);
  for (const word of [options.type, ...Object.values(options.sectionTypes ?? {})]) checkType(word);
  const notes: Note[] = [];
  const functions = collectFunctions(elf);
  const places = new FunctionPlaces(functions);
  const raw = rawBtf(elf);
  const externs = collectExterns(elf, raw);
  const hidden = new Set(functions.filter((f) => f.hidden && !f.entry).map((f) => f.name));
  const btf = raw && fixupBtf({ elf, btf: raw, externs: externs.externs, kconfigSize: externs.kconfigSize, hidden });
  const ext = btf ? rawExt(elf, btf) : undefined;
  const maps = collectMaps(elf, btf, places, externs, { object: options.name ?? '', notes });
  const refs = collectRefs(elf, functions, maps);
  const entries = entryKeys(functions, refs);
  const records = new FunctionRecords(btf, ext, elf.budget);
  const specs = functions.map((f) => functionSpec(f, refs.get(f.key) ?? [], records));
  fillValues(elf, maps, places);

  const spec = new CollectionSpec();
  spec.name = options.name ?? '';
  spec.littleEndian = elf.littleEndian;
  spec.btf = btf;
  spec.license = textSection(elf, 'license');
  spec.version = versionSection(elf);
  spec.maps = maps.specs;
  spec.externs = externs.externs;
  spec.notes = notes;
  const callbacks = new ExceptionCallbacks(btf, functions);
  const meanings = new Meanings(options);
  functions.forEach((f, i) => {
    if (entries.has(f.key)) spec.programs.push(programSpec(specs[i], callbacks, meanings));
    else spec.subprograms.set(f.key, specs[i]);
  });
  linkStructOps(spec);
  tell(spec, elf, functions, meanings);
  return spec;
}

/** The meaning of section names with the user's words, each looked up once. */
class Meanings {
  readonly #known = new Map<string, SectionMeaning>();

  constructor(private readonly options: ParseOptions) {}

  of(section: string): SectionMeaning {
    let found = this.#known.get(section);
    if (found === undefined) {
      found = meaningOf(section, { type: this.options.type, types: this.options.sectionTypes });
      this.#known.set(section, found);
    }
    return found;
  }
}

function checkType(word: string | undefined): void {
  if (word === undefined || rowOfType(word) !== undefined) return;
  const detail = `${word} is neither a section name nor a program type${didYouMean(word, typeWords())}`;
  throw loaderError('parse object', 'EINVAL', detail);
}

/**
 * Keys of the functions that are programs: the global ones of program sections, and as cilium/ebpf has it the static ones
 * that no other function refers to.
 */
function entryKeys(functions: readonly RawFunction[], refs: ReadonlyMap<string, InsnRef[]>): Set<string> {
  const used = new Set<string>();
  for (const [key, list] of refs)
    for (const r of list) if ((r.kind === 'call' || r.kind === 'func') && r.target !== key) used.add(r.target);
  const isEntry = (f: RawFunction): boolean => f.entry || (isStaticInProgramSection(f) && !used.has(f.key));
  return new Set(functions.filter(isEntry).map((f) => f.key));
}

const isStaticInProgramSection = (f: RawFunction): boolean =>
  f.bind === STB.LOCAL && f.section.name !== '.text' && !f.section.name.startsWith('.text.');

/** Says what was left out, guessed or taken although other loaders refuse it. */
function tell(spec: CollectionSpec, elf: ElfFile, functions: readonly RawFunction[], meanings: Meanings): void {
  const { notes } = spec;
  const programs = new Map(spec.programs.map((p) => [p.key, p]));
  for (const f of functions) {
    if (isStaticInProgramSection(f) && !f.entry) notes.push(staticNote(f, programs.has(f.key)));
    if (programs.has(f.key)) for (const n of sectionNotes(f, meanings)) notes.push(n);
  }
  const lists = [
    ignoredSections(elf, spec.btf !== undefined),
    ignoredCode(elf, functions),
    unusedFunctions(spec.programs, spec.subprograms),
    unresolvedExterns(spec.externs),
  ];
  for (const list of lists) for (const n of list) notes.push(n);
  const version = sectionNamed(elf, 'version');
  if (version !== undefined && version.data.length !== 4) {
    const text = `section version has ${version.data.length} bytes instead of 4, and is left out`;
    notes.push(note('version-unreadable', 'section', 'version', text));
  }
}

function staticNote(f: RawFunction, program: boolean): Note {
  const refused = `sec '${f.section.name}': program '${f.name}' is static and not supported`;
  return program
    ? note('static-program', 'program', f.key, refused)
    : note('static-subprogram', 'symbol', f.key, `${refused}; it is taken for a function of the programs that call it`);
}

function sectionNotes(f: RawFunction, meanings: Meanings): Note[] {
  const name = f.section.name;
  const { row, source } = meanings.of(name);
  if (row === undefined || source === 'name' || source === 'none') return [];
  if (source === 'user')
    return [
      note(
        'section-typed',
        'program',
        f.key,
        `prog '${f.name}': section '${name}' is of type '${row.name}', as the caller says`,
      ),
    ];
  const text = `prog '${f.name}': section name '${name}' is known only by its beginning, and taken for '${row.name}'`;
  return [note('section-guessed', 'program', f.key, text)];
}

const sectionNamed = (elf: ElfFile, name: string): ElfSection | undefined => elf.sections.find((s) => s.name === name);

function rawBtf(elf: ElfFile): Btf | undefined {
  const section = sectionNamed(elf, '.BTF');
  return section && section.data.length > 0 ? Btf.parse(relocatedData(elf, section)) : undefined;
}

function rawExt(elf: ElfFile, btf: Btf): BtfExt | undefined {
  const section = sectionNamed(elf, '.BTF.ext');
  return section && section.data.length > 0 ? parseBtfExt(relocatedData(elf, section), btf) : undefined;
}

function textSection(elf: ElfFile, name: string): string {
  const section = sectionNamed(elf, name);
  return section ? readCString(section.data, 0) : '';
}

function versionSection(elf: ElfFile): number {
  const data = sectionNamed(elf, 'version')?.data;
  if (data === undefined || data.length !== 4) return 0;
  return new DataView(data.buffer, data.byteOffset, 4).getUint32(0, elf.littleEndian);
}

function collectMaps(
  elf: ElfFile,
  btf: Btf | undefined,
  functions: FunctionPlaces,
  externs: Externs,
  { object, notes }: { readonly object: string; readonly notes: Note[] },
): MapTable {
  const table = new MapTable(elf.budget);
  let zeroed = 0;
  for (const section of elf.sections) {
    if (isLegacyMaps(section)) table.place(section.index, collectLegacyMaps(elf, section, btf, notes));
    if (section.name === '.maps' && btf) table.place(section.index, btfMaps(btf, section, notes, elf.budget));
    else if (section.name === '.maps')
      throw elfError(section.offset, 'section .maps needs BTF, and the object has none');
    const origin = dataOrigin(section);
    if (origin && section.type === SHT.NOBITS && (zeroed += section.size) > MAX_DATA)
      throw elfError(-1, `zeroed sections of ${zeroed} bytes in all are too large, ${MAX_DATA} are the most`);
    if (origin && origin !== 'arena') table.addData(section.index, dataMap(section, origin, btf, object));
    if (origin === 'arena') table.addArena(section, btf);
    if (btf && isStructOps(section))
      for (const m of collectStructOps(elf, section, btf, functions, notes)) table.add(m);
  }
  if (externs.kconfigSize > 0) table.add(kconfigMap(externs.kconfigSize, btf));
  table.settleArena();
  return table;
}

function btfMaps(btf: Btf, section: ElfSection, notes: Note[], budget: Budget): PlacedMap[] {
  const maps = collectBtfMaps(btf, notes, budget);
  for (const m of maps) {
    if (m.offset + m.size > section.size)
      throw elfError(
        section.offset,
        `map ${m.spec.name} (${m.offset}+${m.size}) exceeds .maps of ${section.size} bytes`,
      );
  }
  return maps;
}

/** What .BTF.ext says of a function: its records lie between two offsets. */
class FunctionRecords {
  constructor(
    private readonly btf: Btf | undefined,
    private readonly ext: BtfExt | undefined,
    private readonly budget: Budget,
  ) {}

  /** Its FUNC type, 0 without. */
  btfId(f: RawFunction): number {
    const list = this.ext?.funcs.get(f.section.name);
    const i = list?.first(f.sectionInsn * 8) ?? 0;
    return list !== undefined && i < list.length && list.offset(i) === f.sectionInsn * 8 ? list.word(i, 0) : 0;
  }

  lines(f: RawFunction): LineInfo[] {
    return this.#inside(this.ext?.lines, f, (list, i, insn) => ({
      insn,
      fileOff: list.word(i, 0),
      lineOff: list.word(i, 1),
      lineCol: list.word(i, 2),
    }));
  }

  coreRelos(f: RawFunction): CoreRelo[] {
    return this.#inside(this.ext?.coreRelos, f, (list, i, insn) => ({
      insn,
      typeId: list.word(i, 0),
      access: this.btf?.str(list.word(i, 1)) ?? '',
      kind: list.word(i, 2),
    }));
  }

  #inside<T>(table: ExtTable | undefined, f: RawFunction, each: (list: ExtRecords, i: number, insn: number) => T): T[] {
    const list = table?.get(f.section.name);
    const out: T[] = [];
    if (list === undefined) return out;
    const start = f.sectionInsn * 8;
    const end = list.first(start + f.insns.length * 8);
    for (let i = list.first(start); i < end; i++) out.push(each(list, i, list.offset(i) / 8 - f.sectionInsn));
    this.budget.spend(16 * out.length, 'records of .BTF.ext');
    return out;
  }
}

function functionSpec(f: RawFunction, refs: InsnRef[], records: FunctionRecords): FunctionSpec {
  return {
    key: f.key,
    name: f.name,
    section: f.section.name,
    sectionInsn: f.sectionInsn,
    insns: f.insns,
    refs,
    btfId: records.btfId(f),
    lines: records.lines(f),
    coreRelos: records.coreRelos(f),
    linkage: f.bind === STB.LOCAL ? 'static' : f.bind === STB.WEAK ? 'weak' : 'global',
    hidden: f.hidden,
  };
}

/** Field by field: a spread of so many costs more than all else that is read of a small program. */
function programSpec(f: FunctionSpec, callbacks: ExceptionCallbacks, meanings: Meanings): ProgramSpec {
  const { row, target, autoload } = meanings.of(f.section);
  return {
    key: f.key,
    name: f.name,
    section: f.section,
    sectionInsn: f.sectionInsn,
    insns: f.insns,
    refs: f.refs,
    btfId: f.btfId,
    lines: f.lines,
    coreRelos: f.coreRelos,
    linkage: f.linkage,
    hidden: f.hidden,
    type: row?.type ?? 0,
    expectedAttachType: row?.attach ?? 0,
    attachTo: target,
    sleepable: row?.flags.includes('S') ?? false,
    xdpFrags: row?.flags.includes('F') ?? false,
    flags: 0,
    autoload,
    attachBtf: row?.flags.includes('B') ?? false,
    exceptionCallback: callbacks.keyOf(f.btfId),
  };
}

const EXCEPTION_TAG = 'exception_callback:';

/** Handlers of bpf_throw, by the FUNC type whose decl tag names them. */
class ExceptionCallbacks {
  readonly #btf: Btf | undefined;
  readonly #subprograms = new Map<string, string>();
  readonly #known = new Map<number, string>();

  constructor(btf: Btf | undefined, functions: readonly RawFunction[]) {
    this.#btf = btf;
    for (const f of functions) if (!f.entry && !this.#subprograms.has(f.name)) this.#subprograms.set(f.name, f.key);
  }

  keyOf(btfId: number): string {
    let key = this.#known.get(btfId);
    if (key === undefined) this.#known.set(btfId, (key = this.#find(btfId)));
    return key;
  }

  #find(btfId: number): string {
    if (this.#btf === undefined || this.#btf.kind(btfId) !== BTF_KIND.FUNC) return '';
    const tag = this.#btf.declTags(btfId, -1).find((t) => t.startsWith(EXCEPTION_TAG));
    return tag === undefined ? '' : (this.#subprograms.get(tag.slice(EXCEPTION_TAG.length)) ?? '');
  }
}

/** A program named by a struct_ops map implements that member, whatever its section says after the slash. */
function linkStructOps(spec: CollectionSpec): void {
  if (![...spec.maps.values()].some((m) => m.structOps)) return;
  const programs = new Map(spec.programs.map((p) => [p.key, p]));
  for (const map of spec.maps.values()) {
    for (const m of map.structOps?.members ?? []) {
      const program = programs.get(m.program);
      if (program && map.structOps)
        program.structOps ??= { typeName: map.structOps.typeName, memberName: m.memberName };
    }
  }
}
