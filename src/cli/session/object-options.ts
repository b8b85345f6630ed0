/** Options about what an object file leaves unsaid or says in more than one dialect: `--type`, `--inner`, `--loader`. */
import type { LoadOptions } from '../../lib/collection.ts';
import type { InnerTemplate } from '../../lib/load/map-creator.ts';
import { didYouMean } from '../../lib/nearest.ts';
import type { ParseOptions } from '../../lib/parse-object.ts';
import { rowOfType, typeWords } from '../../lib/sections.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { assignment, oneOf, unsigned } from '../shell/command.ts';
import { UsageError } from '../shell/exit.ts';

/** For readArgs. */
export const OBJECT_OPTIONS = {
  type: { type: 'string', multiple: true },
  inner: { type: 'string', multiple: true },
  loader: { type: 'string' },
} as const;

export const OBJECT_HELP = `  --type TYPE                type of programs whose section name says none: tc,
                             xdp, cgroup/connect4, sched_cls ...
  --type SECTION=TYPE        type of the programs of a section, or of all that
                             begin alike: --type 'tail-*=tc'
  --inner MAP=INNER          what a map of maps holds whose definition does not
                             say it: another map of the object, or
                             TYPE:KEY_SIZE:VALUE_SIZE:MAX_ENTRIES, hash:4:8:1
                             for instance
  --loader libbpf|cilium     refuses what this loader refuses, libbpf 1.x or
                             cilium/ebpf; notes tell it otherwise
`;

export interface ObjectValues {
  readonly type?: readonly string[] | undefined;
  readonly inner?: readonly string[] | undefined;
  readonly loader?: string | undefined;
}

export interface ObjectOptions {
  readonly parse: Pick<ParseOptions, 'type' | 'sectionTypes'>;
  readonly load: Pick<LoadOptions, 'innerMaps' | 'loader'>;
}

export function objectOptions(values: ObjectValues, topic: string): ObjectOptions {
  const types = values.type ?? [];
  const sectionTypes: Record<string, string> = {};
  let type: string | undefined;
  for (const text of types) {
    if (!text.includes('=')) type = programType(text, topic);
    else {
      const [section, word] = assignment(text, '--type', 'SECTION=TYPE', topic);
      sectionTypes[section] = programType(word, topic);
    }
  }
  const inner = (values.inner ?? []).map((text) => innerMap(text, topic));
  const loader =
    values.loader === undefined ? undefined : oneOf(values.loader, ['libbpf', 'cilium'], '--loader', topic);
  return {
    parse: { ...(type === undefined ? {} : { type }), sectionTypes },
    load: { innerMaps: new Map(inner), ...(loader === undefined ? {} : { loader }) },
  };
}

function programType(word: string, topic: string): string {
  if (rowOfType(word) !== undefined) return word;
  const near = didYouMean(word, typeWords());
  throw new UsageError(`--type takes a section name or a program type, and '${word}' is neither${near}`, topic);
}

function innerMap(text: string, topic: string): [string, string | InnerTemplate] {
  const [map, inner] = assignment(text, '--inner', 'MAP=INNER', topic);
  const parts = inner.split(':');
  if (parts.length === 1) return [map, inner];
  if (parts.length !== 4)
    throw new UsageError(`--inner takes TYPE:KEY_SIZE:VALUE_SIZE:MAX_ENTRIES, and '${inner}' is not`, topic);
  const [word, key, value, entries] = parts;
  const name = `BPF_MAP_TYPE_${word.toUpperCase()}`;
  const type = Object.entries(BPF_MAP_TYPE).find(([n]) => n === name)?.[1];
  if (type === undefined) {
    const known = Object.keys(BPF_MAP_TYPE).map((n) => n.replace('BPF_MAP_TYPE_', '').toLowerCase());
    throw new UsageError(`there is no map type '${word}'${didYouMean(word, known)}`, topic);
  }
  const number = (what: string, given: string): number => unsigned(given, `${what} of ${map}`, topic);
  const sizes = { keySize: number('key size', key), valueSize: number('value size', value) };
  return [map, { type, ...sizes, maxEntries: number('number of elements', entries) }];
}
