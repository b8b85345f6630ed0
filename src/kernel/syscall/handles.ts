/** BPF_ENABLE_STATS, BPF_ITER_CREATE and BPF_TOKEN_CREATE: commands that open what is nothing but a descriptor. */
import type { EnableStatsAttr, IterCreateAttr, TokenCreateAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_STATS_RUN_TIME } from '../../uapi/flags.ts';
import { newIterObject, newStatsObject } from '../object/handle.ts';
import { fdLink, type SyscallEnv } from './env.ts';

/** bpf_enable_stats */
export function enableStats(env: SyscallEnv, { enable_stats: { type } }: EnableStatsAttr): number {
  if (!env.caps.sysAdmin) return -ERRNO.EPERM;
  if (type !== BPF_STATS_RUN_TIME) return -ERRNO.EINVAL;
  const { stats } = env;
  stats.users++;
  return env.fds.install(newStatsObject(() => void stats.users--));
}

/** bpf_iter_create */
export function iterCreate(env: SyscallEnv, { iter_create: attr }: IterCreateAttr): number {
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  const link = fdLink(env, attr.link_fd);
  if (typeof link === 'number') return link;
  const { iterate } = link.hook;
  if (iterate === undefined) return -ERRNO.EINVAL;
  const session = env.objects.newId('iter');
  const source = iterate(link, session);
  return typeof source === 'number' ? source : env.fds.install(newIterObject(env.objects, session, source));
}

/** read(2) of an iterator's descriptor: the next bytes, none at the end, or -errno. */
export function readDescriptor(env: SyscallEnv, fd: number, size: number): Uint8Array | number {
  const object = env.fds.get(fd)?.object;
  if (object === undefined) return -ERRNO.EBADF;
  if (object.kind !== 'iter' || !Number.isInteger(size) || size < 0) return -ERRNO.EINVAL;
  return object.source.read(size);
}

/** bpf_token_create: tokens are for user namespaces, and the process is in the first one. */
export function tokenCreate(env: SyscallEnv, { token_create: attr }: TokenCreateAttr): number {
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  const object = env.fds.get(attr.bpffs_fd)?.object;
  if (object === undefined) return attr.bpffs_fd <= 2 ? -ERRNO.EINVAL : -ERRNO.EBADF;
  if (object.kind !== 'directory' || env.bpffs?.isRoot(object.directory) !== true) return -ERRNO.EINVAL;
  return env.caps.bpf ? -ERRNO.EOPNOTSUPP : -ERRNO.EPERM;
}
