/** BPF_OBJ_PIN and BPF_OBJ_GET: files of the BPF file system. */
import type { ObjGetAttr, ObjPinAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_PATH_FD, BPF_F_RDONLY, BPF_F_WRONLY } from '../../uapi/flags.ts';
import { FMODE_READ, FMODE_WRITE } from '../object/fd-table.ts';
import type { SyscallEnv } from './env.ts';

const NO_FILES = 'a kernel that only verifies has no BPF file system';

/** bpf_obj_pin */
export function objPin(env: SyscallEnv, attr: ObjPinAttr): number {
  const flags = attr.file_flags ?? 0;
  if ((flags & ~BPF_F_PATH_FD) !== 0) return -ERRNO.EINVAL;
  if ((flags & BPF_F_PATH_FD) === 0 && (attr.path_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  const object = env.fds.get(attr.bpf_fd)?.object;
  if (object === undefined || object.kind === 'btf' || object.kind === 'perf_event') return -ERRNO.EINVAL;
  const wrong = startsWrong(env, attr, flags);
  if (wrong < 0) return wrong;
  if (env.bpffs !== undefined) return env.bpffs.pin(attr.pathname, object);
  attr.unsupported = NO_FILES;
  return -ERRNO.EOPNOTSUPP;
}

/** bpf_obj_get: what a map may be used for is the descriptor's, programs and links are opened whole. */
export function objGet(env: SyscallEnv, attr: ObjGetAttr): number {
  const flags = attr.file_flags ?? 0;
  const access = flags & (BPF_F_RDONLY | BPF_F_WRONLY);
  if ((attr.bpf_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~(BPF_F_PATH_FD | BPF_F_RDONLY | BPF_F_WRONLY)) !== 0) return -ERRNO.EINVAL;
  if ((flags & BPF_F_PATH_FD) === 0 && (attr.path_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  if (access === (BPF_F_RDONLY | BPF_F_WRONLY)) return -ERRNO.EINVAL;
  const wrong = startsWrong(env, attr, flags);
  if (wrong < 0) return wrong;
  if (env.bpffs === undefined) {
    attr.unsupported = NO_FILES;
    return -ERRNO.EOPNOTSUPP;
  }
  const object = env.bpffs.open(attr.pathname);
  if (typeof object === 'number') return object;
  if (object.kind === 'link' && access !== 0) return -ERRNO.EINVAL;
  const mode = (access & BPF_F_WRONLY ? 0 : FMODE_READ) | (access & BPF_F_RDONLY ? 0 : FMODE_WRITE);
  return env.fds.install(env.objects.get(object), object.kind === 'map' ? mode : FMODE_READ | FMODE_WRITE);
}

/** Where relative paths begin: no descriptor is a folder's. A path that cannot be read is none. */
function startsWrong(env: SyscallEnv, attr: ObjPinAttr | ObjGetAttr, flags: number): number {
  if ((attr.pathname as string | undefined) === undefined) return -ERRNO.EFAULT;
  if ((flags & BPF_F_PATH_FD) === 0 || attr.pathname.startsWith('/')) return 0;
  const fd = attr.path_fd ?? 0;
  return env.fds.get(fd) === undefined && (fd < 0 || fd > 2) ? -ERRNO.EBADF : -ERRNO.ENOTDIR;
}
