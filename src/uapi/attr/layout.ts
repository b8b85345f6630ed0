/** union bpf_attr of Linux 6.18 as data: for each command the fields, their offsets, and what they mean in the typed attributes. */
import { BPF_CMD } from '../cmd.ts';
import { PATH_MAX } from '../files.ts';
import { LINK_ARMS, linkArms } from './link-arms.ts';

/**
 * How a field lies in union bpf_attr and in the typed attribute:
 * `u32`, `s32`, `u64` numbers; `name` char[16]; `cstr` pointer to a NUL-terminated string;
 * `strs` pointer to pointers to such strings; `buf` pointer to bytes; `log` pointer to text that the kernel writes up to a NUL.
 */
export type AttrFieldKind = 'u32' | 's32' | 'u64' | 'name' | 'cstr' | 'strs' | 'buf' | 'log';

/** The source of the size of a buffer whose length no other field holds. */
export type AttrBufSize = 'key' | 'value' | 'keys' | 'values' | 'cursor' | 'fds';

export interface AttrField {
  readonly name: string;
  readonly off: number;
  readonly kind: AttrFieldKind;
  /** Whether the kernel reads it, writes it, or both. */
  readonly dir: 'in' | 'out' | 'inout';
  /** Buffers: offset of the u32 with their length. */
  readonly lenAt?: number;
  /** Buffers: bytes per counted element: a number, or the offset of the u32 that holds it. */
  readonly unit?: number | { readonly at: number };
  /** Outputs whose length is written back: typed field that receives it. */
  readonly lenName?: string;
  /** Bytes that the kernel reads or writes at most. Default of `cstr`: 128, of others what the length says. */
  readonly most?: number;
  /** Buffers without a length field. */
  readonly size?: AttrBufSize;
}

export interface AttrLayout {
  /** Name of the command's own struct in the typed attribute, '' when its fields are members of the union itself. */
  readonly group:
    | ''
    | 'batch'
    | 'test'
    | 'info'
    | 'query'
    | 'raw_tracepoint'
    | 'task_fd_query'
    | 'link_create'
    | 'link_update'
    | 'link_detach'
    | 'enable_stats'
    | 'iter_create'
    | 'prog_bind_map'
    | 'token_create'
    | 'prog_stream_read';
  /** Bytes up to the end of the last field that the command knows: what lies behind must be zero (CHECK_ATTR). */
  readonly size: number;
  readonly fields: readonly AttrField[];
  /** Members of a union, each a struct of its own in the typed attribute: fields by the member's name. */
  readonly arms?: Readonly<Record<string, readonly AttrField[]>>;
  /** Which of them a binary attribute has. */
  readonly armsOf?: (attr: DataView) => readonly string[];
}

/** Of names that the kernel gives, with their NUL. */
const KSYM_NAME_LEN = 512;
/** sizeof(union bpf_attr) of 6.18. */
export const BPF_ATTR_SIZE = 168;

const u32 = (name: string, off: number, dir: AttrField['dir'] = 'in'): AttrField => ({ name, off, kind: 'u32', dir });
const s32 = (name: string, off: number): AttrField => ({ name, off, kind: 's32', dir: 'in' });
const u64 = (name: string, off: number, dir: AttrField['dir'] = 'in'): AttrField => ({ name, off, kind: 'u64', dir });
const buf = (name: string, off: number, rest: Partial<AttrField>): AttrField => ({
  name,
  off,
  kind: 'buf',
  dir: 'in',
  ...rest,
});

const mapFd = u32('map_fd', 0);
const key = buf('key', 8, { size: 'key' });
const flags = u64('flags', 24);
const elem = (size: number, ...fields: AttrField[]): AttrLayout => ({ group: '', size, fields });
const batch: AttrLayout = {
  group: 'batch',
  size: 56,
  fields: [
    buf('in_batch', 0, { size: 'cursor' }),
    buf('out_batch', 8, { size: 'cursor', dir: 'out' }),
    buf('keys', 16, { size: 'keys', dir: 'inout' }),
    buf('values', 24, { size: 'values', dir: 'inout' }),
    u32('count', 32, 'inout'),
    u32('map_fd', 36),
    u64('elem_flags', 40),
    u64('flags', 48),
  ],
};
const nextId: AttrLayout = { group: '', size: 8, fields: [u32('start_id', 0), u32('next_id', 4, 'out')] };
const fdById = (name: string): AttrLayout => ({
  group: '',
  size: 16,
  fields: [u32(name, 0), u32('next_id', 4), u32('open_flags', 8), s32('fd_by_id_token_fd', 12)],
});

/** Objects by path. */
const file: AttrLayout = {
  group: '',
  size: 20,
  fields: [
    { name: 'pathname', off: 0, kind: 'cstr', dir: 'in', most: PATH_MAX },
    u32('bpf_fd', 8),
    u32('file_flags', 12),
    s32('path_fd', 16),
  ],
};
/** Programs on hooks without links. */
const attach: AttrLayout = {
  group: '',
  size: 32,
  fields: [
    u32('target_fd', 0),
    u32('target_ifindex', 0),
    u32('attach_bpf_fd', 4),
    u32('attach_type', 8),
    u32('attach_flags', 12),
    u32('replace_bpf_fd', 16),
    u32('relative_fd', 20),
    u32('relative_id', 20),
    u64('expected_revision', 24),
  ],
};
/** As many as `count` of PROG_QUERY says. */
const ids = { lenAt: 24, unit: 4, dir: 'out' } as const;

/** LINK_GET_FD_BY_ID takes the id alone. */
const linkById: AttrLayout = { group: '', size: 4, fields: [u32('link_id', 0)] };

/** The layout of each command that has typed attributes. */
export const ATTR_LAYOUTS = {
  [BPF_CMD.BPF_MAP_CREATE]: {
    group: '',
    size: 92,
    fields: [
      u32('map_type', 0),
      u32('key_size', 4),
      u32('value_size', 8),
      u32('max_entries', 12),
      u32('map_flags', 16),
      u32('inner_map_fd', 20),
      u32('numa_node', 24),
      { name: 'map_name', off: 28, kind: 'name', dir: 'in' },
      u32('map_ifindex', 44),
      u32('btf_fd', 48),
      u32('btf_key_type_id', 52),
      u32('btf_value_type_id', 56),
      u32('btf_vmlinux_value_type_id', 60),
      u64('map_extra', 64),
      s32('value_type_btf_obj_fd', 72),
      s32('map_token_fd', 76),
      buf('excl_prog_hash', 80, { lenAt: 88 }),
    ],
  },
  [BPF_CMD.BPF_MAP_LOOKUP_ELEM]: elem(32, mapFd, key, buf('value', 16, { size: 'value', dir: 'out' }), flags),
  [BPF_CMD.BPF_MAP_UPDATE_ELEM]: elem(32, mapFd, key, buf('value', 16, { size: 'value' }), flags),
  [BPF_CMD.BPF_MAP_DELETE_ELEM]: elem(16, mapFd, key),
  [BPF_CMD.BPF_MAP_GET_NEXT_KEY]: elem(24, mapFd, key, buf('next_key', 16, { size: 'key', dir: 'out' })),
  [BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_ELEM]: elem(
    32,
    mapFd,
    key,
    buf('value', 16, { size: 'value', dir: 'out' }),
    flags,
  ),
  [BPF_CMD.BPF_MAP_FREEZE]: elem(4, mapFd),
  [BPF_CMD.BPF_MAP_LOOKUP_BATCH]: batch,
  [BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_BATCH]: batch,
  [BPF_CMD.BPF_MAP_UPDATE_BATCH]: batch,
  [BPF_CMD.BPF_MAP_DELETE_BATCH]: batch,
  [BPF_CMD.BPF_PROG_LOAD]: {
    group: '',
    size: 168,
    fields: [
      u32('prog_type', 0),
      buf('insns', 8, { lenAt: 4, unit: 8 }),
      { name: 'license', off: 16, kind: 'cstr', dir: 'in' },
      u32('log_level', 24),
      { name: 'log_buf', off: 32, kind: 'log', dir: 'out', lenAt: 28 },
      u32('kern_version', 40),
      u32('prog_flags', 44),
      { name: 'prog_name', off: 48, kind: 'name', dir: 'in' },
      u32('prog_ifindex', 64),
      u32('expected_attach_type', 68),
      u32('prog_btf_fd', 72),
      u32('func_info_rec_size', 76),
      buf('func_info', 80, { lenAt: 88, unit: { at: 76 } }),
      u32('line_info_rec_size', 92),
      buf('line_info', 96, { lenAt: 104, unit: { at: 92 } }),
      u32('attach_btf_id', 108),
      u32('attach_prog_fd', 112),
      u32('attach_btf_obj_fd', 112),
      buf('fd_array', 120, { size: 'fds' }),
      u32('core_relo_rec_size', 136),
      buf('core_relos', 128, { lenAt: 116, unit: { at: 136 } }),
      u32('log_true_size', 140, 'out'),
      s32('prog_token_fd', 144),
      u32('fd_array_cnt', 148),
      buf('signature', 152, { lenAt: 160 }),
      s32('keyring_id', 164),
    ],
  },
  [BPF_CMD.BPF_BTF_LOAD]: {
    group: '',
    size: 40,
    fields: [
      buf('btf', 0, { lenAt: 16 }),
      { name: 'btf_log_buf', off: 8, kind: 'log', dir: 'out', lenAt: 20 },
      u32('btf_log_level', 24),
      u32('btf_log_true_size', 28, 'out'),
      u32('btf_flags', 32),
      s32('btf_token_fd', 36),
    ],
  },
  [BPF_CMD.BPF_PROG_TEST_RUN]: {
    group: 'test',
    size: 76,
    fields: [
      u32('prog_fd', 0),
      u32('retval', 4, 'out'),
      buf('data_in', 16, { lenAt: 8 }),
      buf('data_out', 24, { lenAt: 12, lenName: 'data_size_out', dir: 'out' }),
      u32('repeat', 32),
      u32('duration', 36, 'out'),
      // Syscall programs write into it.
      buf('ctx_in', 48, { lenAt: 40, dir: 'inout' }),
      buf('ctx_out', 56, { lenAt: 44, lenName: 'ctx_size_out', dir: 'out' }),
      u32('flags', 64),
      u32('cpu', 68),
      u32('batch_size', 72),
    ],
  },
  [BPF_CMD.BPF_OBJ_GET_INFO_BY_FD]: {
    group: 'info',
    size: 16,
    fields: [u32('bpf_fd', 0), buf('info', 8, { lenAt: 4, lenName: 'info_len', dir: 'inout' })],
  },
  [BPF_CMD.BPF_OBJ_PIN]: file,
  [BPF_CMD.BPF_OBJ_GET]: file,
  [BPF_CMD.BPF_PROG_ATTACH]: attach,
  [BPF_CMD.BPF_PROG_DETACH]: attach,
  [BPF_CMD.BPF_PROG_QUERY]: {
    group: 'query',
    size: 64,
    fields: [
      u32('target_fd', 0),
      u32('target_ifindex', 0),
      u32('attach_type', 4),
      u32('query_flags', 8),
      u32('attach_flags', 12, 'inout'),
      buf('prog_ids', 16, ids),
      u32('count', 24, 'inout'),
      buf('prog_attach_flags', 32, ids),
      buf('link_ids', 40, ids),
      buf('link_attach_flags', 48, ids),
      u64('revision', 56, 'inout'),
    ],
  },
  [BPF_CMD.BPF_RAW_TRACEPOINT_OPEN]: {
    group: 'raw_tracepoint',
    size: 24,
    fields: [{ name: 'name', off: 0, kind: 'cstr', dir: 'in' }, u32('prog_fd', 8), u64('cookie', 16)],
  },
  [BPF_CMD.BPF_TASK_FD_QUERY]: {
    group: 'task_fd_query',
    size: 48,
    fields: [
      u32('pid', 0),
      u32('fd', 4),
      u32('flags', 8),
      u32('buf_len', 12, 'inout'),
      buf('buf', 16, { lenAt: 12, dir: 'out', most: KSYM_NAME_LEN }),
      u32('prog_id', 24, 'inout'),
      u32('fd_type', 28, 'inout'),
      u64('probe_offset', 32, 'inout'),
      u64('probe_addr', 40, 'inout'),
    ],
  },
  [BPF_CMD.BPF_LINK_CREATE]: {
    group: 'link_create',
    size: 60,
    fields: [
      u32('prog_fd', 0),
      u32('map_fd', 0),
      u32('target_fd', 4),
      u32('target_ifindex', 4),
      u32('attach_type', 8),
      u32('flags', 12),
    ],
    arms: LINK_ARMS,
    armsOf: (attr) => linkArms(attr.getUint32(8, true)),
  },
  [BPF_CMD.BPF_LINK_UPDATE]: {
    group: 'link_update',
    size: 16,
    fields: [u32('link_fd', 0), u32('new_prog_fd', 4), u32('flags', 8), u32('old_prog_fd', 12)],
  },
  [BPF_CMD.BPF_LINK_DETACH]: { group: 'link_detach', size: 4, fields: [u32('link_fd', 0)] },
  [BPF_CMD.BPF_ENABLE_STATS]: { group: 'enable_stats', size: 4, fields: [u32('type', 0)] },
  [BPF_CMD.BPF_ITER_CREATE]: { group: 'iter_create', size: 8, fields: [u32('link_fd', 0), u32('flags', 4)] },
  [BPF_CMD.BPF_PROG_BIND_MAP]: {
    group: 'prog_bind_map',
    size: 12,
    fields: [u32('prog_fd', 0), u32('map_fd', 4), u32('flags', 8)],
  },
  [BPF_CMD.BPF_TOKEN_CREATE]: { group: 'token_create', size: 8, fields: [u32('flags', 0), u32('bpffs_fd', 4)] },
  [BPF_CMD.BPF_PROG_STREAM_READ_BY_FD]: {
    group: 'prog_stream_read',
    size: 20,
    fields: [buf('stream_buf', 0, { lenAt: 8, dir: 'out' }), u32('stream_id', 12), u32('prog_fd', 16)],
  },
  [BPF_CMD.BPF_PROG_GET_NEXT_ID]: nextId,
  [BPF_CMD.BPF_MAP_GET_NEXT_ID]: nextId,
  [BPF_CMD.BPF_BTF_GET_NEXT_ID]: nextId,
  [BPF_CMD.BPF_LINK_GET_NEXT_ID]: nextId,
  [BPF_CMD.BPF_LINK_GET_FD_BY_ID]: linkById,
  [BPF_CMD.BPF_PROG_GET_FD_BY_ID]: fdById('prog_id'),
  [BPF_CMD.BPF_MAP_GET_FD_BY_ID]: fdById('map_id'),
  [BPF_CMD.BPF_BTF_GET_FD_BY_ID]: fdById('btf_id'),
} as const satisfies Record<number, AttrLayout>;

/** The layout of a command, or undefined when it has no typed attributes. */
export function attrLayout(cmd: number): AttrLayout | undefined {
  return (ATTR_LAYOUTS as Record<number, AttrLayout>)[cmd];
}
