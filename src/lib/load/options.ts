/** Names in the options of a load: each must be in the object; the error for a misspelt one suggests the nearest. */
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import type { CollectionSpec } from '../collection-spec.ts';
import type { LoadOptions } from '../collection.ts';
import { type BpfError, loaderError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { MapSpec, VariableSpec } from '../spec.ts';

/** Every option; one that is not here is a misspelt one. */
const KNOWN: Readonly<Record<keyof LoadOptions, true>> = {
  kernelBtf: true,
  targetBtf: true,
  kconfig: true,
  kernelVersion: true,
  syscallWrapper: true,
  ksyms: true,
  logLevel: true,
  programs: true,
  onError: true,
  maps: true,
  variables: true,
  innerMaps: true,
  pinPath: true,
  loader: true,
  attachTargets: true,
};

const HOLDS_MAPS: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS,
]);

const refuse = (code: 'ENOENT' | 'EINVAL', detail: string): BpfError => loaderError('check options', code, detail);

export const unknownProgram = (spec: CollectionSpec, name: string): BpfError =>
  loaderError(
    `load ${name}`,
    'ENOENT',
    `the object has no such program${didYouMean(
      name,
      spec.programs.flatMap((p) => [p.key, p.name]),
    )}`,
  );

/** Throws BpfError for the first name that means nothing. Names of programs are checked where they are chosen. */
export function checkOptions(spec: CollectionSpec, options: LoadOptions): void {
  for (const name of Object.keys(options))
    if (!(name in KNOWN)) throw refuse('EINVAL', `there is no option ${name}${didYouMean(name, Object.keys(KNOWN))}`);
  for (const name of [...(options.maps?.keys() ?? []), ...(options.innerMaps?.keys() ?? [])])
    if (!spec.maps.has(name)) throw unknownMap(spec, name);
  for (const name of options.innerMaps?.keys() ?? [])
    if (!HOLDS_MAPS.has(spec.maps.get(name)?.type ?? 0)) throw refuse('EINVAL', `map ${name} holds no maps`);
  for (const name of Object.keys(options.variables ?? {})) findVariable(spec, name);
  for (const name of Object.keys(options.attachTargets ?? {})) {
    const program = spec.program(name);
    if (program === undefined) throw unknownProgram(spec, name);
    if (!program.attachBtf) throw refuse('EINVAL', `program ${name} (section ${program.section}) takes no target`);
  }
}

export const unknownMap = (spec: CollectionSpec, name: string): BpfError =>
  refuse('ENOENT', `the object has no map ${name}${didYouMean(name, spec.maps.keys())}`);

/** The map of a global variable, and its place there. */
export function findVariable(spec: CollectionSpec, name: string): { map: MapSpec; variable: VariableSpec } {
  for (const map of spec.maps.values()) {
    const variable = map.variables.find((v) => v.name === name);
    if (variable !== undefined) return { map, variable };
  }
  const known = [...spec.maps.values()].flatMap((m) => m.variables.map((v) => v.name));
  throw refuse('ENOENT', `the object has no global variable ${name}${didYouMean(name, known)}`);
}
