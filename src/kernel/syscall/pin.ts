/** BPF_OBJ_PIN and BPF_OBJ_GET: objects by path. */
import type { ObjGetAttr, ObjPinAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { PATH_MAX } from '../../uapi/files.ts';
import { BPF_F_PATH_FD, BPF_F_RDONLY, BPF_F_WRONLY } from '../../uapi/flags.ts';
import type { Pinnable } from '../bpffs/bpf-fs.ts';
import { FMODE_READ, FMODE_WRITE } from '../object/fd-table.ts';
import type { Directory } from '../world/fs/inode.ts';
import type { SyscallEnv } from './env.ts';
import { fileMode } from './ids.ts';

const NO_FILES = 'a kernel that only verifies has no file systems';
const WHOLE = FMODE_READ | FMODE_WRITE;
/** AT_FDCWD */
const CURRENT_DIRECTORY = -100;

/** bpf_obj_pin */
export function objPin(env: SyscallEnv, attr: ObjPinAttr): number {
  const flags = attr.file_flags ?? 0;
  if ((flags & ~BPF_F_PATH_FD) !== 0) return -ERRNO.EINVAL;
  if ((flags & BPF_F_PATH_FD) === 0 && (attr.path_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  const object = pinnable(env, attr.bpf_fd);
  if (object === undefined) return -ERRNO.EINVAL;
  const at = start(env, attr);
  if (typeof at === 'number') return at;
  return env.bpffs === undefined ? lacking(attr) : env.bpffs.pin(object, attr.pathname, at.at);
}

/** bpf_obj_get */
export function objGet(env: SyscallEnv, attr: ObjGetAttr): number {
  const flags = attr.file_flags ?? 0;
  if ((attr.bpf_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~(BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_PATH_FD)) !== 0) return -ERRNO.EINVAL;
  if ((flags & BPF_F_PATH_FD) === 0 && (attr.path_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  const mode = fileMode(flags);
  if (mode < 0) return mode;
  const at = start(env, attr);
  if (typeof at === 'number') return at;
  if (env.bpffs === undefined) return lacking(attr);
  const object = env.bpffs.get(attr.pathname, mode, at.at);
  if (typeof object === 'number') return object;
  if (object.kind === 'link' && mode !== WHOLE) return -ERRNO.EINVAL;
  // Programs have no modes.
  return env.fds.install(env.objects.get(object), object.kind === 'map' ? mode : WHOLE);
}

function lacking(attr: ObjPinAttr | ObjGetAttr): number {
  attr.unsupported = NO_FILES;
  return -ERRNO.EOPNOTSUPP;
}

function pinnable(env: SyscallEnv, fd: number): Pinnable | undefined {
  const object = env.fds.get(fd)?.object;
  const { kind } = object ?? {};
  return kind === 'map' || kind === 'prog' || kind === 'link' ? (object as Pinnable) : undefined;
}

/** Where the path begins: nothing for the usual place, or -errno. */
function start(env: SyscallEnv, attr: ObjPinAttr | ObjGetAttr): { readonly at?: Directory } | number {
  // Paths of the binary form that cannot be read are left out.
  if (typeof (attr.pathname as unknown) !== 'string') return -ERRNO.EFAULT;
  if (attr.pathname.length >= PATH_MAX) return -ERRNO.ENAMETOOLONG;
  const fd = attr.path_fd ?? 0;
  const relative = ((attr.file_flags ?? 0) & BPF_F_PATH_FD) !== 0 && !attr.pathname.startsWith('/');
  if (!relative || fd === CURRENT_DIRECTORY || attr.pathname === '') return {};
  const object = env.fds.get(fd)?.object;
  if (object === undefined) return fd >= 0 && fd <= 2 ? -ERRNO.ENOTDIR : -ERRNO.EBADF;
  return object.kind === 'directory' ? { at: object.directory } : -ERRNO.ENOTDIR;
}
