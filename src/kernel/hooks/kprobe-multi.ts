/** One program on many functions (bpf_kprobe_multi_link_attach): at their entries, at their returns, or at both as a session. */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_KPROBE_MULTI_RETURN } from '../../uapi/flags.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import { type LinkInfo, type LinkObject, newLinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Attachment } from '../world/hook-point.ts';
import type { ProbeHit } from '../world/trace/probes.ts';
import type { TracedFunction } from '../world/trace/function.ts';
import { joined } from './cookie.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { runGated } from './gate.ts';
import type { Lacking } from './perf-event.ts';

/** What a link of this kind is told: functions by names or by addresses, each with a cookie where cookies are given. */
export interface KprobeMulti {
  readonly functions: readonly (string | bigint)[];
  readonly cookies: readonly RunOf['cookie'][] | undefined;
  /** BPF_F_KPROBE_MULTI_RETURN was set. */
  readonly returns: boolean;
}

const NO_COOKIE: RunOf['cookie'] = [0, 0];

/** Attaches: the link, or -errno. A name that no function has, or that is given twice, ends it (-ESRCH); so does an address (-ENOENT). */
export function attachKprobeMulti(env: AttachEnv, prog: LoadedProg, given: KprobeMulti): LinkObject | number | Lacking {
  const functions = new Map<TracedFunction, RunOf['cookie']>();
  for (const [i, at] of given.functions.entries()) {
    const fn = typeof at === 'string' ? env.trace.findFunction(at) : functionAt(env, at);
    if (fn === undefined) return typeof at === 'string' ? -ERRNO.ESRCH : -ERRNO.ENOENT;
    if (typeof at === 'string' && functions.has(fn)) return -ERRNO.ESRCH;
    functions.set(fn, given.cookies?.[i] ?? NO_COOKIE);
  }
  // One that is for returns alone has no entry to ask.
  const session = prog.verified.expectedAttachType === A.BPF_TRACE_KPROBE_SESSION && !given.returns;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_KPROBE_MULTI,
    prog,
    attach(link) {
      const places = [...functions].flatMap(([fn, cookie]) => {
        const of: RunOf = { cookie, funcIp: fn.address };
        return session ? sessionOn(env, link, fn, of) : [probeOn(env, link, fn, of, given.returns)];
      });
      return {
        end() {
          for (const place of places) place.detach();
        },
        info: () => kprobesInfo(functions, given.returns),
      };
    },
  });
}

/** By their addresses, as the kernel sorts them. */
function kprobesInfo(functions: ReadonlyMap<TracedFunction, RunOf['cookie']>, returns: boolean): LinkInfo {
  const sorted = [...functions]
    .map(([fn, cookie]) => [joined(fn.address), joined(cookie)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    kind: 'link_kprobe_multi',
    values: { flags: returns ? BPF_F_KPROBE_MULTI_RETURN : 0, missed: 0n },
    words: { addrs: sorted.map(([address]) => address), cookies: sorted.map(([, cookie]) => cookie) },
  };
}

function functionAt({ trace }: AttachEnv, address: bigint): TracedFunction | undefined {
  const found = trace.functionAt(address);
  return found !== undefined && trace.isEntry(found.offset) ? found.fn : undefined;
}

function probeOn(env: AttachEnv, link: LinkObject, fn: TracedFunction, of: RunOf, returns: boolean): Attachment {
  const run = ({ regs }: ProbeHit): void => void runGated(env, link.prog, regs, of);
  return fn.probes.attach(returns ? 'return' : 'entry', 'multi', run);
}

/** A session whose entry says 0 is called at the return as well; one that was left out at the entry is not. */
function sessionOn(env: AttachEnv, link: LinkObject, fn: TracedFunction, of: RunOf): readonly Attachment[] {
  /** Calls in progress by their registers, which no other call has meanwhile. */
  const open = new Set<number>();
  return [
    fn.probes.attach('entry', 'multi', ({ regs }) => {
      open.delete(regs);
      if (runGated(env, link.prog, regs, of) === 0) open.add(regs);
    }),
    fn.probes.attach('return', 'multi', ({ regs }) => {
      if (open.delete(regs)) runGated(env, link.prog, regs, of);
    }),
  ];
}
