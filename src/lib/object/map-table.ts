/** The maps of an object while it is parsed: by name, and by the place that relocations point at. */
import type { Btf } from '../../btf/btf.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { type ElfFile, type ElfSection, SHT } from '../elf/elf.ts';
import { elfError } from '../elf/reader.ts';
import type { MapSpec } from '../spec.ts';
import type { RawFunction } from './functions.ts';
import type { PlacedMap } from './maps-btf.ts';
import { ARENA_SECTION, variables } from './maps-data.ts';
import type { Places } from './refs.ts';

export class MapTable implements Places {
  readonly specs = new Map<string, MapSpec>();
  readonly #placed = new Map<number, PlacedMap[]>();
  readonly #data = new Map<number, string>();
  #arena: { section: ElfSection; btf: Btf | undefined } | undefined;

  add(spec: MapSpec): void {
    if (this.specs.has(spec.name)) throw elfError(-1, `two maps are named ${spec.name}`);
    this.specs.set(spec.name, spec);
  }

  place(shndx: number, maps: readonly PlacedMap[]): void {
    for (const m of maps) this.add(m.spec);
    this.#placed.set(shndx, [...(this.#placed.get(shndx) ?? []), ...maps]);
  }

  addData(shndx: number, spec: MapSpec): void {
    this.#data.set(shndx, spec.name);
    // Sections that share a name (COMDAT copies) cannot share a map: later ones get a number.
    for (let n = 2; this.specs.has(spec.name); n++) spec.name = `${this.#data.get(shndx)}#${n}`;
    this.#data.set(shndx, spec.name);
    this.add(spec);
  }

  addArena(section: ElfSection, btf: Btf | undefined): void {
    this.#arena = { section, btf };
  }

  /** Global variables in the arena belong to the object's one arena map. */
  settleArena(): void {
    if (this.#arena === undefined) return;
    const map = [...this.specs.values()].find((m) => m.type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARENA);
    const { section, btf } = this.#arena;
    if (map === undefined)
      throw elfError(section.offset, `section ${ARENA_SECTION} needs a map of type BPF_MAP_TYPE_ARENA`);
    map.contents = section.type === SHT.NOBITS ? new Uint8Array(section.size) : section.data.slice();
    map.variables = btf ? variables(btf, ARENA_SECTION) : [];
    this.#data.set(section.index, map.name);
  }

  map(shndx: number, offset: number): string | undefined {
    return this.#placed.get(shndx)?.find((m) => m.offset === offset)?.spec.name;
  }

  isMapSection(shndx: number): boolean {
    return this.#placed.has(shndx);
  }

  data(shndx: number): string | undefined {
    return this.#data.get(shndx);
  }

  placed(shndx: number): readonly PlacedMap[] {
    return this.#placed.get(shndx) ?? [];
  }
}

/** Initial elements: relocations inside the `values` members of section .maps. */
export function fillValues(elf: ElfFile, maps: MapTable, functions: readonly RawFunction[]): void {
  for (const rel of elf.sections) {
    if (rel.type !== SHT.REL && rel.type !== SHT.RELA) continue;
    const placed = maps.placed(rel.info);
    if (placed.length === 0 || elf.sections[rel.info]?.name !== '.maps') continue;
    for (const r of elf.relocations(rel)) {
      const map = placed.find((m) => r.offset >= m.offset && r.offset < m.offset + m.size);
      if (map === undefined || map.valuesOffset < map.offset || r.offset < map.valuesOffset) {
        throw elfError(r.at, `relocation of .maps at ${r.offset} is not inside the "values" of a map`);
      }
      const { symbol } = r;
      const target =
        maps.map(symbol.shndx, symbol.value) ??
        functions.find((f) => f.section.index === symbol.shndx && f.sectionInsn === symbol.value / 8)?.key;
      if (target === undefined)
        throw elfError(
          r.at,
          `element of map ${map.spec.name} refers to ${symbol.name}, which is neither a map nor a program`,
        );
      map.spec.values.push({ index: (r.offset - map.valuesOffset) / 8, target });
    }
  }
}
