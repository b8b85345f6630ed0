/** The contents of an object file, as data that a user may edit before it is loaded. */
import type { Btf } from '../btf/btf.ts';
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import { type Collection, type LoadOptions, loadCollection } from './collection.ts';
import type { Note } from './notes.ts';
import type { ExternSpec, FunctionSpec, MapSpec, ProgramSpec } from './spec.ts';

/** A parsed object: programs, maps, externs and notes as plain data, editable until it is loaded. */
export class CollectionSpec {
  /** Name of the object, '' when it was not said. */
  name = '';
  /** Byte order of the object. */
  littleEndian = true;
  license = '';
  /** Section `version`, 0 without. */
  version = 0;
  programs: ProgramSpec[] = [];
  /** Functions that are no entry points, by key. */
  subprograms = new Map<string, FunctionSpec>();
  maps = new Map<string, MapSpec>();
  externs: ExternSpec[] = [];
  /** The object's types, complete and fit for BTF_LOAD. */
  btf: Btf | undefined;
  /** Notes on parts that were left out or mended, and on what other loaders refuse. */
  notes: Note[] = [];

  /** Where programs and externs stood when they were last looked up: both lists may be edited. */
  #programAt = new Map<string, number>();
  #externAt = new Map<string, number>();

  /** The program with that key, or the first one with that name. */
  program(name: string): ProgramSpec | undefined {
    return this.#programByKey(name) ?? this.programs.find((p) => p.name === name);
  }

  /** A program or subprogram by key. */
  functionByKey(key: string): FunctionSpec | undefined {
    return this.subprograms.get(key) ?? this.#programByKey(key);
  }

  /** Index of an extern by name, -1 without. */
  externIndex(name: string): number {
    const at = this.#externAt.get(name) ?? -1;
    if (this.externs[at]?.name === name) return at;
    this.#externAt = positions(this.externs, (e) => e.name);
    return this.#externAt.get(name) ?? -1;
  }

  #programByKey(key: string): ProgramSpec | undefined {
    const known = this.programs[this.#programAt.get(key) ?? -1];
    if (known?.key === key) return known;
    this.#programAt = positions(this.programs, (p) => p.key);
    return this.programs[this.#programAt.get(key) ?? -1];
  }

  /** Makes the maps and loads the programs. Throws BpfError, after closing what was made. */
  load(sys: BpfSyscall, options: LoadOptions = {}): Collection {
    return loadCollection(this, sys, options);
  }
}

/** The first position of each name. */
function positions<T>(list: readonly T[], nameOf: (one: T) => string): Map<string, number> {
  const out = new Map<string, number>();
  for (let i = list.length - 1; i >= 0; i--) out.set(nameOf(list[i]), i);
  return out;
}
