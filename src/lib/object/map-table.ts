/** The maps of an object while it is parsed: by name, and by the place that relocations point at. */
import type { Btf } from '../../btf/btf.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { type ElfFile, type ElfSection, SHT } from '../elf/elf.ts';
import type { Budget } from '../../util/budget.ts';
import { elfError } from '../elf/reader.ts';
import type { MapSpec } from '../spec.ts';
import type { FunctionPlaces } from './functions.ts';
import type { PlacedMap } from './maps-btf.ts';
import { ARENA_SECTION, variables } from './maps-data.ts';
import type { Places } from './refs.ts';

export class MapTable implements Places {
  readonly specs = new Map<string, MapSpec>();
  readonly #placed = new Map<number, Placement>();
  /** The number that was last given to a data section's name. */
  readonly #copies = new Map<string, number>();
  readonly #data = new Map<number, string>();
  readonly #budget: Budget;
  #arena: { section: ElfSection; btf: Btf | undefined } | undefined;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  add(spec: MapSpec): void {
    if (this.specs.has(spec.name)) throw elfError(-1, `two maps are named ${spec.name}`);
    this.specs.set(spec.name, spec);
  }

  place(shndx: number, maps: readonly PlacedMap[]): void {
    for (const m of maps) this.add(m.spec);
    this.#placed.set(shndx, new Placement([...(this.#placed.get(shndx)?.maps ?? []), ...maps]));
  }

  addData(shndx: number, spec: MapSpec): void {
    this.#budget.spend(16 * spec.variables.length + spec.name.length, 'data sections');
    // Sections that share a name (COMDAT copies) cannot share a map: later ones get a number.
    const base = spec.name;
    let n = this.#copies.get(base) ?? 1;
    while (this.specs.has(spec.name)) spec.name = `${base}#${++n}`;
    this.#copies.set(base, n);
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
    return this.#placed.get(shndx)?.at(offset)?.spec.name;
  }

  isMapSection(shndx: number): boolean {
    return this.#placed.has(shndx);
  }

  data(shndx: number): string | undefined {
    return this.#data.get(shndx);
  }

  placed(shndx: number): Placement | undefined {
    return this.#placed.get(shndx);
  }
}

/** The maps of one section in order of offset. */
export class Placement {
  readonly #sorted: readonly PlacedMap[];

  constructor(readonly maps: readonly PlacedMap[]) {
    this.#sorted = [...maps].sort((a, b) => a.offset - b.offset);
  }

  /** The map that begins there. */
  at(offset: number): PlacedMap | undefined {
    const found = this.around(offset);
    return found?.offset === offset ? found : undefined;
  }

  /** The last map that begins there or before. */
  around(offset: number): PlacedMap | undefined {
    let [lo, hi] = [0, this.#sorted.length];
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.#sorted[mid].offset <= offset) lo = mid + 1;
      else hi = mid;
    }
    return this.#sorted[lo - 1];
  }
}

/** Initial elements: relocations inside the `values` members of section .maps. */
export function fillValues(elf: ElfFile, maps: MapTable, functions: FunctionPlaces): void {
  for (const rel of elf.sections) {
    if (rel.type !== SHT.REL && rel.type !== SHT.RELA) continue;
    const placed = maps.placed(rel.info);
    if (placed === undefined || placed.maps.length === 0 || elf.sections[rel.info]?.name !== '.maps') continue;
    for (const r of elf.relocations(rel)) {
      const map = placed.around(r.offset);
      if (
        map === undefined ||
        r.offset >= map.offset + map.size ||
        map.valuesOffset < map.offset ||
        r.offset < map.valuesOffset
      ) {
        throw elfError(r.at, `relocation of .maps at ${r.offset} is not inside the "values" of a map`);
      }
      const { symbol } = r;
      const target = maps.map(symbol.shndx, symbol.value) ?? functions.at(symbol.shndx, symbol.value / 8)?.key;
      if (target === undefined)
        throw elfError(
          r.at,
          `element of map ${map.spec.name} refers to ${symbol.name}, which is neither a map nor a program`,
        );
      map.spec.values.push({ index: (r.offset - map.valuesOffset) / 8, target });
    }
  }
}
