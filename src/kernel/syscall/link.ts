/** BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_UPDATE, BPF_LINK_DETACH and BPF_OBJ_PIN: what is wrong with them, and what is missing by name. */
import type { LinkDetachAttr, LinkUpdateAttr, ObjPinAttr, RawTracepointAttr } from '../../uapi/attr.ts';
import { BPF_CMD as C } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_PATH_FD, BPF_F_REPLACE } from '../../uapi/flags.ts';
import { refusedField } from './attr-rules.ts';
import { fdProg, type SyscallEnv } from './env.ts';

/** bpf_raw_tracepoint_open */
export function rawTracepointOpen(env: SyscallEnv, attr: RawTracepointAttr): number {
  const prog = fdProg(env, attr.raw_tracepoint.prog_fd);
  if (typeof prog === 'number') return prog;
  const { errno, lacking } = refusedField(env, C.BPF_RAW_TRACEPOINT_OPEN, 'name', attr);
  if (lacking !== undefined) attr.raw_tracepoint.unsupported = lacking;
  return errno;
}

/** link_update: no descriptor is a link's here. */
export function linkUpdate(env: SyscallEnv, { link_update }: LinkUpdateAttr): number {
  if (((link_update.flags ?? 0) & ~BPF_F_REPLACE) !== 0) return -ERRNO.EINVAL;
  return noLink(env, link_update.link_fd);
}

/** link_detach */
export function linkDetach(env: SyscallEnv, { link_detach }: LinkDetachAttr): number {
  return noLink(env, link_detach.link_fd);
}

/** bpf_obj_pin */
export function objPin(env: SyscallEnv, attr: ObjPinAttr): number {
  const flags = attr.file_flags ?? 0;
  if ((flags & ~BPF_F_PATH_FD) !== 0) return -ERRNO.EINVAL;
  if ((flags & BPF_F_PATH_FD) === 0 && (attr.path_fd ?? 0) !== 0) return -ERRNO.EINVAL;
  if (env.fds.get(attr.bpf_fd) === undefined) return noLink(env, attr.bpf_fd);
  const { errno, lacking } = refusedField(env, C.BPF_OBJ_PIN, 'pathname', attr);
  if (lacking !== undefined) attr.unsupported = lacking;
  return errno;
}

/** Standard streams are open, and nothing of BPF. */
const noLink = (env: SyscallEnv, fd: number): number =>
  env.fds.get(fd) === undefined && fd > 2 ? -ERRNO.EBADF : -ERRNO.EINVAL;
