/** From the bytes of a BPF object file (.bpf.o) to an editable {@link CollectionSpec}. */
import { Btf, readCString } from '../btf/btf.ts';
import { BTF_KIND } from '../btf/types.ts';
import { type BtfExt, type ExtRecord, parseBtfExt } from './btf-ext.ts';
import { CollectionSpec } from './collection-spec.ts';
import { EM_BPF, EM_NONE, type ElfFile, type ElfSection, parseElf, STB } from './elf/elf.ts';
import { elfError } from './elf/reader.ts';
import { collectExterns, type Externs } from './object/externs.ts';
import { fixupBtf, relocatedData } from './object/fixup-btf.ts';
import { collectFunctions, type RawFunction } from './object/functions.ts';
import { collectBtfMaps, type PlacedMap } from './object/maps-btf.ts';
import { dataMap, dataOrigin, kconfigMap } from './object/maps-data.ts';
import { collectLegacyMaps, isLegacyMaps } from './object/maps-legacy.ts';
import { fillValues, MapTable } from './object/map-table.ts';
import { collectRefs } from './object/refs.ts';
import { collectStructOps, isStructOps } from './object/struct-ops.ts';
import { matchSection } from './sections.ts';
import type { FunctionSpec, InsnRef, LineInfo, ProgramSpec } from './spec.ts';

export interface ParseOptions {
  /** Name of the object; prefixes the kernel names of its global data (`prog` gives `prog.bss`). */
  readonly name?: string;
}

/** Parses an object file. Throws FormatError for what is not a well-formed BPF object. */
export function parseObject(bytes: Uint8Array, options: ParseOptions = {}): CollectionSpec {
  const elf = parseElf(bytes);
  if (elf.machine !== EM_BPF && elf.machine !== EM_NONE)
    throw elfError(18, `machine ${elf.machine} found, BPF (247) expected`);
  const warnings: string[] = [];
  const functions = collectFunctions(elf);
  const raw = rawBtf(elf);
  const externs = collectExterns(elf, raw);
  const hidden = new Set(functions.filter((f) => f.hidden && !f.entry).map((f) => f.name));
  const btf = raw && fixupBtf({ elf, btf: raw, externs: externs.externs, kconfigSize: externs.kconfigSize, hidden });
  const ext = btf ? rawExt(elf, btf) : undefined;
  const maps = collectMaps(elf, btf, functions, externs, options.name ?? '', warnings);
  const refs = collectRefs(elf, functions, maps);
  const specs = functions.map((f) => functionSpec(f, refs.get(f.key) ?? [], btf, ext));
  fillValues(elf, maps, functions);

  const spec = new CollectionSpec();
  spec.name = options.name ?? '';
  spec.littleEndian = elf.littleEndian;
  spec.btf = btf;
  spec.license = textSection(elf, 'license');
  spec.version = versionSection(elf);
  spec.maps = maps.specs;
  spec.externs = externs.externs;
  spec.warnings = warnings;
  functions.forEach((f, i) => {
    if (f.entry) spec.programs.push(programSpec(specs[i], btf, functions));
    else spec.subprograms.set(f.key, specs[i]);
  });
  linkStructOps(spec);
  return spec;
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
  functions: readonly RawFunction[],
  externs: Externs,
  object: string,
  warnings: string[],
): MapTable {
  const table = new MapTable();
  for (const section of elf.sections) {
    if (isLegacyMaps(section)) table.place(section.index, collectLegacyMaps(elf, section, btf));
    if (section.name === '.maps' && btf) table.place(section.index, btfMaps(btf, section, warnings));
    else if (section.name === '.maps')
      throw elfError(section.offset, 'section .maps needs BTF, and the object has none');
    const origin = dataOrigin(section);
    if (origin && origin !== 'arena') table.addData(section.index, dataMap(section, origin, btf, object));
    if (origin === 'arena') table.addArena(section, btf);
    if (btf && isStructOps(section)) for (const m of collectStructOps(elf, section, btf, functions)) table.add(m);
  }
  if (externs.kconfigSize > 0) table.add(kconfigMap(externs.kconfigSize, btf));
  table.settleArena();
  return table;
}

function btfMaps(btf: Btf, section: ElfSection, warnings: string[]): PlacedMap[] {
  const maps = collectBtfMaps(btf, warnings);
  for (const m of maps) {
    if (m.offset + m.size > section.size)
      throw elfError(
        section.offset,
        `map ${m.spec.name} (${m.offset}+${m.size}) exceeds .maps of ${section.size} bytes`,
      );
  }
  return maps;
}

function functionSpec(f: RawFunction, refs: InsnRef[], btf: Btf | undefined, ext: BtfExt | undefined): FunctionSpec {
  const inside = (list: readonly ExtRecord[] | undefined): ExtRecord[] => {
    const start = f.sectionInsn * 8;
    return (list ?? []).filter((r) => r.offset >= start && r.offset < start + f.insns.length * 8);
  };
  const insn = (r: ExtRecord): number => r.offset / 8 - f.sectionInsn;
  const own = inside(ext?.funcs.get(f.section.name)).find((r) => r.offset === f.sectionInsn * 8);
  const lines = inside(ext?.lines.get(f.section.name)).map(
    (r): LineInfo => ({ insn: insn(r), fileOff: r.words[0], lineOff: r.words[1], lineCol: r.words[2] }),
  );
  const coreRelos = inside(ext?.coreRelos.get(f.section.name)).map((r) => ({
    insn: insn(r),
    typeId: r.words[0],
    access: btf?.str(r.words[1]) ?? '',
    kind: r.words[2],
  }));
  return {
    key: f.key,
    name: f.name,
    section: f.section.name,
    sectionInsn: f.sectionInsn,
    insns: f.insns,
    refs,
    btfId: own?.words[0] ?? 0,
    lines,
    coreRelos,
    linkage: f.bind === STB.LOCAL ? 'static' : f.bind === STB.WEAK ? 'weak' : 'global',
    hidden: f.hidden,
  };
}

function programSpec(f: FunctionSpec, btf: Btf | undefined, functions: readonly RawFunction[]): ProgramSpec {
  const { row, target, autoload } = matchSection(f.section);
  return {
    ...f,
    type: row?.type ?? 0,
    expectedAttachType: row?.attach ?? 0,
    attachTo: target,
    sleepable: row?.flags.includes('S') ?? false,
    xdpFrags: row?.flags.includes('F') ?? false,
    flags: 0,
    autoload,
    attachBtf: row?.flags.includes('B') ?? false,
    exceptionCallback: exceptionCallback(f, btf, functions),
  };
}

const EXCEPTION_TAG = 'exception_callback:';

function exceptionCallback(f: FunctionSpec, btf: Btf | undefined, functions: readonly RawFunction[]): string {
  if (btf === undefined || btf.kind(f.btfId) !== BTF_KIND.FUNC) return '';
  const tag = btf.declTags(f.btfId, -1).find((t) => t.startsWith(EXCEPTION_TAG));
  const name = tag?.slice(EXCEPTION_TAG.length);
  return functions.find((o) => o.name === name && !o.entry)?.key ?? '';
}

/** A program named by a struct_ops map implements that member, whatever its section says after the slash. */
function linkStructOps(spec: CollectionSpec): void {
  for (const map of spec.maps.values()) {
    for (const m of map.structOps?.members ?? []) {
      const program = spec.programs.find((p) => p.key === m.program);
      if (program && map.structOps)
        program.structOps ??= { typeName: map.structOps.typeName, memberName: m.memberName };
    }
  }
}
