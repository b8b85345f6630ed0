/** Every field of every command in binary form: a sound attribute of each, with one field or two set to something else. */
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { type AttrField, ATTR_LAYOUTS, type AttrLayout, BPF_ATTR_SIZE } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { xorshift } from '../maps/setup.ts';

/** A kernel with memory that its attributes point into. */
export interface BinarySide {
  readonly sys: BpfSyscall;
  readonly arena: Uint8Array;
  /** Address of the arena. */
  readonly base: bigint;
  /** A loaded program that questions name as another object. */
  readonly other: number;
  ask(cmd: number, attr: Uint8Array): number;
}
/** A number, a place in the arena, the address of nothing, or the descriptor of an object made for the question. */
export type Value = number | bigint | { readonly at: number } | 'null' | 'bad' | 'fd' | 'other' | 'closed';
export interface Question {
  readonly name: string;
  readonly cmd: number;
  readonly object: ObjectName;
  readonly size: number;
  readonly fields: readonly (readonly [off: number, bytes: 4 | 8, value: Value])[];
  /** Bytes behind the fields that are set to 1. */
  readonly tail?: number;
}

export const ARENA = 1 << 16;
const BAD_ADDRESS = 0x10n;
const CLOSED = 999_999;
const KEY = 0;
const VALUE = 4096;
const OUT = 8192;
const INSNS = 12_288;
const LICENSE = 16_384;
const BTF = 20_480;
const PACKET = 24_576;
const LOG = 28_672;
const INFO = 36_864;

/** Makes what questions ask about, fresh for each. */
const OBJECTS = {
  none: () => 0,
  hash: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_HASH, 4, 8),
  array: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_ARRAY, 4, 8),
  'percpu array': (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8),
  lpm: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1),
  queue: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_QUEUE, 0, 8),
  bloom: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_BLOOM_FILTER, 0, 8),
  'stack trace': (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_STACK_TRACE, 4, 8),
  'prog array': (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_PROG_ARRAY, 4, 4),
  devmap: (s: BpfSyscall) => filled(s, M.BPF_MAP_TYPE_DEVMAP, 4, 8),
  xdp: (s: BpfSyscall) => program(s, T.BPF_PROG_TYPE_XDP),
  filter: (s: BpfSyscall) => program(s, T.BPF_PROG_TYPE_SOCKET_FILTER),
  'raw tracepoint': (s: BpfSyscall) => program(s, T.BPF_PROG_TYPE_RAW_TRACEPOINT),
  btf: (s: BpfSyscall) => s.bpf(C.BPF_BTF_LOAD, { btf: BTF_OF_INT }),
} as const;
type ObjectName = keyof typeof OBJECTS;
const RETURN_0 = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
/** One integer, `a`. */
const BTF_OF_INT = new Uint8Array(Uint32Array.of(0x1eb9f, 24, 0, 16, 16, 3, 1, 1 << 24, 4, 32, 0x6100).buffer).slice(
  0,
  43,
);

function filled(sys: BpfSyscall, map_type: number, key_size: number, value_size: number, map_flags = 0): number {
  const fd = sys.bpf(C.BPF_MAP_CREATE, { map_type, key_size, value_size, max_entries: 4, map_flags });
  const key = new Uint8Array(key_size);
  sys.bpf(C.BPF_MAP_UPDATE_ELEM, {
    map_fd: fd,
    ...(key_size > 0 ? { key } : {}),
    value: new Uint8Array(64),
    flags: 0n,
  });
  return fd;
}
export const program = (sys: BpfSyscall, prog_type: number = T.BPF_PROG_TYPE_SOCKET_FILTER): number =>
  sys.bpf(C.BPF_PROG_LOAD, { prog_type, insns: RETURN_0, license: 'GPL' });

type Sound = Readonly<Record<string, Value>>;
const elem: Sound = { map_fd: 'fd', key: { at: KEY }, value: { at: VALUE }, next_key: { at: OUT } };
const batch: Sound = {
  ...{ map_fd: 'fd', count: 2, keys: { at: KEY }, values: { at: VALUE }, out_batch: { at: OUT } },
};
const run: Sound = { prog_fd: 'fd', data_in: { at: PACKET }, 'length of data_in': 64 };
const MAPS = ['hash', 'array', 'percpu array', 'lpm', 'queue', 'bloom', 'stack trace', 'prog array', 'devmap'] as const;
const KINDS = ['hash', 'filter', 'btf'] as const;

/** Sound attributes: command, objects to ask about, fields. */
const SOUND: readonly (readonly [cmd: number, objects: readonly ObjectName[], sound: Sound])[] = [
  [C.BPF_MAP_CREATE, ['none'], { map_type: M.BPF_MAP_TYPE_HASH, key_size: 4, value_size: 8, max_entries: 4 }],
  [C.BPF_MAP_LOOKUP_ELEM, MAPS, elem],
  [C.BPF_MAP_UPDATE_ELEM, MAPS, elem],
  [C.BPF_MAP_DELETE_ELEM, MAPS, elem],
  [C.BPF_MAP_GET_NEXT_KEY, MAPS, elem],
  [C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, MAPS, elem],
  [C.BPF_MAP_FREEZE, MAPS, elem],
  [C.BPF_MAP_LOOKUP_BATCH, MAPS, batch],
  [C.BPF_MAP_LOOKUP_AND_DELETE_BATCH, MAPS, batch],
  [C.BPF_MAP_UPDATE_BATCH, MAPS, batch],
  [C.BPF_MAP_DELETE_BATCH, MAPS, batch],
  [
    C.BPF_PROG_LOAD,
    ['none'],
    { prog_type: T.BPF_PROG_TYPE_SOCKET_FILTER, insns: { at: INSNS }, 'length of insns': 2, license: { at: LICENSE } },
  ],
  [
    C.BPF_PROG_LOAD,
    ['none'],
    {
      ...{ prog_type: T.BPF_PROG_TYPE_XDP, insns: { at: INSNS }, 'length of insns': 2, license: { at: LICENSE } },
      ...{ log_level: 1, log_buf: { at: LOG }, 'length of log_buf': 4096 },
    },
  ],
  [C.BPF_BTF_LOAD, ['none'], { btf: { at: BTF }, 'length of btf': 43 }],
  [C.BPF_PROG_TEST_RUN, ['xdp', 'filter'], run],
  [C.BPF_PROG_TEST_RUN, ['raw tracepoint'], { prog_fd: 'fd' }],
  [C.BPF_OBJ_GET_INFO_BY_FD, KINDS, { bpf_fd: 'fd', info: { at: INFO }, 'length of info': 104 }],
  [C.BPF_PROG_GET_NEXT_ID, ['filter'], {}],
  [C.BPF_MAP_GET_NEXT_ID, ['hash'], {}],
  [C.BPF_BTF_GET_NEXT_ID, ['btf'], {}],
  [C.BPF_PROG_GET_FD_BY_ID, ['filter'], { prog_id: 0x7fff_fff0 }],
  [C.BPF_MAP_GET_FD_BY_ID, ['hash'], { map_id: 0x7fff_fff0 }],
  [C.BPF_BTF_GET_FD_BY_ID, ['btf'], { btf_id: 0x7fff_fff0 }],
];

/** What a field is set to. No value here makes a live kernel allocate much, run long, or write beyond the arena. */
const SMALL = new Set(['key_size', 'value_size', 'max_entries', 'repeat', 'map_type', 'prog_type', 'batch_size']);
/** Would be sent out by the live kernel. */
const TEST_RUN_FLAGS: readonly number[] = [0, 1, 4, 8, 0x8000_0000];
const LARGE: readonly number[] = [0x7fff_fff0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const NUMBERS: readonly number[] = [0, 1, 2, 4, 7, 8, 16, 0x1_0000, 0x8000_0000, 0xffff_ffff];

function valuesOf(field: AttrField, layout: AttrLayout): readonly Value[] {
  if (field.kind === 'buf' || field.kind === 'log' || field.kind === 'cstr') return ['null', 'bad', { at: OUT }];
  if (field.kind === 'u64') return [0n, 1n, 2n, 4n, 8n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n];
  if (/(^|_)fd$/.test(field.name)) return [0, 1, 'fd', 'other', 'closed', 0xffff_ffff];
  if (layout.group === 'test' && field.name === 'flags') return TEST_RUN_FLAGS;
  // Small ids and devices are what the live kernel's machine happens to have.
  if (/(start|prog|map|btf)_id$/.test(field.name)) return LARGE;
  if (field.name.endsWith('ifindex')) return [0, 1, 777];
  return SMALL.has(field.name) ? [0, 1, 2, 3] : NUMBERS;
}
/** Lengths of buffers: at most what the arena has, or beyond all that is taken. */
const lengthsOf = (field: AttrField): readonly number[] =>
  field.name === 'insns' ? [0, 1, 2, 3, 1_000_001, 0xffff_ffff] : [0, 1, 8, 13, 14, 64, 104, 200, 4096, 4097, 16_384];

type Change = readonly [off: number, bytes: 4 | 8, value: Value, name: string];

function changesOf(layout: AttrLayout): Change[] {
  const out: Change[] = [];
  for (const field of layout.fields) {
    const bytes = field.kind === 'u32' || field.kind === 's32' ? 4 : 8;
    if (field.kind === 'name') out.push([field.off, 4, 0x20_2020, field.name], [field.off, 4, 0x61, field.name]);
    else for (const value of valuesOf(field, layout)) out.push([field.off, bytes, value, field.name]);
    if (field.lenAt !== undefined)
      for (const n of lengthsOf(field)) out.push([field.lenAt, 4, n, `length of ${field.name}`]);
  }
  return out;
}

/** Offset and width of a sound attribute's field; undefined when the command has it not. */
function place(layout: AttrLayout, name: string): readonly [off: number, bytes: 4 | 8] | undefined {
  const length = name.startsWith('length of ') ? name.slice('length of '.length) : undefined;
  const field = layout.fields.find((f) => f.name === (length ?? name));
  if (field === undefined) return undefined;
  if (length !== undefined) return [field.lenAt ?? 0, 4];
  return [field.off, field.kind === 'u32' || field.kind === 's32' ? 4 : 8];
}

const showValue = (value: Value): string => (typeof value === 'object' ? `arena+${value.at}` : String(value));

/** All single changes, sizes and tails of all commands, and `pairs` random pairs of changes, the same ones each time. */
export function binaryGrid(pairs: number): Question[] {
  const out: Question[] = [];
  const many: { readonly of: Question; readonly changes: readonly Change[] }[] = [];
  for (const [cmd, objects, sound] of SOUND) {
    const layout: AttrLayout = (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd];
    const fields = Object.entries(sound).flatMap(([name, value]): [number, 4 | 8, Value][] => {
      const at = place(layout, name);
      return at === undefined ? [] : [[...at, value]];
    });
    const changes = changesOf(layout);
    for (const object of objects) {
      const of: Question = { name: `${bpfCmdName(cmd)} of ${object}`, cmd, object, size: layout.size, fields };
      many.push({ of, changes });
      out.push(of, ...changes.map((change) => changed(of, change)));
      for (const size of [4, 8, 16, 24, layout.size + 4, BPF_ATTR_SIZE, 172, 4096, 4097])
        out.push({ ...of, name: `${of.name}, ${size} bytes`, size });
      for (const tail of [layout.size, BPF_ATTR_SIZE - 1, BPF_ATTR_SIZE, 4095])
        out.push({ ...of, name: `${of.name}, byte ${tail} set`, size: tail + 1, tail });
    }
  }
  const random = xorshift(0xb1a5);
  const pick = <V>(values: readonly V[]): V => values[random() % values.length];
  for (let i = 0; i < pairs; i++) {
    const { of, changes } = pick(many);
    out.push(changed(of, pick(changes), pick(changes)));
  }
  return out;
}

function changed(of: Question, ...changes: readonly Change[]): Question {
  return {
    ...of,
    name: `${of.name}: ${changes.map(([, , value, name]) => `${name} ${showValue(value)}`).join(', ')}`,
    fields: [...of.fields, ...changes.map(([off, bytes, value]): [number, 4 | 8, Value] => [off, bytes, value])],
  };
}

/** Asks one question: 1 for a descriptor, which is closed, 0 or -errno. */
export function askBinary(side: BinarySide, question: Question): number {
  const { sys, arena, base } = side;
  arena.fill(0);
  arena.set(RETURN_0, INSNS);
  arena.set(BTF_OF_INT, BTF);
  arena.set(new TextEncoder().encode('GPL\0'), LICENSE);
  const fd = OBJECTS[question.object](sys);
  const { other } = side;
  const attr = new Uint8Array(Math.max(question.size, BPF_ATTR_SIZE));
  const view = new DataView(attr.buffer);
  for (const [off, bytes, value] of question.fields) {
    const number = resolve(value, { fd, other, base });
    if (bytes === 8) view.setBigUint64(off, BigInt(number), true);
    else view.setUint32(off, Number(number), true);
  }
  const given = attr.slice(0, question.size);
  if (question.tail !== undefined) given[question.tail] = 1;
  const result = side.ask(question.cmd, given);
  const opens = result > 2;
  if (opens) sys.close(result);
  if (fd > 2) sys.close(fd);
  return opens ? 1 : result;
}

function resolve(value: Value, of: { fd: number; other: number; base: bigint }): number | bigint {
  if (typeof value === 'object') return of.base + BigInt(value.at);
  if (value === 'null') return 0n;
  if (value === 'bad') return BAD_ADDRESS;
  if (value === 'fd') return of.fd;
  if (value === 'other') return of.other;
  return value === 'closed' ? CLOSED : value;
}
