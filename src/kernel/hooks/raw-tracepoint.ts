/** Raw tracepoints, untyped and by BTF: programs get the arguments as they are (bpf_trace_run, bpf_raw_tp_link_attach). */
import { BPF_FD_TYPE } from '../../uapi/fd-types.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type LinkObject, newLinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import { joined } from './cookie.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { runOnce } from './recursion.ts';

/** Attaches to a tracepoint by its name: the link, or -errno. */
export function attachRawTracepoint(
  env: AttachEnv,
  prog: LoadedProg,
  name: string,
  cookie: RunOf['cookie'],
): LinkObject | number {
  const point = env.trace.findTracepoint(name);
  if (point === undefined) return -ERRNO.ENOENT;
  if (prog.verified.maxCtxOffset > point.signature.words * 8) return -ERRNO.EINVAL;
  if (prog.verified.bufferAccess.tracepoint > point.writable) return -ERRNO.EINVAL;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_RAW_TRACEPOINT,
    prog,
    cookie,
    attach(link) {
      const of: RunOf = { cookie };
      const attachment = point.hooks.attach(({ args }) => void runOnce(env, link.prog, args, of));
      return {
        end: () => void attachment.detach(),
        traced: ({ prog: { id: progId } }) => ({
          name,
          progId,
          type: BPF_FD_TYPE.BPF_FD_TYPE_RAW_TRACEPOINT,
          offset: 0n,
          address: 0n,
        }),
        info: () => ({ kind: 'link_raw_tracepoint', values: { cookie: joined(cookie) }, texts: { tp_name: name } }),
      };
    },
  });
}
