/** Global data as maps: .data, .rodata, .bss and their named variants, .kconfig and the arena's variables. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND, BTF_LINKAGE } from '../../btf/types.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { type ElfSection, SHF, SHT } from '../elf/elf.ts';
import { elfError } from '../elf/reader.ts';
import type { MapOrigin, MapSpec, VariableSpec } from '../spec.ts';
import { kernelName, newMapSpec } from './map-common.ts';
import { BPF_F_RDONLY_PROG, BPF_F_MMAPABLE } from '../../uapi/flags.ts';

export const ARENA_SECTION = '.addr_space.1';
/** Largest size of global data that is taken from an object (KMALLOC_MAX_SIZE would refuse it later anyway). */
export const MAX_DATA = 0x7fffffff;

/** Which kind of global data a section is, or undefined. */
export function dataOrigin(s: ElfSection): MapOrigin | undefined {
  if (s.size === 0 || (s.flags & SHF.ALLOC) === 0 || (s.flags & SHF.EXECINSTR) !== 0) return undefined;
  const is = (name: string): boolean => s.name === name || s.name.startsWith(`${name}.`);
  if (s.name === ARENA_SECTION) return 'arena';
  if (is('.bss') && s.type === SHT.NOBITS) return 'bss';
  if (is('.data') && (s.type === SHT.PROGBITS || s.type === SHT.NOBITS)) return 'data';
  if (is('.rodata') && s.type === SHT.PROGBITS) return 'rodata';
  return undefined;
}

/** The map that holds a data section. `object` prefixes the kernel's name of the unnamed sections, as in `prog.bss`. */
export function dataMap(s: ElfSection, origin: MapOrigin, btf: Btf | undefined, object: string): MapSpec {
  if (s.size > MAX_DATA) throw elfError(s.offset, `section ${s.name} of ${s.size} bytes is too large`);
  const spec = newMapSpec(s.name, origin);
  const unnamed = s.name.lastIndexOf('.') === 0;
  spec.kernelName =
    unnamed && object ? kernelName(object.slice(0, 15 - Math.max(7, s.name.length)) + s.name) : kernelName(s.name);
  spec.contents = origin === 'bss' || s.type === SHT.NOBITS ? new Uint8Array(s.size) : s.data.slice();
  fillArray(spec, s.size, origin === 'rodata', btf);
  return spec;
}

export function kconfigMap(size: number, btf: Btf | undefined): MapSpec {
  const spec = newMapSpec('.kconfig', 'kconfig');
  spec.contents = new Uint8Array(size);
  fillArray(spec, size, true, btf);
  return spec;
}

function fillArray(spec: MapSpec, size: number, readOnly: boolean, btf: Btf | undefined): void {
  spec.type = BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY;
  spec.keySize = 4;
  spec.valueSize = size;
  spec.maxEntries = 1;
  spec.freeze = readOnly;
  spec.variables = btf ? variables(btf, spec.name) : [];
  spec.valueTypeId = btf?.find(spec.name, BTF_KIND.DATASEC) ?? 0;
  const shared = spec.variables.some((v) => v.linkage !== BTF_LINKAGE.STATIC);
  spec.flags = (readOnly ? BPF_F_RDONLY_PROG : 0) | (shared ? BPF_F_MMAPABLE : 0);
}

/** The variables that BTF names in a section. */
export function variables(btf: Btf, section: string): VariableSpec[] {
  const t = btf.type(btf.find(section, BTF_KIND.DATASEC));
  if (t?.kind !== BTF_KIND.DATASEC) return [];
  return t.vars.map((v) => {
    const variable = btf.type(v.type);
    return {
      name: variable?.name ?? '',
      offset: v.offset,
      size: v.size,
      typeId: variable?.type ?? 0,
      linkage: variable?.linkage ?? 0,
    };
  });
}
