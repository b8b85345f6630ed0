/** perf_event_open(2), for callers who may give anything. */
import { wideOrZero } from '../../uapi/attr/values.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { PerfEventAttr } from '../../uapi/perf-event.ts';
import { fdProg, type SyscallEnv } from './env.ts';

const NUMBERS = ['config', 'sample_period', 'sample_freq', 'probe_offset', 'probe_addr'] as const;

/** A descriptor or -errno: -EOPNOTSUPP for events that Linux has and this kernel has not. */
export function perfEventOpen(env: SyscallEnv, given: PerfEventAttr): number {
  const attr = take(given);
  if (typeof attr === 'number') return attr;
  if (env.attach === undefined || env.vmlinux() === undefined) return -ERRNO.EOPNOTSUPP;
  if ((attr.cpu ?? 0) >= env.nrCpus) return -ERRNO.EINVAL;
  const event = env.attach.openPerfEvent(attr);
  if (typeof event === 'number') return event;
  return 'lacking' in event ? -ERRNO.EOPNOTSUPP : env.fds.install(event);
}

/** PERF_EVENT_IOC_SET_BPF: 0 or -errno. */
export function perfEventSetBpf(env: SyscallEnv, fd: number, progFd: number): number {
  const event = env.fds.get(fd)?.object;
  if (event === undefined) return -ERRNO.EBADF;
  if (event.kind !== 'perf_event') return -ERRNO.ENOTTY;
  const prog = fdProg(env, progFd);
  if (typeof prog === 'number') return prog;
  return env.attach?.setPerfEventProg(prog, event) ?? -ERRNO.EOPNOTSUPP;
}

/** A copy of declared types: -EFAULT for what is no object, -EINVAL for values that do not fit. */
function take(given: unknown): PerfEventAttr | number {
  if (typeof given !== 'object' || given === null) return -ERRNO.EFAULT;
  try {
    const { type, probe_name: name, pid, cpu } = given as PerfEventAttr;
    if (!Number.isInteger(type) || type < 0 || type > 0xffff_ffff) return -ERRNO.EINVAL;
    if (name !== undefined && typeof (name as unknown) !== 'string') return -ERRNO.EFAULT;
    const attr: PerfEventAttr = { type, ...(name === undefined ? {} : { probe_name: name }) };
    for (const field of NUMBERS) {
      const value = wideOrZero((given as PerfEventAttr)[field]);
      if (value === undefined) return -ERRNO.EINVAL;
      attr[field] = value;
    }
    const [whose = -1, where = 0] = [pid, cpu];
    if (!Number.isInteger(whose) || !Number.isInteger(where) || (whose === -1 && where === -1)) return -ERRNO.EINVAL;
    return { ...attr, pid: whose, cpu: where };
  } catch {
    // A getter of the caller's threw.
    return -ERRNO.EFAULT;
  }
}
