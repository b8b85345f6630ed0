/** The objects of `prog`, `map` and `btf`: of a file loaded for this one command, or the real kernel's by id. */
import type { Collection } from '../../lib/collection.ts';
import { BpfError } from '../../lib/errors.ts';
import type { BpfMap } from '../../lib/map.ts';
import { mapOfFd } from '../../lib/pin/pinned-map.ts';
import type { BpfSyscall, IdAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { readObjInfo } from '../../uapi/obj-info.ts';
import { readArgs, unsigned } from '../shell/command.ts';
import { InputError, UsageError } from '../shell/exit.ts';
import { chooseProgram, openObject, openSession, type Session } from './session.ts';

export interface Loaded extends Disposable {
  readonly session: Session;
  readonly collection: Collection;
  readonly object: string;
}

/** Loads an object into the embedded kernel: the named programs, or all of them; those refused are in `collection.errors`. */
export async function loadObject(path: string, program: string | undefined, btf: string | undefined): Promise<Loaded> {
  const spec = await openObject(path);
  const programs =
    program === undefined ? spec.programs.map((p) => p.key) : [chooseProgram(path, spec, program, 'prog').key];
  const session = await openSession({ backend: 'embedded', engine: 'jit', cpus: 1, btf, onTrace() {} });
  const collection = await session.load(spec, programs, { onError: 'collect' });
  return {
    session,
    collection,
    object: path,
    [Symbol.dispose]() {
      collection.close();
      session[Symbol.dispose]();
    },
  };
}

/** Makes the maps of an object; its programs are left out. */
export async function loadMaps(path: string, btf: string | undefined): Promise<Loaded> {
  const spec = await openObject(path);
  const session = await openSession({ backend: 'embedded', engine: 'interp', cpus: 1, btf, onTrace() {} });
  const collection = await session.load(spec, []);
  return {
    session,
    collection,
    object: path,
    [Symbol.dispose]() {
      collection.close();
      session[Symbol.dispose]();
    },
  };
}

/** The machine's own kernel. */
export const openKernel = (btf: string | undefined): Promise<Session> =>
  openSession({ backend: 'kernel', engine: 'jit', cpus: 1, btf, onTrace() {} });

type Kind = 'prog' | 'map' | 'btf';
const NEXT = {
  prog: BPF_CMD.BPF_PROG_GET_NEXT_ID,
  map: BPF_CMD.BPF_MAP_GET_NEXT_ID,
  btf: BPF_CMD.BPF_BTF_GET_NEXT_ID,
} as const;
const BY_ID = {
  prog: BPF_CMD.BPF_PROG_GET_FD_BY_ID,
  map: BPF_CMD.BPF_MAP_GET_FD_BY_ID,
  btf: BPF_CMD.BPF_BTF_GET_FD_BY_ID,
} as const;

/** All ids of a kind. */
export function* objectIds(sys: BpfSyscall, kind: Kind): Generator<number> {
  for (let id = 0; ; ) {
    const attr: IdAttr = { start_id: id, next_id: 0 };
    const result = sys.bpf(NEXT[kind], attr);
    if (result === -ERRNO.ENOENT) return;
    if (result < 0) throw new BpfError({ errno: -result, op: `list ${kind} ids`, detail: 'bpf(2) refused' });
    id = attr.next_id ?? 0;
    yield id;
  }
}

/** A descriptor of an object by id; undefined when it is gone. */
export function fdById(sys: BpfSyscall, kind: Kind, id: number): number | undefined {
  const fd = sys.bpf(BY_ID[kind], { [`${kind}_id`]: id });
  if (fd === -ERRNO.ENOENT) return undefined;
  if (fd < 0) throw new BpfError({ errno: -fd, op: `${kind} ${id}`, detail: 'bpf(2) refused' });
  return fd;
}

export function infoOf(sys: BpfSyscall, kind: Kind, fd: number, want: readonly string[] = []) {
  const info = readObjInfo(sys, kind, fd, want);
  if (typeof info === 'number') throw new BpfError({ errno: -info, op: `info of a ${kind}`, detail: 'bpf(2) refused' });
  return info;
}

/** A map of the real kernel, typed where the kernel knows its types. */
export function kernelMap(session: Session, id: number): BpfMap {
  const { sys } = session;
  const fd = fdById(sys, 'map', id);
  if (fd === undefined) throw new InputError('', `the kernel has no map with id ${id}`);
  return mapOfFd(sys, fd);
}

/** Words of `prog` and `map` behind their verb: an object file, `name N`, `id N`, and the rest. */
export interface Target {
  readonly object: string | undefined;
  readonly name: string | undefined;
  readonly id: number | undefined;
  readonly rest: string[];
  readonly json: boolean;
  readonly btf: string | undefined;
  readonly kernel: boolean;
}

const TARGET_OPTIONS = {
  json: { type: 'boolean', short: 'j' },
  btf: { type: 'string' },
  backend: { type: 'string', default: 'embedded' },
} as const;

/** @param without options that the verb does not have */
export function readTarget(topic: string, args: string[], without: readonly 'json'[] = []): Target {
  const { values, positionals } = readArgs(topic, args, TARGET_OPTIONS, {
    operands: [0, Number.POSITIVE_INFINITY, 'an object file'],
    // The machine's kernel has types of its own.
    excludes: [['btf', 'backend=kernel']],
  });
  for (const option of without)
    if (values[option] !== undefined) throw new UsageError(`this verb of ${topic} has no option --${option}`, topic);
  if (values.backend !== 'embedded' && values.backend !== 'kernel')
    throw new UsageError(`--backend is embedded or kernel, and '${values.backend}' is neither`, topic);
  const kernel = values.backend === 'kernel';
  const words = [...positionals];
  const object = kernel ? undefined : words.shift();
  if (!kernel && object === undefined)
    throw new UsageError(`${topic} needs an object file, or --backend kernel`, topic);
  let name: string | undefined;
  let id: number | undefined;
  while (words[0] === 'name' || words[0] === 'id') {
    const [what, value] = words.splice(0, 2);
    if (value === undefined) throw new UsageError(`${what} of what? A value is missing`, topic);
    if ((what === 'name' ? name : id) !== undefined) throw new UsageError(`${what} is given twice`, topic);
    if (what === 'name') name = value;
    else id = unsigned(value, 'an id', topic);
  }
  if (name !== undefined && id !== undefined) throw new UsageError('name and id exclude each other', topic);
  if (id !== undefined && !kernel) throw new UsageError('id needs --backend kernel', topic);
  return { object, name, id, rest: words, json: values.json ?? false, btf: values.btf, kernel };
}

/** No further words, please. */
export function noMore(topic: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UsageError(`'${rest[0]}' was not expected`, topic);
}
