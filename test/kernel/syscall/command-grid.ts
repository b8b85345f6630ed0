/** Calls of all commands of bpf(2) in binary form: what they find, and sound attributes of each. */
import type { AttrField, AttrLayout } from '../../../src/uapi/attr/layout.ts';
import { ATTR_LAYOUTS } from '../../../src/uapi/attr/layout.ts';
import { BPF_ATTACH_TYPE as A } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

/** A number, a place in the arena, what the kernel calls an object that was set up, or a descriptor of the set-up by its name. */
export type Value =
  | number
  | bigint
  | { readonly at: number }
  | { readonly fd: string }
  | { readonly id: string }
  | { readonly btf: string }
  | 'pid'
  | 'null'
  | 'bad';
export type Field = readonly [off: number, bytes: 4 | 8, value: Value];

export interface Call {
  readonly name: string;
  readonly cmd: number;
  /** The caller's capabilities, bits: BPF, PERFMON, NET_ADMIN, SYS_ADMIN. */
  readonly caps: number;
  readonly size: number;
  readonly fields: readonly Field[];
  /** A byte behind the fields that is set. */
  readonly tail?: number;
}
/** Opens a descriptor: by a command, a path, or a perf event; its name is what calls refer to. Without a name it opens none. */
export interface Step {
  readonly name: string | undefined;
  readonly kind: 'bpf' | 'directory' | 'kprobe' | 'tracepoint';
  readonly cmd: number;
  readonly fields: readonly Field[];
  readonly text: string;
}

export const ALL = 15;
export const ARENA_SIZE = 1 << 16;
/** Where the arena lies for the calls. */
export const ARENA_AT = 0x1000_0000n;
export const BAD_ADDRESS = 0x10n;
const DIR = '/sys/fs/bpf/grid';

/** The arena: places by name, and what lies there. */
const RETURN_0 = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const BTF_OF_INT = new Uint8Array(Uint32Array.of(0x1eb9f, 24, 0, 16, 16, 3, 1, 1 << 24, 4, 32, 0x6100).buffer).slice(
  0,
  43,
);
const text = (s: string): Uint8Array => new TextEncoder().encode(`${s}\0`);
const words = (...w: number[]): Uint8Array => new Uint8Array(Uint32Array.from(w).buffer);
/** Structs of links that ask for names and lists: a pointer at 16, 24 or both, a length behind it, or none. */
function linkInfos(): Record<string, readonly [at: number, bytes: Uint8Array]> {
  const out: Record<string, readonly [at: number, bytes: Uint8Array]> = {};
  const pointers = [0n, ARENA_AT + 8192n, BAD_ADDRESS];
  let place = 56_000;
  for (const [at, lengthAt] of [
    [16, 24],
    [24, 32],
    [40, 24],
  ])
    for (const [p, pointer] of pointers.entries())
      for (const length of [0, 1, 2, 5, 16, 64]) {
        const view = new DataView(new ArrayBuffer(64));
        view.setBigUint64(at, pointer, true);
        view.setUint32(lengthAt, length, true);
        // Lists of a link to many: addresses with their cookies.
        if (at === 40) view.setBigUint64(16, pointer, true);
        out[`link ${at} ${p} ${length}`] = [place, new Uint8Array(view.buffer)];
        place += 64;
      }
  return out;
}
const ARENA: Readonly<Record<string, readonly [at: number, bytes: Uint8Array]>> = {
  key: [0, new Uint8Array(64)],
  value: [4096, new Uint8Array(64)],
  out: [8192, new Uint8Array(4096)],
  insns: [12_288, RETURN_0],
  license: [16_384, text('GPL')],
  btf: [20_480, BTF_OF_INT],
  packet: [24_576, new Uint8Array(64)],
  log: [28_672, new Uint8Array(16)],
  info: [36_864, new Uint8Array(256)],
  map: [40_960, text(`${DIR}/map`)],
  prog: [41_216, text(`${DIR}/prog`)],
  link: [41_472, text(`${DIR}/link`)],
  fresh: [41_728, text(`${DIR}/new`)],
  missing: [41_984, text(`${DIR}/none`)],
  dotted: [42_240, text(`${DIR}/a.b`)],
  directory: [42_496, text(DIR)],
  outside: [42_752, text('/tmp/x')],
  relative: [43_008, text('map')],
  relativeFresh: [43_264, text('new')],
  empty: [43_520, text('')],
  endless: [44_032, new Uint8Array(8192).fill(0x61)],
  sys_enter: [53_248, text('sys_enter')],
  no_event: [53_504, text('no_such_event')],
  vfs_read: [53_760, text('vfs_read')],
  vfs_write: [54_016, text('vfs_write')],
  names: [54_272, new Uint8Array(new BigUint64Array([ARENA_AT + 53_760n, ARENA_AT + 54_016n]).buffer)],
  badNames: [54_528, new Uint8Array(new BigUint64Array([ARENA_AT + 53_504n, 0x10n]).buffer)],
  cookies: [54_784, words(1, 0, 2, 0)],
  iterInfo: [55_040, new Uint8Array(16)],
  hash: [55_296, new Uint8Array(32)],
  ...linkInfos(),
};
/** A place in the arena by its name. */
export const place = (name: string): Value => ({ at: ARENA[name][0] });
const at = place;

export function fillArena(arena: Uint8Array): void {
  arena.fill(0);
  for (const [where, bytes] of Object.values(ARENA)) arena.set(bytes, where);
}

type Sound = Readonly<Record<string, Value>>;
const layoutOf = (cmd: number): AttrLayout => (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd];
export const widthOf = (field: AttrField): 4 | 8 => (field.kind === 'u32' || field.kind === 's32' ? 4 : 8);

/** All fields that a command has, those of a union by its member's name. */
export const fieldsOf = ({ fields, arms = {} }: AttrLayout): readonly (readonly [name: string, field: AttrField])[] => [
  ...fields.map((field) => [field.name, field] as const),
  ...Object.entries(arms).flatMap(([arm, of]) => of.map((field) => [`${arm}.${field.name}`, field] as const)),
];

export function placed(cmd: number, sound: Sound): Field[] {
  const all = new Map(fieldsOf(layoutOf(cmd)));
  return Object.entries(sound).map(([name, value]): Field => {
    const length = name.startsWith('length of ');
    const field = all.get(length ? name.slice('length of '.length) : name);
    if (field === undefined) throw new RangeError(`${bpfCmdName(cmd)} has no field ${name}`);
    return length ? [field.lenAt ?? 0, 4, value] : [field.off, widthOf(field), value];
  });
}

const bpf = (name: string | undefined, cmd: number, sound: Sound): Step => ({
  ...{ name, kind: 'bpf', cmd, text: '' },
  fields: placed(cmd, sound),
});
const map = (name: string, map_type: number, key_size: number, value_size: number, more: Sound = {}): Step =>
  bpf(name, C.BPF_MAP_CREATE, { map_type, key_size, value_size, max_entries: 2, ...more });
const prog = (name: string, prog_type: number, more: Sound = {}): Step =>
  bpf(name, C.BPF_PROG_LOAD, { prog_type, insns: at('insns'), 'length of insns': 2, license: at('license'), ...more });
const other = (name: string, kind: Step['kind'], what: string): Step => ({
  name,
  kind,
  cmd: 0,
  fields: [],
  text: what,
});
const tracing = (name: string, expected: number, target: string): Step =>
  prog(name, expected === A.BPF_LSM_MAC ? T.BPF_PROG_TYPE_LSM : T.BPF_PROG_TYPE_TRACING, {
    expected_attach_type: expected,
    attach_btf_id: { btf: target },
  });

/** Names of kernel types that places stand for. */
export const BTF_NAMES = ['vfs_read', 'btf_trace_sys_enter', 'bpf_lsm_file_open', 'bpf_iter_task'] as const;
const fd = (name: string): Value => ({ fd: name });

/** What calls find: descriptors from 3 on. */
export const SETUP: readonly Step[] = [
  map('hash', M.BPF_MAP_TYPE_HASH, 4, 8),
  map('array', M.BPF_MAP_TYPE_ARRAY, 4, 8),
  map('frozen', M.BPF_MAP_TYPE_ARRAY, 4, 8),
  bpf(undefined, C.BPF_MAP_FREEZE, { map_fd: fd('frozen') }),
  map('rdonly', M.BPF_MAP_TYPE_HASH, 4, 8, { map_flags: 8 }),
  map('queue', M.BPF_MAP_TYPE_QUEUE, 0, 8),
  map('percpu', M.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8),
  map('prog array', M.BPF_MAP_TYPE_PROG_ARRAY, 4, 4),
  bpf(undefined, C.BPF_MAP_UPDATE_ELEM, { map_fd: fd('hash'), key: at('key'), value: at('value') }),
  prog('xdp', T.BPF_PROG_TYPE_XDP),
  prog('filter', T.BPF_PROG_TYPE_SOCKET_FILTER),
  prog('rawtp', T.BPF_PROG_TYPE_RAW_TRACEPOINT),
  prog('kprobe', T.BPF_PROG_TYPE_KPROBE),
  prog('kprobe multi', T.BPF_PROG_TYPE_KPROBE, { expected_attach_type: A.BPF_TRACE_KPROBE_MULTI }),
  prog('uprobe multi', T.BPF_PROG_TYPE_KPROBE, { expected_attach_type: A.BPF_TRACE_UPROBE_MULTI }),
  prog('tracepoint', T.BPF_PROG_TYPE_TRACEPOINT),
  prog('perf event', T.BPF_PROG_TYPE_PERF_EVENT),
  tracing('fentry', A.BPF_TRACE_FENTRY, 'vfs_read'),
  tracing('typed rawtp', A.BPF_TRACE_RAW_TP, 'btf_trace_sys_enter'),
  tracing('lsm', A.BPF_LSM_MAC, 'bpf_lsm_file_open'),
  tracing('iter', A.BPF_TRACE_ITER, 'bpf_iter_task'),
  prog('cgroup skb', T.BPF_PROG_TYPE_CGROUP_SKB),
  prog('sched cls', T.BPF_PROG_TYPE_SCHED_CLS),
  prog('sk lookup', T.BPF_PROG_TYPE_SK_LOOKUP, { expected_attach_type: A.BPF_SK_LOOKUP }),
  prog('netfilter', T.BPF_PROG_TYPE_NETFILTER, { expected_attach_type: A.BPF_NETFILTER }),
  prog('flow dissector', T.BPF_PROG_TYPE_FLOW_DISSECTOR),
  prog('sk msg', T.BPF_PROG_TYPE_SK_MSG),
  bpf('rawtp link', C.BPF_RAW_TRACEPOINT_OPEN, { prog_fd: fd('rawtp'), name: at('sys_enter') }),
  bpf('fentry link', C.BPF_RAW_TRACEPOINT_OPEN, { prog_fd: fd('fentry') }),
  bpf('btf', C.BPF_BTF_LOAD, { btf: at('btf'), 'length of btf': 43 }),
  other('grid', 'directory', DIR),
  other('bpffs', 'directory', '/sys/fs/bpf'),
  other('tmp', 'directory', '/tmp'),
  other('kprobe event', 'kprobe', 'vfs_read'),
  other('trace event', 'tracepoint', '/sys/kernel/tracing/events/syscalls/sys_enter_openat/id'),
  bpf('stats', C.BPF_ENABLE_STATS, { type: 0 }),
  other('probed event', 'kprobe', 'vfs_write'),
  other('traced event', 'tracepoint', '/sys/kernel/tracing/events/syscalls/sys_enter_openat/id'),
  bpf('kprobe link', C.BPF_LINK_CREATE, {
    prog_fd: fd('kprobe'),
    attach_type: A.BPF_PERF_EVENT,
    target_fd: fd('probed event'),
  }),
  bpf('trace link', C.BPF_LINK_CREATE, {
    prog_fd: fd('tracepoint'),
    attach_type: A.BPF_PERF_EVENT,
    target_fd: fd('traced event'),
  }),
  bpf('multi link', C.BPF_LINK_CREATE, {
    ...{ prog_fd: fd('kprobe multi'), attach_type: A.BPF_TRACE_KPROBE_MULTI },
    ...{ 'kprobe_multi.syms': at('names'), 'length of kprobe_multi.syms': 2, 'kprobe_multi.cookies': at('cookies') },
  }),
  bpf('iter link', C.BPF_LINK_CREATE, { prog_fd: fd('iter'), attach_type: A.BPF_TRACE_ITER }),
  bpf(undefined, C.BPF_OBJ_PIN, { pathname: at('map'), bpf_fd: fd('hash') }),
  bpf(undefined, C.BPF_OBJ_PIN, { pathname: at('prog'), bpf_fd: fd('xdp') }),
  bpf(undefined, C.BPF_OBJ_PIN, { pathname: at('link'), bpf_fd: fd('rawtp link') }),
];

/** Descriptors by the names of the set-up. */
export const FDS: ReadonlyMap<string, number> = new Map(
  SETUP.flatMap(({ name }) => (name === undefined ? [] : [name])).map((name, i) => [name, 3 + i]),
);

const elem = (map_fd: string): Sound => ({ map_fd: fd(map_fd), key: at('key'), value: at('value') });
const batch = (map_fd: string): Sound => ({
  ...{ map_fd: fd(map_fd), count: 1, keys: at('key'), values: at('value') },
});
const MAPS = ['hash', 'array', 'frozen', 'rdonly', 'queue', 'percpu', 'prog array'] as const;
const each = (cmd: number, names: readonly string[], sound: (name: string) => Sound): [number, Sound][] =>
  names.map((name) => [cmd, sound(name)]);
const link = (prog_fd: string, attach_type: number, more: Sound = {}): [number, Sound] => [
  C.BPF_LINK_CREATE,
  { prog_fd: fd(prog_fd), attach_type, ...more },
];
const hook = (name: string, attach_type: number, target_fd: Value = 0): [number, Sound][] => [
  [C.BPF_PROG_ATTACH, { attach_bpf_fd: fd(name), attach_type, target_fd }],
  [C.BPF_PROG_DETACH, { attach_bpf_fd: fd(name), attach_type, target_fd }],
  [C.BPF_PROG_QUERY, { attach_type, target_fd }],
];
const OBJECTS = [...FDS.keys()];

/** Sound attributes: several of each command. */
export const SOUND: readonly (readonly [cmd: number, sound: Sound])[] = [
  [C.BPF_MAP_CREATE, { map_type: M.BPF_MAP_TYPE_HASH, key_size: 4, value_size: 8, max_entries: 4 }],
  [C.BPF_MAP_CREATE, { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 4 }],
  ...each(C.BPF_MAP_LOOKUP_ELEM, MAPS, elem),
  ...each(C.BPF_MAP_UPDATE_ELEM, MAPS, elem),
  ...each(C.BPF_MAP_DELETE_ELEM, MAPS, (name) => ({ map_fd: fd(name), key: at('key') })),
  ...each(C.BPF_MAP_GET_NEXT_KEY, MAPS, (name) => ({ map_fd: fd(name), key: at('key'), next_key: at('out') })),
  ...each(C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, MAPS, elem),
  ...each(C.BPF_MAP_LOOKUP_BATCH, ['hash', 'array', 'queue'], (n) => ({ ...batch(n), out_batch: at('out') })),
  ...each(C.BPF_MAP_LOOKUP_AND_DELETE_BATCH, ['hash', 'array'], (n) => ({ ...batch(n), out_batch: at('out') })),
  ...each(C.BPF_MAP_UPDATE_BATCH, ['hash', 'array', 'frozen'], batch),
  ...each(C.BPF_MAP_DELETE_BATCH, ['hash', 'array'], batch),
  [C.BPF_MAP_FREEZE, { map_fd: fd('percpu') }],
  [
    C.BPF_PROG_LOAD,
    { prog_type: T.BPF_PROG_TYPE_XDP, insns: at('insns'), 'length of insns': 2, license: at('license') },
  ],
  [
    C.BPF_PROG_LOAD,
    {
      ...{
        prog_type: T.BPF_PROG_TYPE_TRACING,
        expected_attach_type: A.BPF_TRACE_FENTRY,
        attach_btf_id: { btf: 'vfs_read' },
      },
      ...{ insns: at('insns'), 'length of insns': 2, license: at('license') },
    },
  ],
  [C.BPF_BTF_LOAD, { btf: at('btf'), 'length of btf': 43 }],
  [C.BPF_PROG_TEST_RUN, { prog_fd: fd('xdp'), data_in: at('packet'), 'length of data_in': 64 }],
  [C.BPF_PROG_TEST_RUN, { prog_fd: fd('rawtp') }],
  ...each(C.BPF_OBJ_GET_INFO_BY_FD, OBJECTS, (n) => ({ bpf_fd: fd(n), info: at('info'), 'length of info': 64 })),
  ...['rawtp link', 'fentry link', 'kprobe link', 'trace link', 'multi link', 'iter link'].flatMap((name) =>
    Object.keys(linkInfos()).map((info): [number, Sound] => [
      C.BPF_OBJ_GET_INFO_BY_FD,
      { bpf_fd: fd(name), info: at(info), 'length of info': 64 },
    ]),
  ),
  ...each(C.BPF_OBJ_PIN, OBJECTS, (n) => ({ pathname: at('fresh'), bpf_fd: fd(n) })),
  [C.BPF_OBJ_PIN, { pathname: at('relativeFresh'), bpf_fd: fd('hash'), file_flags: 1 << 14, path_fd: fd('grid') }],
  ...each(C.BPF_OBJ_GET, ['map', 'prog', 'link'], (n) => ({ pathname: at(n) })),
  [C.BPF_OBJ_GET, { pathname: at('relative'), file_flags: 1 << 14, path_fd: fd('grid') }],
  ...hook('cgroup skb', A.BPF_CGROUP_INET_INGRESS, fd('tmp')),
  ...hook('sched cls', A.BPF_TCX_INGRESS, 1),
  ...hook('sched cls', A.BPF_NETKIT_PRIMARY, 1),
  ...hook('flow dissector', A.BPF_FLOW_DISSECTOR),
  ...hook('sk msg', A.BPF_SK_MSG_VERDICT, fd('hash')),
  ...hook('sk lookup', A.BPF_SK_LOOKUP),
  ...hook('xdp', A.BPF_XDP, 1),
  ...hook('lsm', A.BPF_LSM_MAC),
  ...hook('lsm', A.BPF_LSM_CGROUP, fd('tmp')),
  ...hook('kprobe', A.BPF_PERF_EVENT, fd('kprobe event')),
  ...each(C.BPF_PROG_GET_NEXT_ID, ['xdp'], () => ({})),
  ...each(C.BPF_MAP_GET_NEXT_ID, ['hash'], () => ({})),
  ...each(C.BPF_BTF_GET_NEXT_ID, ['btf'], () => ({})),
  ...each(C.BPF_LINK_GET_NEXT_ID, ['link'], () => ({})),
  [C.BPF_PROG_GET_FD_BY_ID, { prog_id: { id: 'xdp' } }],
  [C.BPF_MAP_GET_FD_BY_ID, { map_id: { id: 'hash' } }],
  [C.BPF_MAP_GET_FD_BY_ID, { map_id: { id: 'rdonly' } }],
  [C.BPF_BTF_GET_FD_BY_ID, { btf_id: { id: 'btf' } }],
  [C.BPF_LINK_GET_FD_BY_ID, { link_id: { id: 'rawtp link' } }],
  ...each(C.BPF_RAW_TRACEPOINT_OPEN, ['rawtp', 'xdp', 'kprobe'], (n) => ({ prog_fd: fd(n), name: at('sys_enter') })),
  ...each(C.BPF_RAW_TRACEPOINT_OPEN, ['fentry', 'typed rawtp', 'lsm', 'iter'], (n) => ({ prog_fd: fd(n) })),
  ...each(C.BPF_TASK_FD_QUERY, OBJECTS, (n) => ({ pid: 'pid', fd: fd(n), buf: at('out'), 'length of buf': 64 })),
  link('fentry', A.BPF_TRACE_FENTRY),
  link('typed rawtp', A.BPF_TRACE_RAW_TP),
  link('lsm', A.BPF_LSM_MAC),
  link('iter', A.BPF_TRACE_ITER),
  link('kprobe', A.BPF_PERF_EVENT, { target_fd: fd('kprobe event') }),
  link('tracepoint', A.BPF_PERF_EVENT, { target_fd: fd('trace event') }),
  link('perf event', A.BPF_PERF_EVENT, { target_fd: fd('kprobe event') }),
  link('kprobe multi', A.BPF_TRACE_KPROBE_MULTI, {
    'kprobe_multi.syms': at('names'),
    'length of kprobe_multi.syms': 2,
  }),
  link('uprobe multi', A.BPF_TRACE_UPROBE_MULTI, {
    ...{
      'uprobe_multi.path': at('missing'),
      'uprobe_multi.offsets': at('cookies'),
      'length of uprobe_multi.offsets': 1,
    },
  }),
  link('cgroup skb', A.BPF_CGROUP_INET_INGRESS, { target_fd: fd('tmp') }),
  link('sched cls', A.BPF_TCX_INGRESS, { target_fd: 777 }),
  link('sched cls', A.BPF_NETKIT_PRIMARY, { target_fd: 1 }),
  link('xdp', A.BPF_XDP, { target_fd: 777 }),
  link('netfilter', A.BPF_NETFILTER, { 'netfilter.pf': 99 }),
  link('sk lookup', A.BPF_SK_LOOKUP, { target_fd: fd('tmp') }),
  link('flow dissector', A.BPF_FLOW_DISSECTOR, { target_fd: fd('tmp') }),
  link('sk msg', A.BPF_SK_MSG_VERDICT, { target_fd: fd('hash') }),
  link('rawtp', A.BPF_TRACE_RAW_TP),
  link('filter', 0),
  link('hash', A.BPF_STRUCT_OPS),
  [C.BPF_LINK_UPDATE, { link_fd: fd('rawtp link'), new_prog_fd: fd('rawtp') }],
  [C.BPF_LINK_UPDATE, { link_fd: fd('fentry link'), new_prog_fd: fd('fentry'), flags: 4, old_prog_fd: fd('fentry') }],
  [C.BPF_LINK_DETACH, { link_fd: fd('rawtp link') }],
  [C.BPF_LINK_DETACH, { link_fd: fd('fentry link') }],
  [C.BPF_ENABLE_STATS, { type: 0 }],
  [C.BPF_ITER_CREATE, { link_fd: fd('rawtp link') }],
  [C.BPF_ITER_CREATE, { link_fd: fd('iter link') }],
  [C.BPF_PROG_BIND_MAP, { prog_fd: fd('xdp'), map_fd: fd('hash') }],
  [C.BPF_TOKEN_CREATE, { bpffs_fd: fd('bpffs') }],
  [C.BPF_TOKEN_CREATE, { bpffs_fd: fd('grid') }],
  [
    C.BPF_PROG_STREAM_READ_BY_FD,
    { prog_fd: fd('xdp'), stream_id: 1, stream_buf: at('out'), 'length of stream_buf': 16 },
  ],
];
