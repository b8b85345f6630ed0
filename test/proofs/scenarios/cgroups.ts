/** Scripts about control groups: their directories as descriptors, arrays of them, and processes in them (groups.c). */
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import type { Actor } from './actor.ts';
import { type Scenario, scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

const ROOT = '/sys/fs/cgroup';
const [A, B, OTHER] = ['skep-a', 'skep-a/b', 'skep-other'].map((name) => `${ROOT}/${name}`);
const ASKED = 0x2000;

/** Makes groups, which are removed at the end; gives a descriptor of each. */
function groups(s: Stage, paths: readonly string[]): readonly number[] {
  for (const path of paths) s.tell(`mkdir ${path}`, () => s.sys.files?.mkdir(path));
  s.atEnd(() => {
    for (const path of [...paths].reverse()) s.sys.files?.rmdir(path);
  });
  return paths.map((path) => open(s, path));
}

/** Opens a directory and tells whether it could; gives the descriptor. */
function open(s: Stage, path: string): number {
  const fd = s.sys.files?.openDirectory(path) ?? -1;
  s.tell(`open ${path}`, () => (fd > 0 ? 'opened' : fd));
  return fd;
}

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

function put(s: Stage, map_fd: number, index: number, value: number, flags = 0n): void {
  s.tell(`put ${index}`, () =>
    s.sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: word(index), value: word(value), flags }),
  );
}

interface Seen {
  readonly count: number;
  readonly ret: bigint;
  readonly id: bigint;
  readonly above: readonly bigint[];
}

const seenBy = (s: Stage): Seen => s.load('groups', 'under').variable('seen').getVariable('seen') as unknown as Seen;

/** Tells whether a process is under the groups of the array. */
function ask(s: Stage, actor: Actor, indexes: readonly number[] = [0, 1]): void {
  const told = indexes.map((index) => {
    const before = seenBy(s).count;
    actor.access(0, ASKED + index);
    const { count, ret } = seenBy(s);
    return `${count - before} ${ret < 0n ? errnoName(Number(-ret)) : ret}`;
  });
  s.said.push(told.join(', '));
}

const arrayOf = (s: Stage): number => s.load('groups', 'under').map('groups').fd;

export const CGROUPS: readonly Scenario[] = [
  scenario('what a cgroup array takes', (s) => {
    const map = arrayOf(s);
    const [a] = groups(s, [A]);
    put(s, map, 0, a);
    put(s, map, 1, a, 1n);
    put(s, map, 2, a);
    for (const wrong of [0, 1, 999, -1, map, s.load('groups').program('under').fd]) put(s, map, 1, wrong);
    put(s, map, 1, open(s, '/tmp'));
    put(s, map, 1, open(s, '/sys/fs/bpf'));
    put(s, map, 1, open(s, ROOT));
    const value = new Uint8Array(4);
    s.tell('lookup', () => s.sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: map, key: word(0), value, flags: 0n }));
    for (const index of [0, 0, 1, 2])
      s.tell(`delete ${index}`, () => s.sys.bpf(C.BPF_MAP_DELETE_ELEM, { map_fd: map, key: word(index) }));
    s.tell('next', () => s.sys.bpf(C.BPF_MAP_GET_NEXT_KEY, { map_fd: map, key: word(0), next_key: value }));
  }),
  scenario('processes under groups', (s) => {
    const map = arrayOf(s);
    s.attach('groups', 'under');
    const [a, b] = groups(s, [A, B, OTHER]);
    const actor = s.actor();
    ask(s, actor, [0, 1, 2, 3]);
    put(s, map, 0, a);
    put(s, map, 1, b);
    for (const path of [A, B, OTHER, ROOT]) {
      actor.enter(path);
      ask(s, actor);
      s.said.push(
        seenBy(s)
          .above.map((id) => (id === 0n ? 'none' : id === seenBy(s).id ? 'itself' : 'other'))
          .join(),
      );
    }
    put(s, map, 0, open(s, ROOT));
    ask(s, actor);
  }),
  scenario('an array keeps groups that were removed', (s) => {
    const map = arrayOf(s);
    s.attach('groups', 'under');
    const [a, b] = groups(s, [A, B]);
    const actor = s.actor();
    actor.enter(B);
    put(s, map, 1, b);
    s.tell('rmdir of a group with groups', () => s.sys.files?.rmdir(A));
    s.tell('rmdir of a group with processes', () => s.sys.files?.rmdir(B));
    actor.enter(ROOT);
    s.tell('rmdir', () => s.sys.files?.rmdir(B));
    put(s, map, 0, b);
    ask(s, actor);
    s.sys.close(b);
    s.tell('mkdir', () => s.sys.files?.mkdir(B));
    actor.enter(B);
    // Another group of the same name.
    ask(s, actor);
    put(s, map, 0, a);
    ask(s, actor);
    actor.enter(ROOT);
  }),
  scenario('directories of groups', (s) => {
    groups(s, [A]);
    const { files } = s.sys;
    s.tell('mkdir again', () => files?.mkdir(A));
    s.tell('mkdir nowhere', () => files?.mkdir(`${ROOT}/skep-no/b`));
    s.tell('mkdir with a line break', () => files?.mkdir(`${ROOT}/skep\nx`));
    s.tell('symlink', () => files?.symlink('/', `${ROOT}/skep-link`));
    s.tell('rmdir of the root', () => files?.rmdir(ROOT));
    const kind = files?.stat(A);
    s.tell('stat', () => (typeof kind === 'object' ? `${kind.mode.toString(8)} ${kind.uid}` : kind));
    const fd = open(s, A);
    for (const attach_type of [0, 1, 10])
      s.tell(`query ${attach_type}`, () =>
        s.sys.bpf(C.BPF_PROG_QUERY, { query: { target_fd: 999, attach_type, query_flags: 0 } }),
      );
    s.tell('pin there', () => s.sys.bpf(C.BPF_OBJ_PIN, { pathname: `${A}/x`, bpf_fd: arrayOf(s) }));
    s.tell('pin beside it', () =>
      s.sys.bpf(C.BPF_OBJ_PIN, { pathname: 'x', bpf_fd: arrayOf(s), path_fd: fd, file_flags: 1 << 14 }),
    );
  }),
];
