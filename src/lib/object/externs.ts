/** Symbols that the object expects from outside: kernel configuration values, kernel variables and kfuncs. */
import type { Btf } from '../../btf/btf.ts';
import { type AlignCache, alignOf } from '../../btf/layout.ts';
import { BTF_INT_BOOL, BTF_INT_SIGNED, BTF_KIND, BTF_LINKAGE } from '../../btf/types.ts';
import { type ElfFile, SHN, STB } from '../elf/elf.ts';
import { elfError } from '../elf/reader.ts';
import type { ExternSpec, KconfigType } from '../spec.ts';

/** Most bytes of a .kconfig map: text values are the largest, and short. */
const MAX_KCONFIG = 1 << 24;

export interface Externs {
  readonly externs: ExternSpec[];
  /** Bytes of the .kconfig map, 0 without one. */
  readonly kconfigSize: number;
}

interface Declared {
  readonly id: number;
  readonly section: string;
}

/** Extern declarations in BTF by name, with the DATASEC they lie in. */
function declaredExterns(btf: Btf): Map<string, Declared> {
  const out = new Map<string, Declared>();
  const sections = new Map<number, string>();
  for (let id = 1; id < btf.nrTypes; id++) {
    if (btf.kind(id) !== BTF_KIND.DATASEC) continue;
    for (const v of btf.type(id)?.vars ?? []) sections.set(v.type, btf.name(id));
  }
  for (let id = 1; id < btf.nrTypes; id++) {
    const kind = btf.kind(id);
    if (kind !== BTF_KIND.VAR && kind !== BTF_KIND.FUNC) continue;
    const at = btf.wordIndex(id);
    const linkage = kind === BTF_KIND.VAR ? btf.allWords[at + 3] : btf.allWords[at + 1] & 0xffff;
    if (linkage === BTF_LINKAGE.EXTERN) out.set(btf.name(id), { id, section: sections.get(id) ?? '' });
  }
  return out;
}

/** Collects the undefined symbols; `btf` is the object's BTF as the compiler left it. */
export function collectExterns(elf: ElfFile, btf: Btf | undefined): Externs {
  const declared = btf ? declaredExterns(btf) : new Map<string, Declared>();
  const seen = new Set<string>();
  const aligns: AlignCache = new Map();
  const kconfig: { ext: ExternSpec; align: number }[] = [];
  const externs: ExternSpec[] = [];
  for (const sym of elf.symbols) {
    if (sym.shndx !== SHN.UNDEF || sym.name === '' || sym.bind === STB.LOCAL || seen.has(sym.name)) continue;
    seen.add(sym.name);
    const weak = sym.bind === STB.WEAK;
    const found = declared.get(sym.name);
    if (btf === undefined || found === undefined) {
      externs.push({ name: sym.name, kind: 'unknown', weak, isFunction: false, typeId: 0, typeless: true });
      continue;
    }
    const typeId = btf.ref(found.id);
    const isFunction = btf.kind(found.id) === BTF_KIND.FUNC;
    const typeless = !isFunction && btf.skipModifiers(typeId) === 0;
    if (found.section === '.kconfig' && !isFunction) {
      const size = Math.max(0, btf.sizeOf(typeId));
      const { type, signed } = kconfigType(btf, typeId);
      const ext: ExternSpec = {
        name: sym.name,
        kind: 'kconfig',
        weak,
        isFunction,
        typeId,
        typeless,
        kconfig: { type, size, signed, offset: 0 },
      };
      kconfig.push({ ext, align: Math.max(1, alignOf(btf, typeId, aligns)) });
    } else {
      const kind = found.section === '.ksyms' ? 'ksym' : 'unknown';
      externs.push({ name: sym.name, kind, weak, isFunction, typeId, typeless });
    }
  }
  const placed = placeKconfig(kconfig);
  const last = placed.at(-1)?.kconfig;
  const kconfigSize = last ? last.offset + last.size : 0;
  if (kconfigSize > MAX_KCONFIG)
    throw elfError(
      -1,
      `kernel configuration values of ${kconfigSize} bytes are too large, ${MAX_KCONFIG} are the most`,
    );
  return { externs: [...placed, ...externs], kconfigSize };
}

/** Largest alignment first, then smallest size, then by name. */
function ordered(list: { ext: ExternSpec; align: number }[]) {
  const size = (e: ExternSpec): number => e.kconfig?.size ?? 0;
  return [...list].sort((a, b) => b.align - a.align || size(a.ext) - size(b.ext) || (a.ext.name < b.ext.name ? -1 : 1));
}

function placeKconfig(list: { ext: ExternSpec; align: number }[]): ExternSpec[] {
  let off = 0;
  return ordered(list).map(({ ext, align }) => {
    const offset = Math.ceil(off / align) * align;
    off = offset + (ext.kconfig?.size ?? 0);
    return { ...ext, kconfig: { ...(ext.kconfig as NonNullable<ExternSpec['kconfig']>), offset } };
  });
}

function kconfigType(btf: Btf, typeId: number, inArray = false): { type: KconfigType; signed: boolean } {
  const t = btf.type(btf.skipModifiers(typeId));
  if (t?.kind === BTF_KIND.INT && t.int) {
    const signed = (t.int.encoding & BTF_INT_SIGNED) !== 0;
    if (t.int.encoding & BTF_INT_BOOL) return { type: t.size === 1 ? 'bool' : 'unknown', signed };
    if (t.size === 1) return { type: 'char', signed };
    return { type: t.size <= 8 ? 'int' : 'unknown', signed };
  }
  if (t?.kind === BTF_KIND.ENUM && t.size === 4 && t.name === 'libbpf_tristate')
    return { type: 'tristate', signed: false };
  if (t?.kind === BTF_KIND.ARRAY && t.array && t.array.nelems > 0 && !inArray) {
    const elem = kconfigType(btf, t.array.elemType, true);
    if (elem.type === 'char') return { type: 'char array', signed: elem.signed };
  }
  return { type: 'unknown', signed: false };
}
