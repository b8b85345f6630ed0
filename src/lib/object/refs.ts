/** Relocations of code turned into symbolic references of single instructions. */
import { BPF_CALL, BPF_DW, BPF_IMM, BPF_JMP, BPF_LD, BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC } from '../../isa/opcodes.ts';
import { type ElfFile, type ElfReloc, type ElfSection, SHN, SHT } from '../elf/elf.ts';
import type { InsnRef } from '../spec.ts';
import type { RawFunction } from './functions.ts';

const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;
const CALL = BPF_JMP | BPF_CALL;

/** Answers what lies at a place of the object. */
export interface Places {
  /** Name of the map whose definition begins at that offset of a map section; undefined when the section holds no maps. */
  map(shndx: number, offset: number): string | undefined;
  isMapSection(shndx: number): boolean;
  /** Name of the global data map of a section. */
  data(shndx: number): string | undefined;
}

type At = (section: ElfSection, insn: number) => RawFunction | undefined;

/** References of every function, by key. */
export function collectRefs(elf: ElfFile, functions: readonly RawFunction[], places: Places): Map<string, InsnRef[]> {
  const at = functionLookup(functions);
  const sections = new Set(functions.map((f) => f.section));
  const out = new Map<string, InsnRef[]>(functions.map((f) => [f.key, []]));
  for (const rel of elf.sections) {
    if (rel.type !== SHT.REL && rel.type !== SHT.RELA) continue;
    const target = elf.sections[rel.info];
    if (target === undefined || !sections.has(target)) continue;
    for (const r of elf.relocations(rel)) {
      const f = at(target, Math.floor(r.offset / 8));
      if (f === undefined) continue;
      const insn = Math.floor(r.offset / 8) - f.sectionInsn;
      out.get(f.key)?.push(resolve({ elf, places, at }, f, insn, r));
    }
  }
  for (const f of functions) addLocalCalls(f, out.get(f.key) as InsnRef[], at);
  for (const refs of out.values()) if (refs.length > 1) refs.sort((a, b) => a.insn - b.insn);
  return out;
}

/** Finds the function that contains an instruction of a section. */
function functionLookup(functions: readonly RawFunction[]): At {
  const bySection = new Map<ElfSection, RawFunction[]>();
  for (const f of functions) {
    const list = bySection.get(f.section);
    if (list) list.push(f);
    else bySection.set(f.section, [f]);
  }
  return (section, insn) => {
    const list = bySection.get(section) ?? [];
    let lo = 0;
    let hi = list.length - 1;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (list[mid].sectionInsn <= insn) lo = mid;
      else hi = mid - 1;
    }
    const f = list[lo];
    return f !== undefined && insn >= f.sectionInsn && insn < f.sectionInsn + f.insns.length ? f : undefined;
  };
}

/** Targets of references: sections, maps and data, functions. */
interface Destinations {
  readonly elf: ElfFile;
  readonly places: Places;
  readonly at: At;
}

function resolve({ elf, places, at }: Destinations, f: RawFunction, insn: number, r: ElfReloc): InsnRef {
  const invalid = (detail: string): InsnRef => ({ kind: 'invalid', insn, detail: `instruction ${insn}: ${detail}` });
  const code = f.insns.code[insn];
  const sym = r.symbol;
  if (r.offset % 8 !== 0) return invalid(`relocation at byte ${r.offset} is not at an instruction`);
  const imm = f.insns.imm[insn];
  if (code === CALL) {
    if (sym.shndx === SHN.UNDEF) return { kind: 'kfunc', insn, name: sym.name };
    if (f.insns.src[insn] !== BPF_PSEUDO_CALL)
      return invalid(`relocation on a call that is not to a function (src ${f.insns.src[insn]})`);
    const section = elf.sections[sym.shndx];
    // clang leaves -1 for a global function, and the offset from the section's start for a static one.
    const target = sym.value / 8 + (r.addend !== undefined && r.addend !== 0 ? r.addend / 8 : imm + 1);
    return (
      functionRef('call', insn, section, target, at) ??
      invalid(`no function begins at instruction ${target} of ${section?.name ?? sym.name}`)
    );
  }
  if (code !== LD_IMM64) return invalid(`opcode 0x${code.toString(16)} cannot be relocated to ${sym.name}`);
  if (sym.shndx === SHN.UNDEF)
    return sym.name === '' ? invalid('relocation without a symbol') : { kind: 'extern', insn, name: sym.name };
  if (sym.shndx >= SHN.LORESERVE && elf.sections[sym.shndx] === undefined)
    return invalid(`symbol ${sym.name} lies in no section`);
  const offset = sym.value + (r.addend ?? imm);
  if (places.isMapSection(sym.shndx)) {
    const map = places.map(sym.shndx, offset);
    return map === undefined
      ? invalid(`no map begins at offset ${offset} of ${elf.sections[sym.shndx].name}`)
      : { kind: 'map', insn, map };
  }
  const data = places.data(sym.shndx);
  if (data !== undefined) return { kind: 'data', insn, map: data, offset };
  const section = elf.sections[sym.shndx];
  const fn = functionRef('func', insn, section, offset / 8, at);
  return (
    fn ??
    invalid(
      `reference to ${sym.name || 'offset'}+${offset} in section ${section?.name}, which is neither a map, global data nor a function`,
    )
  );
}

function functionRef(
  kind: 'call' | 'func',
  insn: number,
  section: ElfSection | undefined,
  target: number,
  at: At,
): InsnRef | undefined {
  if (section === undefined) return undefined;
  const fn = at(section, target);
  // Two functions may share a name in different sections: the place decides, never the name.
  return fn !== undefined && fn.sectionInsn === target ? { kind, insn, target: fn.key } : undefined;
}

/** Calls that clang resolved itself, because both functions lie in one section. */
function addLocalCalls(f: RawFunction, refs: InsnRef[], at: At): void {
  const known = refs.length === 0 ? undefined : new Set(refs.map((r) => r.insn));
  for (let i = 0; i < f.insns.length; i++) {
    const code = f.insns.code[i];
    const isCall = code === CALL && f.insns.src[i] === BPF_PSEUDO_CALL;
    const isFunc = code === LD_IMM64 && f.insns.src[i] === BPF_PSEUDO_FUNC;
    if ((isCall || isFunc) && !known?.has(i)) {
      const target = f.sectionInsn + i + f.insns.imm[i] + 1;
      const fn = at(f.section, target);
      // A call inside the same function keeps its distance.
      if (fn !== f) {
        refs.push(
          fn && fn.sectionInsn === target
            ? { kind: isCall ? 'call' : 'func', insn: i, target: fn.key }
            : {
                kind: 'invalid',
                insn: i,
                detail: `instruction ${i}: no function begins at instruction ${target} of ${f.section.name}`,
              },
        );
      }
    }
    if (code === LD_IMM64) i++;
  }
}
