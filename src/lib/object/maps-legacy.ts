/** Maps defined by struct bpf_map_def, or a longer struct that begins like it, in section `maps` (before libbpf 1.0). */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { type ElfFile, type ElfSection, SHF, SHT, STT } from '../elf/elf.ts';
import { ElfReader, elfError } from '../elf/reader.ts';
import { type Note, note } from '../notes.ts';
import type { MapSpec } from '../spec.ts';
import { isMapInMap, newMapSpec, noteSizes } from './map-common.ts';
import type { PlacedMap } from './maps-btf.ts';

/** type, key_size, value_size, max_entries, map_flags. */
const MIN_SIZE = 20;

/** struct bpf_elf_map of iproute2: id, pinning, inner_id and inner_idx follow. */
const ELF_MAP_SIZE = 36;
const ELF_MAP_ID = 20;
const ELF_MAP_INNER_ID = 28;

export const isLegacyMaps = (s: ElfSection): boolean =>
  (s.flags & SHF.EXECINSTR) === 0 && s.type === SHT.PROGBITS && /^maps($|[/._])/.test(s.name);

/** One map for each symbol. What a longer definition holds beyond the five known fields is kept in `extra`, and said. */
export function collectLegacyMaps(elf: ElfFile, section: ElfSection, btf: Btf | undefined, notes: Note[]): PlacedMap[] {
  const symbols = elf
    .symbolsOf(section.index)
    .filter((s) => s.name !== '' && s.type !== STT.SECTION && s.type !== STT.FILE)
    .sort((a, b) => a.value - b.value)
    .filter((s, i, all) => i === 0 || s.value !== all[i - 1].value);
  if (symbols.length === 0) return [];
  const stride = Math.floor(section.size / symbols.length);
  const r = new ElfReader(section.data, elf.littleEndian);
  const maps = symbols.map((sym) => {
    const size = sym.size || stride;
    if (size < MIN_SIZE || sym.value + size > section.data.length) {
      throw elfError(
        section.offset + sym.value,
        `map ${sym.name} has ${size} bytes in a section of ${section.size}, ${MIN_SIZE} or more were expected`,
      );
    }
    elf.budget.spend(size, 'map definitions', section.offset + sym.value);
    const spec = newMapSpec(sym.name, 'legacy');
    [spec.type, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags] = [0, 4, 8, 12, 16].map((at) =>
      r.u32(sym.value + at),
    );
    const extra = section.data.slice(sym.value + MIN_SIZE, sym.value + size);
    if (extra.some((b) => b !== 0)) spec.extra = extra;
    annotate(btf, sym.name, spec);
    return { spec, offset: sym.value, size, valuesOffset: -1 };
  });
  linkInner(maps, r);
  for (const { spec } of maps) tell(spec, section, notes);
  return maps;
}

/** The inner maps of a bpf_elf_map are like the map whose id its inner_id is. */
function linkInner(maps: readonly PlacedMap[], r: ElfReader): void {
  const byId = new Map<number, MapSpec>();
  for (const m of maps) if (m.size === ELF_MAP_SIZE) byId.set(r.u32(m.offset + ELF_MAP_ID), m.spec);
  for (const m of maps) {
    if (m.size !== ELF_MAP_SIZE || !isMapInMap(m.spec.type)) continue;
    const id = r.u32(m.offset + ELF_MAP_INNER_ID);
    const inner = id === 0 ? undefined : byId.get(id);
    if (inner !== undefined && inner !== m.spec) m.spec.inner = { ...inner, name: `${m.spec.name}.inner` };
  }
}

function tell(spec: MapSpec, section: ElfSection, notes: Note[]): void {
  const say = (code: 'legacy-map' | 'legacy-map-fields', text: string): void => {
    notes.push(note(code, 'map', spec.name, `map '${spec.name}': ${text}`));
  };
  say('legacy-map', `legacy map definition in section '${section.name}'`);
  if (spec.extra !== undefined)
    say(
      'legacy-map-fields',
      'its fields beyond map_flags (id, pinning) have no effect; `extra` of its spec holds them',
    );
  noteSizes(spec, notes);
}

/** BPF_ANNOTATE_KV_PAIR leaves a struct `____btf_map_<name>` with the members key and value. */
function annotate(
  btf: Btf | undefined,
  name: string,
  spec: { keyTypeId: number; valueTypeId: number; keySize: number; valueSize: number },
): void {
  const t = btf?.type(btf.find(`____btf_map_${name}`, BTF_KIND.STRUCT));
  if (btf === undefined || t?.kind !== BTF_KIND.STRUCT) return;
  const key = t.members.find((m) => m.name === 'key')?.type ?? 0;
  const value = t.members.find((m) => m.name === 'value')?.type ?? 0;
  if (btf.sizeOf(key) !== spec.keySize || btf.sizeOf(value) !== spec.valueSize) return;
  spec.keyTypeId = key;
  spec.valueTypeId = value;
}
