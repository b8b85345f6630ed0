/** BPF_TASK_FD_QUERY: what a descriptor of a process has to do with BPF (bpf_task_fd_query). */
import type { TaskFdQueryAttr } from '../../uapi/attr/attr.ts';
import { faults, isNullBuffer } from '../../uapi/attr/user-buffer.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { KernelObject } from '../object/kernel-object.ts';
import type { TracedEvent } from '../object/perf-event.ts';
import type { SyscallEnv } from './env.ts';

type Query = TaskFdQueryAttr['task_fd_query'];

export function taskFdQuery(env: SyscallEnv, { task_fd_query: query }: TaskFdQueryAttr): number {
  if (!env.caps.sysAdmin) return -ERRNO.EPERM;
  if ((query.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  const table = env.tableOf(query.pid);
  if (table === undefined) return -ERRNO.ENOENT;
  const { fd } = query;
  const object = table.get(fd)?.object;
  if (object === undefined) return fd <= 2 ? -ERRNO.ENOTSUPP : -ERRNO.EBADF;
  const traced = tracedBy(env, object);
  return typeof traced === 'number' ? traced : tell(query, traced);
}

function tracedBy(env: SyscallEnv, object: KernelObject): TracedEvent | number {
  if (object.kind === 'link') return object.hook.traced?.(object) ?? -ERRNO.ENOTSUPP;
  if (object.kind === 'perf_event') {
    if (object.prog === undefined) return -ERRNO.ENOENT;
    return env.attach?.traced(object) ?? -ERRNO.EOPNOTSUPP;
  }
  return -ERRNO.ENOTSUPP;
}

/** bpf_task_fd_query_copy: as much of the name as there is room for, with its NUL. */
function tell(query: Query, { name, progId, type, offset, address }: TracedEvent): number {
  const text = new TextEncoder().encode(name);
  const { buf } = query;
  const room = buf === undefined ? 0 : (query.buf_len ?? 0) || buf.length;
  query.buf_len = text.length;
  if (!isNullBuffer(buf) && faults(buf)) return -ERRNO.EFAULT;
  let answer = 0;
  if (buf !== undefined && !isNullBuffer(buf) && room > 0) {
    const fits = buf.length > text.length;
    buf.set(fits ? text : text.subarray(0, buf.length - 1));
    buf[fits ? text.length : buf.length - 1] = 0;
    if (!fits) answer = -ERRNO.ENOSPC;
  }
  query.prog_id = progId;
  query.fd_type = type;
  query.probe_offset = offset;
  query.probe_addr = address;
  return answer;
}
