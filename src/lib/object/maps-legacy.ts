/** Maps defined by struct bpf_map_def in section `maps` (before libbpf 1.0). */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { type ElfFile, type ElfSection, STT } from '../elf/elf.ts';
import { ElfReader, elfError } from '../elf/reader.ts';
import { newMapSpec } from './map-common.ts';
import type { PlacedMap } from './maps-btf.ts';

/** type, key_size, value_size, max_entries, map_flags. */
const MIN_SIZE = 20;

export const isLegacyMaps = (s: ElfSection): boolean => s.name === 'maps' || s.name.startsWith('maps/');

/** One map for each symbol; what a longer definition holds beyond the five known fields must be zero. */
export function collectLegacyMaps(elf: ElfFile, section: ElfSection, btf: Btf | undefined): PlacedMap[] {
  const symbols = elf.symbols
    .filter((s) => s.shndx === section.index && s.name !== '' && s.type !== STT.SECTION && s.type !== STT.FILE)
    .sort((a, b) => a.value - b.value)
    .filter((s, i, all) => i === 0 || s.value !== all[i - 1].value);
  if (symbols.length === 0) return [];
  const stride = Math.floor(section.size / symbols.length);
  const r = new ElfReader(section.data, elf.littleEndian);
  return symbols.map((sym) => {
    const size = sym.size || stride;
    if (size < MIN_SIZE || sym.value + size > section.data.length) {
      throw elfError(
        section.offset + sym.value,
        `map ${sym.name} has ${size} bytes in a section of ${section.size}, ${MIN_SIZE} or more were expected`,
      );
    }
    for (let at = sym.value + MIN_SIZE; at < sym.value + size; at++) {
      if (section.data[at] !== 0)
        throw elfError(section.offset + at, `map ${sym.name} sets a field beyond map_flags, which must be zero`);
    }
    const spec = newMapSpec(sym.name, 'legacy');
    [spec.type, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags] = [0, 4, 8, 12, 16].map((at) =>
      r.u32(sym.value + at),
    );
    annotate(btf, sym.name, spec);
    return { spec, offset: sym.value, size, valuesOffset: -1 };
  });
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
