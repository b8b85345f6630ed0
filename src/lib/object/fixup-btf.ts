/** The object's BTF made complete: relocated offsets, section sizes, externs and hidden functions as the kernel takes them. */
import { Btf } from '../../btf/btf.ts';
import { BtfBuilder, btfInfo } from '../../btf/encode.ts';
import { BTF_INT_SIGNED, BTF_KIND, BTF_LINKAGE } from '../../btf/types.ts';
import type { ElfFile, ElfSection } from '../elf/elf.ts';
import type { ExternSpec } from '../spec.ts';

/** The section's bytes with its own relocations (REL or RELA, 32-bit fields) applied. */
export function relocatedData(elf: ElfFile, section: ElfSection): Uint8Array {
  const out = section.data.slice();
  const view = new DataView(out.buffer);
  for (const rel of elf.relocationsOf(section.index)) {
    for (const r of elf.relocations(rel)) {
      if (r.offset + 4 > out.length) continue;
      const addend = r.addend ?? view.getUint32(r.offset, elf.littleEndian);
      view.setUint32(r.offset, (r.symbol.value + addend) >>> 0, elf.littleEndian);
    }
  }
  return out;
}

export interface FixupInput {
  readonly elf: ElfFile;
  readonly btf: Btf;
  readonly externs: readonly ExternSpec[];
  readonly kconfigSize: number;
  /** Names of global functions with hidden visibility. */
  readonly hidden: ReadonlySet<string>;
}

/** A new Btf with the same type ids, fit for BTF_LOAD. */
export function fixupBtf(input: FixupInput): Btf {
  const { elf, btf } = input;
  const builder = BtfBuilder.from(btf);
  const kconfig = new Map(input.externs.map((e) => [e.name, e.kconfig]));
  const params = new ParamNames(builder, btf);
  const sizes = new Map(elf.sections.map((s) => [s.name, s.size]));
  for (let id = btf.startId; id < btf.nrTypes; id++) {
    switch (btf.kind(id)) {
      case BTF_KIND.DATASEC:
        if (btf.name(id) === '.ksyms') fixKsyms(builder, btf, id, params);
        else if (btf.name(id) === '.kconfig') fixKconfig(builder, btf, id, kconfig, input.kconfigSize);
        else fixDatasec(builder, id, sizes.get(btf.name(id)));
        break;
      case BTF_KIND.FUNC: {
        const linkage = btf.allWords[btf.wordIndex(id) + 1] & 0xffff;
        if (linkage === BTF_LINKAGE.GLOBAL && input.hidden.size > 0 && input.hidden.has(btf.name(id)))
          builder.words(id)[1] = btfInfo(BTF_KIND.FUNC, BTF_LINKAGE.STATIC);
        // The kernel knows no extern functions, wherever they were to come from.
        if (linkage === BTF_LINKAGE.EXTERN) {
          builder.words(id)[1] = btfInfo(BTF_KIND.FUNC, BTF_LINKAGE.GLOBAL);
          params.give(btf.ref(id));
        }
        break;
      }
      case BTF_KIND.VAR:
        if (btf.allWords[btf.wordIndex(id) + 3] === BTF_LINKAGE.EXTERN) builder.words(id)[3] = BTF_LINKAGE.GLOBAL;
        break;
      default:
        break;
    }
  }
  return Btf.parse(builder.encode());
}

/** Size of a section whose DATASEC clang left at 0, and its variables in order of offset. */
function fixDatasec(builder: BtfBuilder, id: number, sectionSize: number | undefined): void {
  const words = builder.words(id);
  if (words[2] === 0 && sectionSize !== undefined) words[2] = sectionSize;
  sortVars(words);
}

function sortVars(words: Uint32Array): void {
  const rows: [number, number, number][] = [];
  for (let p = 3; p < words.length; p += 3) rows.push([words[p], words[p + 1], words[p + 2]]);
  rows.sort((a, b) => a[1] - b[1]);
  rows.forEach((row, i) => {
    words.set(row, 3 + i * 3);
  });
}

/** .ksyms becomes a section of dummy ints: the kernel knows no extern functions or variables in BTF. */
function fixKsyms(builder: BtfBuilder, btf: Btf, id: number, params: ParamNames): void {
  const int = btf.find('int', BTF_KIND.INT) || builder.int('int', 4, BTF_INT_SIGNED);
  const dummyName = builder.string('dummy_ksym');
  let dummy = 0;
  const words = builder.words(id);
  let off = 0;
  for (let p = 3; p < words.length; p += 3) {
    const target = words[p];
    if (btf.kind(target) === BTF_KIND.FUNC) {
      builder.words(target)[1] = btfInfo(BTF_KIND.FUNC, BTF_LINKAGE.GLOBAL);
      params.give(btf.ref(target));
      dummy ||= builder.raw([dummyName, btfInfo(BTF_KIND.VAR, 0), int, BTF_LINKAGE.GLOBAL]);
      words[p] = dummy;
    } else if (btf.kind(target) === BTF_KIND.VAR) {
      const v = builder.words(target);
      v[2] = int;
      v[3] = BTF_LINKAGE.GLOBAL;
    }
    words[p + 1] = off;
    words[p + 2] = 4;
    off += 4;
  }
  words[2] = off;
}

/** Declarations have no parameter names, which the kernel asks of every FUNC's prototype. */
class ParamNames {
  readonly #named = new Set<number>();

  constructor(
    readonly builder: BtfBuilder,
    readonly btf: Btf,
  ) {}

  give(proto: number): void {
    if (this.btf.kind(proto) !== BTF_KIND.FUNC_PROTO || this.#named.has(proto)) return;
    this.#named.add(proto);
    const name = this.builder.string('dummy_ksym');
    const words = this.builder.words(proto);
    for (let p = 3; p < words.length; p += 2) if (words[p + 1] !== 0 && words[p] === 0) words[p] = name;
  }
}

function fixKconfig(
  builder: BtfBuilder,
  btf: Btf,
  id: number,
  kconfig: ReadonlyMap<string, ExternSpec['kconfig']>,
  size: number,
): void {
  const words = builder.words(id);
  for (let p = 3; p < words.length; p += 3) {
    const ext = kconfig.get(btf.name(words[p]));
    if (ext === undefined) continue;
    builder.words(words[p])[3] = BTF_LINKAGE.GLOBAL;
    words[p + 1] = ext.offset;
    words[p + 2] = ext.size;
  }
  words[2] = size;
  sortVars(words);
}
