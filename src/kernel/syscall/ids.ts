/** Walking objects by id: *_GET_NEXT_ID and *_GET_FD_BY_ID of programs, maps and BTF. */
import type { IdAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_RDONLY, BPF_F_TOKEN_FD, BPF_F_WRONLY } from '../../uapi/flags.ts';
import { FMODE_READ, FMODE_WRITE } from '../object/fd-table.ts';
import type { ObjectKind } from '../object/kernel-object.ts';
import { refusedField } from './attr-rules.ts';
import type { SyscallEnv } from './env.ts';

const INT_MAX = 0x7fff_ffff;

/** bpf_obj_get_next_id */
export const getNextId =
  (kind: ObjectKind) =>
  (env: SyscallEnv, attr: IdAttr): number => {
    const start = (attr.start_id ?? 0) >>> 0;
    if (start >= INT_MAX) return -ERRNO.EINVAL;
    if (!env.caps.sysAdmin) return -ERRNO.EPERM;
    const next = env.objects.nextId(kind, start);
    if (next === undefined) return -ERRNO.ENOENT;
    attr.next_id = next;
    return 0;
  };

const NONE = { errno: 0 };
/** The field of the attribute that names an object. */
const ID_FIELD = { prog: 'prog_id', map: 'map_id', btf: 'btf_id' } as const;

/** bpf_link_get_fd_by_id */
export function linkGetFdById(env: SyscallEnv, attr: IdAttr): number {
  if (!env.caps.sysAdmin) return -ERRNO.EPERM;
  const link = env.objects.byId('link', (attr.link_id ?? 0) >>> 0);
  return link === undefined ? -ERRNO.ENOENT : env.fds.install(env.objects.get(link));
}

/** The file mode that flags ask for, or -EINVAL (bpf_get_file_flag). */
export function fileMode(flags: number): number {
  if (flags & BPF_F_RDONLY && flags & BPF_F_WRONLY) return -ERRNO.EINVAL;
  if (flags & BPF_F_RDONLY) return FMODE_READ;
  return flags & BPF_F_WRONLY ? FMODE_WRITE : FMODE_READ | FMODE_WRITE;
}

/** bpf_prog_get_fd_by_id, bpf_map_get_fd_by_id, bpf_btf_get_fd_by_id */
export const getFdById =
  (kind: keyof typeof ID_FIELD) =>
  (env: SyscallEnv, attr: IdAttr): number => {
    if (kind === 'prog' && attr.next_id) return -ERRNO.EINVAL;
    if (kind !== 'btf' && attr.fd_by_id_token_fd) return -ERRNO.EINVAL;
    const flags = attr.open_flags ?? 0;
    const known = kind === 'map' ? BPF_F_RDONLY | BPF_F_WRONLY : kind === 'btf' ? BPF_F_TOKEN_FD : 0;
    if (flags & ~known) return -ERRNO.EINVAL;
    const { errno } =
      kind === 'btf' ? refusedField(env, BPF_CMD.BPF_BTF_GET_FD_BY_ID, 'fd_by_id_token_fd', attr) : NONE;
    if (errno < 0) return errno;
    if (!env.caps.sysAdmin) return -ERRNO.EPERM;
    const mode = kind === 'map' ? fileMode(flags) : FMODE_READ | FMODE_WRITE;
    if (mode < 0) return mode;
    const object = env.objects.byId(kind, (attr[ID_FIELD[kind]] ?? 0) >>> 0);
    if (object === undefined) return -ERRNO.ENOENT;
    return env.fds.install(env.objects.get(object), mode);
  };
