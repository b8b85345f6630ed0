/** What fields of sound attributes are set to, and the calls that this makes. */
import type { AttrField, AttrLayout } from '../../../src/uapi/attr/layout.ts';
import { ATTR_LAYOUTS, BPF_ATTR_SIZE } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { xorshift } from '../maps/setup.ts';
import {
  ALL,
  type Call,
  FDS,
  type Field,
  fieldsOf,
  place,
  placed,
  SOUND,
  type Value,
  widthOf,
} from './command-grid.ts';

/** A field of a command that is set to something else. */
interface Change {
  readonly field: Field;
  readonly name: string;
}

const CLOSED = 999;
const SOME_FDS = [
  'hash',
  'frozen',
  'rdonly',
  'xdp',
  'kprobe',
  'fentry',
  'rawtp link',
  'fentry link',
  'btf',
  'grid',
  'bpffs',
  'kprobe event',
  'trace event',
  'stats',
];
const FD_VALUES: readonly Value[] = [0, 1, CLOSED, 0xffff_ffff, ...SOME_FDS.map((name) => ({ fd: name }))];
const FLAGS: readonly number[] = [
  1,
  2,
  4,
  8,
  16,
  32,
  64,
  128,
  1 << 13,
  1 << 14,
  1 << 15,
  1 << 16,
  0x8000_0000,
  0xffff_ffff,
  24,
  3,
];
const WIDE: readonly bigint[] = [0n, 1n, 2n, 4n, 8n, 1n << 32n, (1n << 64n) - 1n];
const NUMBERS: readonly number[] = [0, 1, 2, 4, 8, 16, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const LARGE: readonly number[] = [0, 0x7fff_fff0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const SMALL: readonly number[] = [0, 1, 2, 3];
const PATHS = [
  'map',
  'prog',
  'link',
  'fresh',
  'missing',
  'dotted',
  'directory',
  'outside',
  'relative',
  'empty',
  'endless',
];
/** Sizes and counts of which no kernel's memory has much to do. */
const BOUNDED: ReadonlySet<string> = new Set([
  'key_size',
  'value_size',
  'max_entries',
  'repeat',
  'batch_size',
  'map_type',
  'prog_type',
  'count',
]);
/** Flags that make the live kernel send packets are left out. */
const TEST_RUN_FLAGS: readonly number[] = [0, 1, 4, 8, 0x8000_0000];

function valuesOf(cmd: number, name: string, field: AttrField): readonly Value[] {
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (last === 'pathname') return ['null', 'bad', ...PATHS.map(place)];
  if (last === 'path') return ['null', 'bad', place('missing'), place('empty')];
  if (last === 'name' && field.kind === 'cstr')
    return ['null', 'bad', place('sys_enter'), place('no_event'), place('empty'), place('endless')];
  if (last === 'syms') return ['null', 'bad', place('names'), place('badNames'), place('out')];
  if (field.kind === 'buf' || field.kind === 'log' || field.kind === 'cstr') return ['null', 'bad', place('out')];
  if (field.kind === 'u64') return WIDE;
  if (/(^|_)fd$/.test(last) && cmd !== C.BPF_TASK_FD_QUERY) return FD_VALUES;
  if (last === 'fd') return [...FD_VALUES, ...[...FDS.keys()].map((fd) => ({ fd }))];
  if (last === 'pid')
    return cmd === C.BPF_TASK_FD_QUERY ? [0, 'pid', 0x3f_ffff, 0xffff_ffff] : [0, 0x3f_ffff, 0xffff_ffff];
  if (last === 'attach_type' || last === 'expected_attach_type') return Array.from({ length: 60 }, (_, i) => i);
  if (cmd === C.BPF_PROG_TEST_RUN && last === 'flags') return TEST_RUN_FLAGS;
  if (last === 'flags' || last.endsWith('_flags')) return FLAGS;
  if (/(start|prog|map|btf|link)_id$/.test(last)) return LARGE;
  if (last.endsWith('ifindex')) return [0, 777];
  return BOUNDED.has(last) ? SMALL : NUMBERS;
}
const LENGTHS: readonly number[] = [0, 1, 8, 16, 64, 104, 200, 4096, 4097, 8192];
const lengthsOf = (name: string): readonly number[] =>
  /^(kprobe|uprobe)_multi/.test(name)
    ? [0, 1, 2, 3, (1 << 20) + 1, 0xffff_ffff]
    : name === 'insns'
      ? [0, 1, 2, 3, 1_000_001]
      : LENGTHS;

function changesOf(cmd: number): readonly Change[] {
  const out: Change[] = [];
  for (const [name, field] of fieldsOf((ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd])) {
    if (field.kind === 'name') {
      out.push({ field: [field.off, 4, 0x20_2020], name }, { field: [field.off, 4, 0x61], name });
      continue;
    }
    for (const value of valuesOf(cmd, name, field)) out.push({ field: [field.off, widthOf(field), value], name });
    if (field.lenAt === undefined) continue;
    for (const n of lengthsOf(name)) out.push({ field: [field.lenAt, 4, n], name: `length of ${name}` });
  }
  return out;
}

const shown = (value: Value): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Of a command's sound attribute: fields set to something else. */
function changed(of: Call, ...changes: readonly Change[]): Call {
  const names = changes.map(({ name, field: [, , value] }) => `${name} ${shown(value)}`);
  return {
    ...of,
    name: `${of.name}: ${names.join(', ')}`,
    fields: [...of.fields, ...changes.map(({ field }) => field)],
  };
}

const sizesOf = (of: Call): Call[] =>
  [4, 8, 12, 16, 24, of.size + 4, BPF_ATTR_SIZE, 172, 4096, 4097].map((size) => ({
    ...of,
    name: `${of.name}, ${size} bytes`,
    size,
  }));
const tailsOf = (of: Call): Call[] =>
  [of.size, BPF_ATTR_SIZE - 1, BPF_ATTR_SIZE, 4095].map((tail) => ({
    ...of,
    name: `${of.name}, byte ${tail} set`,
    size: tail + 1,
    tail,
  }));

/** Powers of callers: none, each alone, and what usually goes together. */
const POWERS: readonly number[] = [0, 1, 2, 4, 8, 3, 5];

/** All single changes with all powers, `pairs` random pairs, and for each lesser power the sound calls and `less` random single changes. */
export function commandGrid(pairs: number, less: number): readonly Call[] {
  const sound = SOUND.map(
    ([cmd, given], i): Call => ({
      ...{ name: `${i} ${bpfCmdName(cmd)}`, cmd, caps: ALL },
      ...{ size: (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd].size, fields: placed(cmd, given) },
    }),
  );
  const random = xorshift(0xc0de);
  const pick = <V>(values: readonly V[]): V => values[random() % values.length];
  const changes = new Map(sound.map(({ cmd }) => [cmd, changesOf(cmd)] as const));
  const other = (of: Call): Change => pick(changes.get(of.cmd)!);
  const out: Call[] = [];
  // One sound attribute of a command is changed in every way, the others in some.
  const seen = new Set<number>();
  for (const of of sound) {
    out.push(of);
    const all = changes.get(of.cmd)!;
    if (of.cmd === C.BPF_OBJ_GET_INFO_BY_FD && seen.has(of.cmd)) continue;
    const some = seen.has(of.cmd) ? Array.from({ length: Math.min(40, all.length) }, () => pick(all)) : all;
    seen.add(of.cmd);
    out.push(...some.map((change) => changed(of, change)), ...(some === all ? [...sizesOf(of), ...tailsOf(of)] : []));
  }
  // Unknown commands.
  for (const cmd of [38, 39, 100, 0x7fff_ffff, 0xffff_ffff])
    out.push({ name: `${cmd}`, cmd, caps: ALL, size: 16, fields: [] });
  for (let i = 0; i < pairs; i++) {
    const of = pick(sound);
    out.push(changed(of, other(of), other(of)));
  }
  for (const caps of POWERS) {
    const weak = (of: Call): Call => ({ ...of, caps, name: `${of.name} with ${caps}` });
    out.push(...sound.map(weak));
    for (let i = 0; i < less; i++) {
      const of = pick(sound);
      out.push(weak(changed(of, other(of))));
    }
  }
  return out;
}
