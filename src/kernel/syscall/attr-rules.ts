/** Every field of every command of bpf(2): a row for each, and an errno for those that are not honoured. */
import type { BpfAttrs, MapCreateAttr, ProgLoadAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TOKEN_FD, BPF_F_XDP_DEV_BOUND_ONLY } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import { claimedLength, isNullBuffer } from '../../uapi/attr/user-buffer.ts';
import type { SyscallEnv } from './env.ts';

/** A refusal: what the kernel would have done is named when it is this kernel that lacks it. */
export interface Refusal {
  readonly errno: number;
  readonly lacking?: string;
}

/**
 * `honoured`: the command does what Linux does with it. `ignored`: Linux takes any value and does nothing with it. `zero`: it belongs to
 * other commands of the same struct, and must be zero (-EINVAL). `refused`: what asks for something that this kernel has not is refused, and everything else is as Linux has it.
 */
export type FieldRule =
  | { readonly use: 'honoured' | 'ignored' | 'output' | 'zero' }
  | { readonly use: 'refused'; readonly refuse: (env: SyscallEnv, attr: never) => Refusal };

const honoured = { use: 'honoured' } as const;
const ignored = { use: 'ignored' } as const;
const output = { use: 'output' } as const;
const zero = { use: 'zero' } as const;
const FINE: Refusal = { errno: 0 };
const refusal = (errno: number, lacking?: string): Refusal => ({
  errno: -errno,
  ...(lacking === undefined ? {} : { lacking }),
});
const refused = <A>(refuse: (env: SyscallEnv, attr: A) => Refusal): FieldRule => ({ use: 'refused', refuse });

/** No descriptor is a token here: there is no TOKEN_CREATE yet (SCOPE 202). */
const token = <A>(flags: (attr: A) => number | undefined, fd: (attr: A) => number | undefined): FieldRule =>
  refused<A>((env, attr) => {
    if (((flags(attr) ?? 0) & BPF_F_TOKEN_FD) === 0) return FINE;
    const given = fd(attr) ?? 0;
    const open = (given >= 0 && given <= 2) || env.fds.get(given) !== undefined;
    return refusal(open ? ERRNO.EINVAL : ERRNO.EBADF);
  });

/** Maps in the memory of a network card; those of the simulated host take none. */
const mapDevice = refused<MapCreateAttr>((env, { map_ifindex: ifindex = 0, map_type: type }) => {
  if (ifindex === 0) return FINE;
  if (type !== M.BPF_MAP_TYPE_ARRAY && type !== M.BPF_MAP_TYPE_HASH) return refusal(ERRNO.EINVAL);
  if (!env.hasDevice(ifindex)) return refusal(ERRNO.EINVAL);
  return refusal(ERRNO.EOPNOTSUPP, 'map_ifindex: no device takes maps');
});

/** Programs for one network card; those of the simulated host take none. */
const progDevice = refused<ProgLoadAttr>(
  (env, { prog_ifindex: ifindex = 0, prog_type: type, prog_flags: flags = 0 }) => {
    if (ifindex === 0) return FINE;
    if (env.rules.progRow(type)?.deviceBound !== true) return refusal(ERRNO.EINVAL);
    if (flags & ~BPF_F_XDP_DEV_BOUND_ONLY || !env.hasDevice(ifindex)) return refusal(ERRNO.EINVAL);
    return refusal(ERRNO.EOPNOTSUPP, 'prog_ifindex: no device takes programs');
  },
);

/** KMALLOC_MAX_CACHE_SIZE: a longer signature is not read. */
const SIGNATURE_MAX = 8192;
/** The kernel's keyrings are 0 to 2; -3 to -5 are those that every session has. */
const isKeyring = (id: number): boolean => (id >= 0 && id <= 2) || (id <= -3 && id >= -5);

/** Answers as a kernel that was built without verification of PKCS#7. */
const signature = refused<ProgLoadAttr>((_, { signature: bytes, keyring_id: keyring = 0 }) => {
  if (isNullBuffer(bytes)) return FINE;
  if (claimedLength(bytes) > SIGNATURE_MAX || !isKeyring(keyring)) return refusal(ERRNO.EINVAL);
  return refusal(ERRNO.EOPNOTSUPP, 'signature: there are no keys to verify it with');
});

/** Linux relocates only programs with function or line records; here loaders do it (SCOPE 219). */
const coreRelos = refused<ProgLoadAttr>((_, attr) => {
  if (claimedLength(attr.core_relos) === 0) return FINE;
  if (claimedLength(attr.func_info) === 0 && claimedLength(attr.line_info) === 0) return FINE;
  return refusal(ERRNO.EOPNOTSUPP, 'core_relos: relocation in the kernel is not implemented');
});

const update = { map_fd: honoured, key: honoured, value: honoured, flags: honoured } as const;
const batch = { map_fd: honoured, count: honoured, elem_flags: honoured, flags: ignored } as const;
// Hash tables look at `flags`, other maps do not.
const lookupBatch = {
  ...batch,
  flags: honoured,
  in_batch: honoured,
  out_batch: honoured,
  keys: honoured,
  values: honoured,
} as const;
const byPath = { pathname: honoured, bpf_fd: honoured, file_flags: honoured, path_fd: honoured } as const;
const onHook = {
  target_fd: honoured,
  target_ifindex: honoured,
  attach_bpf_fd: honoured,
  attach_type: honoured,
  attach_flags: honoured,
  // Looked at where something is replaced, which nothing here is yet.
  replace_bpf_fd: honoured,
  relative_fd: honoured,
  relative_id: honoured,
  expected_revision: honoured,
} as const;
const nextId = { start_id: honoured, next_id: output } as const;

type Rules<A> = Readonly<Record<string, FieldRule>> & { readonly [F in keyof A]?: FieldRule };

/** A row for each field that a command has in union bpf_attr. */
export const ATTR_RULES: { readonly [K in keyof BpfAttrs]: Rules<BpfAttrs[K]> } = {
  [C.BPF_MAP_CREATE]: {
    map_type: honoured,
    key_size: honoured,
    value_size: honoured,
    max_entries: honoured,
    map_flags: honoured,
    inner_map_fd: honoured,
    numa_node: honoured,
    map_name: honoured,
    btf_fd: honoured,
    btf_key_type_id: honoured,
    btf_value_type_id: honoured,
    btf_vmlinux_value_type_id: honoured,
    map_extra: honoured,
    // Types that need it cannot be made; 0 and closed descriptors are refused with them.
    value_type_btf_obj_fd: ignored,
    map_token_fd: token<MapCreateAttr>(
      (a) => a.map_flags,
      (a) => a.map_token_fd,
    ),
    map_ifindex: mapDevice,
    excl_prog_hash: honoured,
  },
  [C.BPF_MAP_LOOKUP_ELEM]: update,
  [C.BPF_MAP_UPDATE_ELEM]: update,
  [C.BPF_MAP_DELETE_ELEM]: { map_fd: honoured, key: honoured },
  [C.BPF_MAP_GET_NEXT_KEY]: { map_fd: honoured, key: honoured, next_key: honoured },
  [C.BPF_MAP_LOOKUP_AND_DELETE_ELEM]: update,
  [C.BPF_MAP_FREEZE]: { map_fd: honoured },
  [C.BPF_MAP_LOOKUP_BATCH]: lookupBatch,
  [C.BPF_MAP_LOOKUP_AND_DELETE_BATCH]: lookupBatch,
  [C.BPF_MAP_UPDATE_BATCH]: { ...batch, keys: honoured, values: honoured, in_batch: ignored, out_batch: ignored },
  [C.BPF_MAP_DELETE_BATCH]: { ...batch, keys: honoured, values: ignored, in_batch: ignored, out_batch: ignored },
  [C.BPF_PROG_LOAD]: {
    prog_type: honoured,
    insns: honoured,
    license: honoured,
    log_level: honoured,
    log_buf: honoured,
    log_true_size: output,
    kern_version: ignored,
    prog_flags: honoured,
    prog_name: honoured,
    prog_ifindex: progDevice,
    expected_attach_type: honoured,
    prog_btf_fd: honoured,
    func_info_rec_size: honoured,
    func_info: honoured,
    line_info_rec_size: honoured,
    line_info: honoured,
    attach_btf_id: honoured,
    attach_prog_fd: honoured,
    attach_btf_obj_fd: honoured,
    fd_array: honoured,
    fd_array_cnt: honoured,
    core_relo_rec_size: ignored,
    core_relos: coreRelos,
    prog_token_fd: token<ProgLoadAttr>(
      (a) => a.prog_flags,
      (a) => a.prog_token_fd,
    ),
    signature,
    // Without a signature nobody looks for keys.
    keyring_id: honoured,
  },
  [C.BPF_BTF_LOAD]: {
    btf: honoured,
    btf_log_buf: honoured,
    btf_log_level: honoured,
    btf_log_true_size: output,
    btf_flags: honoured,
    btf_token_fd: token<BpfAttrs[typeof C.BPF_BTF_LOAD]>(
      (a) => a.btf_flags,
      (a) => a.btf_token_fd,
    ),
  },
  [C.BPF_PROG_TEST_RUN]: {
    prog_fd: honoured,
    retval: output,
    data_in: honoured,
    data_out: honoured,
    repeat: honoured,
    duration: output,
    ctx_in: honoured,
    ctx_out: honoured,
    flags: honoured,
    cpu: honoured,
    batch_size: honoured,
  },
  [C.BPF_OBJ_GET_INFO_BY_FD]: { bpf_fd: honoured, info: honoured },
  [C.BPF_OBJ_PIN]: byPath,
  [C.BPF_OBJ_GET]: byPath,
  [C.BPF_PROG_ATTACH]: onHook,
  [C.BPF_PROG_DETACH]: onHook,
  [C.BPF_PROG_QUERY]: {
    target_fd: honoured,
    target_ifindex: honoured,
    attach_type: honoured,
    query_flags: honoured,
    attach_flags: output,
    prog_ids: honoured,
    count: honoured,
    prog_attach_flags: honoured,
    link_ids: honoured,
    link_attach_flags: honoured,
    revision: output,
  },
  [C.BPF_TASK_FD_QUERY]: {
    pid: honoured,
    fd: honoured,
    flags: honoured,
    buf_len: honoured,
    buf: honoured,
    prog_id: output,
    fd_type: output,
    probe_offset: output,
    probe_addr: output,
  },
  [C.BPF_ENABLE_STATS]: { type: honoured },
  [C.BPF_ITER_CREATE]: { link_fd: honoured, flags: honoured },
  [C.BPF_PROG_BIND_MAP]: { prog_fd: honoured, map_fd: honoured, flags: honoured },
  [C.BPF_TOKEN_CREATE]: { flags: honoured, bpffs_fd: honoured },
  // Streams are empty: nothing is copied.
  [C.BPF_PROG_STREAM_READ_BY_FD]: { stream_buf: ignored, stream_id: honoured, prog_fd: honoured },
  [C.BPF_RAW_TRACEPOINT_OPEN]: { name: honoured, prog_fd: honoured, cookie: honoured },
  [C.BPF_LINK_CREATE]: {
    prog_fd: honoured,
    map_fd: honoured,
    target_fd: honoured,
    target_ifindex: honoured,
    attach_type: honoured,
    flags: honoured,
  },
  [C.BPF_LINK_UPDATE]: { link_fd: honoured, new_prog_fd: honoured, flags: honoured, old_prog_fd: honoured },
  [C.BPF_LINK_DETACH]: { link_fd: honoured },
  [C.BPF_PROG_GET_NEXT_ID]: nextId,
  [C.BPF_MAP_GET_NEXT_ID]: nextId,
  [C.BPF_BTF_GET_NEXT_ID]: nextId,
  [C.BPF_LINK_GET_NEXT_ID]: nextId,
  [C.BPF_LINK_GET_FD_BY_ID]: { link_id: honoured },
  [C.BPF_PROG_GET_FD_BY_ID]: { prog_id: honoured, next_id: zero, open_flags: zero, fd_by_id_token_fd: zero },
  [C.BPF_MAP_GET_FD_BY_ID]: { map_id: honoured, next_id: ignored, open_flags: honoured, fd_by_id_token_fd: zero },
  [C.BPF_BTF_GET_FD_BY_ID]: {
    btf_id: honoured,
    next_id: ignored,
    open_flags: honoured,
    fd_by_id_token_fd: token<BpfAttrs[typeof C.BPF_BTF_GET_FD_BY_ID]>(
      (a) => a.open_flags,
      (a) => a.fd_by_id_token_fd,
    ),
  },
};

/** The verdict of a field's row on an attribute; errno 0 when nothing is refused. Asked where the kernel looks at the field. */
export function refusedField<K extends keyof BpfAttrs>(
  env: SyscallEnv,
  cmd: K,
  field: string,
  attr: BpfAttrs[K],
): Refusal {
  const rule: FieldRule | undefined = (ATTR_RULES[cmd] as Readonly<Record<string, FieldRule>>)[field];
  return rule?.use === 'refused' ? rule.refuse(env, attr as never) : FINE;
}

/** The first refusal among fields, in their order. */
export function refusedFields<K extends keyof BpfAttrs>(
  env: SyscallEnv,
  cmd: K,
  attr: BpfAttrs[K],
  ...fields: readonly string[]
): Refusal {
  for (const field of fields) {
    const answer = refusedField(env, cmd, field, attr);
    if (answer.errno !== 0) return answer;
  }
  return FINE;
}
