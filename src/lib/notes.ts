/** Notes: what the loader says of an object beside its contents: things that it leaves out, mends, or that another loader refuses. */
import type { ERRNO } from '../uapi/errno.ts';
import { type BpfError, loaderError } from './errors.ts';

/** Loaders of the field whose refusals are known: libbpf 1.0 and newer, and cilium/ebpf. */
export type Loader = 'libbpf' | 'cilium';

interface NoteRow {
  /** Loaders that refuse the object (or only the program, where the note names one and `whole` is not set). */
  readonly refusedBy?: readonly Loader[];
  readonly errno?: keyof typeof ERRNO;
  /** The refusal is one of the whole object, whatever program is wanted. */
  readonly whole?: true;
}

const BOTH = ['libbpf', 'cilium'] as const;

/** Every code, and who refuses. A row without `refusedBy` only tells. */
const NOTES = {
  'static-program': { refusedBy: ['libbpf'], errno: 'EOPNOTSUPP', whole: true },
  'static-subprogram': { refusedBy: ['libbpf'], errno: 'EOPNOTSUPP', whole: true },
  'static-map': { refusedBy: BOTH, errno: 'EOPNOTSUPP', whole: true },
  'section-guessed': { refusedBy: ['libbpf'], errno: 'EINVAL' },
  'section-typed': {},
  'legacy-map': { refusedBy: ['libbpf'], errno: 'EOPNOTSUPP', whole: true },
  'legacy-map-fields': { refusedBy: ['cilium'], errno: 'EINVAL', whole: true },
  'map-attribute-unknown': { refusedBy: BOTH, errno: 'EOPNOTSUPP', whole: true },
  'map-size-conflict': { refusedBy: BOTH, errno: 'EINVAL', whole: true },
  'map-size-twice': { refusedBy: ['cilium'], errno: 'EINVAL', whole: true },
  'map-pinning-unknown': { refusedBy: BOTH, errno: 'EINVAL', whole: true },
  'map-inner-pinned': { refusedBy: BOTH, errno: 'EINVAL', whole: true },
  'map-sizes-mended': { refusedBy: ['libbpf'], errno: 'EINVAL', whole: true },
  'map-inner-missing': { refusedBy: BOTH, errno: 'EINVAL', whole: true },
  'map-untyped': {},
  'map-not-pinned': {},
  'extern-unresolved': { refusedBy: ['libbpf'], errno: 'ENOENT', whole: true },
  'extern-missing': { refusedBy: ['libbpf'], errno: 'ESRCH', whole: true },
  'version-unreadable': { refusedBy: ['libbpf'], errno: 'EINVAL', whole: true },
  'section-ignored': {},
  'symbol-ignored': {},
  'code-ignored': {},
  'struct-ops-ignored': {},
  'function-unused': {},
  'btf-refused': {},
} as const satisfies Record<string, NoteRow>;

/** Code of a {@link Note}. */
export type NoteCode = keyof typeof NOTES;

/** The subject of a note: a program by its key, a map, section or symbol by name, or the object itself. */
export interface NotePlace {
  readonly kind: 'program' | 'map' | 'section' | 'symbol' | 'object';
  readonly name: string;
}

/** Something that the loader says of an object: left out, mended, or refused by other loaders. */
export interface Note {
  readonly code: NoteCode;
  /** A sentence that names its subject. */
  readonly message: string;
  readonly where: NotePlace;
  /** Loaders that refuse for it; empty when all take it. */
  readonly refusedBy: readonly Loader[];
}

const row = (code: NoteCode): NoteRow => NOTES[code];

export function note(code: NoteCode, kind: NotePlace['kind'], name: string, message: string): Note {
  return { code, message, where: { kind, name }, refusedBy: row(code).refusedBy ?? [] };
}

/** Why `loader` refuses the object, or one of the programs `wanted` (keys); undefined when it takes them. */
export function refusal(notes: readonly Note[], loader: Loader, wanted: ReadonlySet<string>): BpfError | undefined {
  const found = notes.find(
    (n) =>
      n.refusedBy.includes(loader) && (row(n.code).whole || n.where.kind !== 'program' || wanted.has(n.where.name)),
  );
  const name = loader === 'libbpf' ? 'libbpf 1.x' : 'cilium/ebpf';
  return (
    found && loaderError('open object', row(found.code).errno ?? 'EINVAL', `${name} refuses this: ${found.message}`)
  );
}

/** Loaders that refuse the object as a whole. */
export function refusers(notes: readonly Note[]): Loader[] {
  const out = new Set<Loader>();
  for (const n of notes) if (row(n.code).whole) for (const loader of n.refusedBy) out.add(loader);
  return [...out];
}

/** Notes that concern one program: on it, on the maps that it refers to, and on no single program or map. */
export function notesOf(notes: readonly Note[], program: string, maps: ReadonlySet<string>): Note[] {
  return notes.filter(({ where }) =>
    where.kind === 'program' ? where.name === program : where.kind !== 'map' || maps.has(where.name),
  );
}
