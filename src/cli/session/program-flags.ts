/** `--prog-flags NAME=FLAGS`: flags of BPF_PROG_LOAD for programs by name. */
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { assignment, onceEach, unknownName, unsigned } from '../shell/command.ts';

export type ProgramFlags = readonly (readonly [name: string, flags: number])[];

export function programFlags(texts: readonly string[], topic: string): ProgramFlags {
  const pairs = texts.map((text) => assignment(text, '--prog-flags', 'NAME=FLAGS', topic));
  onceEach(
    pairs.map(([name]) => name),
    '--prog-flags',
    topic,
  );
  return pairs.map(([name, flags]) => [name, unsigned(flags, `flags of ${name}`, topic)]);
}

/** Programs of that key, or else of that name; none is wrong usage. */
export function namedPrograms(spec: CollectionSpec, name: string, topic: string): ProgramSpec[] {
  const found = programsNamed(spec, name);
  if (found.length > 0) return found;
  throw unknownName(
    'program',
    name,
    spec.programs.map((p) => p.key),
    topic,
  );
}

export function programsNamed(spec: CollectionSpec, name: string): ProgramSpec[] {
  const exact = spec.programs.filter((p) => p.key === name);
  return exact.length > 0 ? exact : spec.programs.filter((p) => p.name === name);
}
