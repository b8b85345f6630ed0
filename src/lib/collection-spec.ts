/** What an object file holds, as data that a user may edit before it is loaded. */
import type { Btf } from '../btf/btf.ts';
import type { BpfSyscall } from '../uapi/attr.ts';
import { type Collection, type LoadOptions, loadCollection } from './collection.ts';
import type { ExternSpec, FunctionSpec, MapSpec, ProgramSpec } from './spec.ts';

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
  /** What was read but has no effect. */
  warnings: string[] = [];

  /** The program with that key, or the first one with that name. */
  program(name: string): ProgramSpec | undefined {
    return this.programs.find((p) => p.key === name) ?? this.programs.find((p) => p.name === name);
  }

  /** A program or subprogram by key. */
  functionByKey(key: string): FunctionSpec | undefined {
    return this.programs.find((p) => p.key === key) ?? this.subprograms.get(key);
  }

  /** Makes the maps and loads the programs. Throws BpfError, after closing what was made. */
  load(sys: BpfSyscall, options: LoadOptions = {}): Collection {
    return loadCollection(this, sys, options);
  }
}
