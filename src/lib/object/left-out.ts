/** Parts of an object file that no other collector takes: sections, code outside of functions, second names, uncalled functions. */
import { type ElfFile, type ElfSection, SHF, SHN, SHT, STT } from '../elf/elf.ts';
import { type Note, note } from '../notes.ts';
import type { ExternSpec, FunctionSpec } from '../spec.ts';
import { FunctionPlaces, isCode, type RawFunction } from './functions.ts';
import { dataOrigin } from './maps-data.ts';
import { isLegacyMaps } from './maps-legacy.ts';
import { isStructOps } from './struct-ops.ts';

/** Allocated sections that carry nothing of the program itself. */
const SILENT = /^(\.eh_frame|license|version|\.maps)$/;

/** Sections with contents for the kernel that nothing here reads. */
export function ignoredSections(elf: ElfFile, hasBtf: boolean): Note[] {
  const out: Note[] = [];
  const say = (s: ElfSection, why: string): void => {
    out.push(note('section-ignored', 'section', s.name, `section ${s.name} is left out: ${why}`));
  };
  for (const s of elf.sections) {
    if (isStructOps(s) && !hasBtf) say(s, 'struct_ops need BTF, and the object has none');
    if (s.size === 0 || (s.flags & SHF.ALLOC) === 0 || (s.type !== SHT.PROGBITS && s.type !== SHT.NOBITS)) continue;
    if (isCode(s) || SILENT.test(s.name) || isStructOps(s) || isLegacyMaps(s) || dataOrigin(s) !== undefined) continue;
    say(s, 'its name says neither code, maps nor global data');
  }
  return out;
}

/** Code that belongs to no function, and further names of functions. */
export function ignoredCode(elf: ElfFile, functions: readonly RawFunction[]): Note[] {
  const out: Note[] = [];
  const starts = new FunctionPlaces(functions);
  const ends = new Map<ElfSection, number>();
  const gap = (s: ElfSection, from: number, to: number): void => {
    if (to > from)
      out.push(
        note(
          'code-ignored',
          'section',
          s.name,
          `section ${s.name}: instructions ${from} to ${to - 1} belong to no function, and are left out`,
        ),
      );
  };
  for (const f of functions) {
    gap(f.section, ends.get(f.section) ?? 0, f.sectionInsn);
    ends.set(f.section, f.sectionInsn + f.insns.length);
  }
  for (const [s, end] of ends) gap(s, end, s.size / 8);
  for (const sym of elf.symbols) {
    if (sym.type !== STT.FUNC || sym.name === '' || sym.shndx === SHN.UNDEF) continue;
    const taken = starts.at(sym.shndx, sym.value / 8)?.name;
    if (taken === undefined)
      out.push(
        note('symbol-ignored', 'symbol', sym.name, `function ${sym.name} lies in no section of code, and is left out`),
      );
    else if (taken !== sym.name)
      out.push(
        note(
          'symbol-ignored',
          'symbol',
          sym.name,
          `${sym.name} is a second name of function ${taken}, and is left out`,
        ),
      );
  }
  return out;
}

/** Functions that no program reaches: no kernel will see them. */
export function unusedFunctions(
  programs: readonly (FunctionSpec & { readonly exceptionCallback: string })[],
  subprograms: ReadonlyMap<string, FunctionSpec>,
): Note[] {
  const reached = new Set<string>();
  const todo: FunctionSpec[] = [...programs];
  const visit = (key: string): void => {
    const f = subprograms.get(key);
    if (f === undefined || reached.has(key)) return;
    reached.add(key);
    todo.push(f);
  };
  for (const p of programs) visit(p.exceptionCallback);
  for (let f = todo.pop(); f !== undefined; f = todo.pop())
    for (const ref of f.refs) if (ref.kind === 'call' || ref.kind === 'func') visit(ref.target);
  const out: Note[] = [];
  for (const [key, f] of subprograms) {
    if (!reached.has(key))
      out.push(
        note(
          'function-unused',
          'symbol',
          key,
          `function ${f.name} in section ${f.section} is called by no program, and is not loaded`,
        ),
      );
  }
  return out;
}

/** Strong symbols that the object does not declare in a section from which loaders know where to look. */
export const unresolvedExterns = (externs: readonly ExternSpec[]): Note[] =>
  externs
    .filter((e) => e.kind === 'unknown' && !e.weak)
    .map((e) =>
      note(
        'extern-unresolved',
        'symbol',
        e.name,
        `extern '${e.name}' is defined nowhere, and is no ksym or kconfig value`,
      ),
    );
