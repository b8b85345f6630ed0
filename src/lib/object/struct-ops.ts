/** Sections .struct_ops and .struct_ops.link: one map for each variable, programs in its function pointer members. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { type ElfFile, type ElfSection, SHT } from '../elf/elf.ts';
import { type Note, note } from '../notes.ts';
import type { MapSpec } from '../spec.ts';
import { newMapSpec } from './map-common.ts';
import type { FunctionPlaces } from './functions.ts';
import { BPF_F_LINK } from '../../uapi/flags.ts';

export const isStructOps = (s: ElfSection): boolean =>
  /^\??\.struct_ops(\.link)?$/.test(s.name) && s.type === SHT.PROGBITS;

/** Reads the variables of one struct_ops section; the kernel's layout is applied when the map is made. */
export function collectStructOps(
  elf: ElfFile,
  section: ElfSection,
  btf: Btf,
  functions: FunctionPlaces,
  notes: Note[],
): MapSpec[] {
  const skip = (detail: string): void => {
    notes.push(note('struct-ops-ignored', 'section', section.name, `section ${section.name}: ${detail}`));
  };
  const datasec = btf.type(btf.find(section.name, BTF_KIND.DATASEC));
  if (datasec?.kind !== BTF_KIND.DATASEC) {
    skip('BTF does not describe it, so its struct_ops are left out');
    return [];
  }
  const pointers = functionPointers(elf, section, functions, skip);
  const out: MapSpec[] = [];
  for (const v of datasec.vars) {
    const variable = btf.type(v.type);
    const type = btf.type(btf.skipModifiers(variable?.type ?? 0));
    if (variable === undefined || type?.kind !== BTF_KIND.STRUCT) {
      skip(`variable ${variable?.name ?? v.type} is no struct, and left out`);
      continue;
    }
    elf.budget.spend(type.size + 16 * type.vlen + variable.name.length, 'struct_ops variables', section.offset);
    const spec = newMapSpec(variable.name, 'struct_ops');
    spec.type = BPF_MAP_TYPE.BPF_MAP_TYPE_STRUCT_OPS;
    spec.keySize = 4;
    spec.valueSize = type.size;
    spec.maxEntries = 1;
    spec.flags = section.name.endsWith('.link') ? BPF_F_LINK : 0;
    spec.autocreate = !section.name.startsWith('?');
    spec.contents = section.data.slice(v.offset, v.offset + type.size);
    const members = type.members.flatMap((m) => {
      const program = pointers.get(v.offset + m.bitOffset / 8);
      return program === undefined ? [] : [{ memberName: m.name, offset: m.bitOffset / 8, program }];
    });
    spec.structOps = { typeName: type.name, typeId: type.id, members };
    out.push(spec);
  }
  return out;
}

/** Function keys by the byte offset of the pointer that is relocated to them. */
function functionPointers(
  elf: ElfFile,
  section: ElfSection,
  functions: FunctionPlaces,
  skip: (detail: string) => void,
): Map<number, string> {
  const out = new Map<number, string>();
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  for (const rel of elf.relocationsOf(section.index)) {
    for (const r of elf.relocations(rel)) {
      if (r.offset + 8 > section.data.length) continue;
      const addend = r.addend ?? view.getUint32(r.offset + (elf.littleEndian ? 0 : 4), elf.littleEndian);
      const insn = (r.symbol.value + addend) / 8;
      const fn = functions.at(r.symbol.shndx, insn);
      if (fn) out.set(r.offset, fn.key);
      else
        skip(
          `the pointer at ${r.offset} refers to ${r.symbol.name || 'something'} that is no function, and stays null`,
        );
    }
  }
  return out;
}
