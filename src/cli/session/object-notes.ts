/** Notes of an object as `skep verify` tells them: those of a program with it, those of the object once. */
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { type KernelSymbols, missingExterns } from '../../lib/load/kernel-externs.ts';
import { type Loader, type Note, notesOf, refusers } from '../../lib/notes.ts';
import type { FunctionSpec, ProgramSpec } from '../../lib/spec.ts';
import { visible } from '../shell/io.ts';

/** Notes of one code that are told one by one. */
const EACH = 8;

const LOADER_NAMES: Readonly<Record<Loader, string>> = { libbpf: 'libbpf 1.x', cilium: 'cilium/ebpf' };

/** A note on one line, with who refuses. */
export function noteText(n: Note): string {
  const who = n.refusedBy.map((l) => LOADER_NAMES[l]).join(' and ');
  return visible(who === '' ? n.message : `${n.message} (${who} refuse${n.refusedBy.length > 1 ? '' : 's'} it)`);
}

/** Notes with the same code beyond the first ones become a single one that counts them. */
function counted(notes: readonly Note[]): Note[] {
  const seen = new Map<string, number>();
  const out: Note[] = [];
  for (const n of notes) {
    const count = (seen.get(n.code) ?? 0) + 1;
    seen.set(n.code, count);
    if (count <= EACH) out.push(n);
  }
  for (const [code, count] of seen) {
    const last = out.findLast((n) => n.code === code);
    if (last !== undefined && count > EACH)
      out.push({ ...last, where: { kind: 'object', name: '' }, message: `${count - EACH} more notes of ${code}` });
  }
  return out;
}

export class ObjectNotes {
  /** Notes on no single program. */
  readonly shared: readonly Note[];
  readonly #own: ReadonlyMap<string, Note[]>;
  readonly #rest: readonly Note[];
  readonly #refusedBy: readonly Loader[];
  readonly #maps: (program: string) => ReadonlySet<string>;

  constructor(spec: CollectionSpec, programs: readonly ProgramSpec[], kernel: KernelSymbols) {
    const all = [...spec.notes, ...missingExterns(spec, kernel)];
    const own = new Map<string, Note[]>();
    for (const n of all) {
      if (n.where.kind !== 'program') continue;
      const list = own.get(n.where.name);
      if (list === undefined) own.set(n.where.name, [n]);
      else list.push(n);
    }
    this.#own = own;
    const rest = all.filter((n) => n.where.kind !== 'program');
    this.#rest = counted(rest);
    this.shared = this.#rest;
    this.#refusedBy = refusers(all);
    const aboutMaps = rest.some((n) => n.where.kind === 'map');
    this.#maps = (program) => (aboutMaps ? mapsOf(spec, programs, program) : new Set());
  }

  /** Fields of a program's line; none when there is nothing to say. */
  of(program: string): { notes?: Note[]; refusedBy?: readonly Loader[] } {
    const about = this.#rest.length > 0 ? notesOf(this.#rest, program, this.#maps(program)) : [];
    const notes = [...(this.#own.get(program) ?? []), ...about];
    return {
      ...(notes.length > 0 ? { notes } : {}),
      ...(this.#refusedBy.length > 0 ? { refusedBy: this.#refusedBy } : {}),
    };
  }
}

/** Names of the maps that a program and the functions that it calls refer to. */
function mapsOf(spec: CollectionSpec, programs: readonly ProgramSpec[], key: string): ReadonlySet<string> {
  const out = new Set<string>();
  const seen = new Set<string>([key]);
  const first = programs.find((p) => p.key === key);
  const todo: FunctionSpec[] = first === undefined ? [] : [first];
  for (let f = todo.pop(); f !== undefined; f = todo.pop()) {
    for (const ref of f.refs) {
      if (ref.kind === 'map' || ref.kind === 'data') out.add(ref.map);
      if ((ref.kind !== 'call' && ref.kind !== 'func') || seen.has(ref.target)) continue;
      seen.add(ref.target);
      const next = spec.subprograms.get(ref.target);
      if (next !== undefined) todo.push(next);
    }
  }
  return out;
}
