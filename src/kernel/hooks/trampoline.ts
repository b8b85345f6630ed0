/** Programs on functions of the kernel, by BTF: fentry, fmod_ret, fexit and LSM (bpf_trampoline_link_prog, bpf_tracing_prog_attach). */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { type LinkObject, newLinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Attachment } from '../world/hook-point.ts';
import type { FunctionCall, TracedFunction } from '../world/trace/function.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { runOnce } from './recursion.ts';

/** BPF_MAX_TRAMP_LINKS: programs on one function. */
const MAX_LINKS = 38;
const WORD = 8;

/** Where a program of a trampoline stands. */
type Part = 'entry' | 'modify' | 'exit';

/** The part of a program by its type and attach type; undefined when a trampoline has none for it. */
function partOf({ verified: { progType, expectedAttachType } }: LoadedProg, returns: boolean): Part | undefined {
  if (progType === T.BPF_PROG_TYPE_LSM)
    return expectedAttachType === A.BPF_LSM_MAC ? (returns ? 'modify' : 'exit') : undefined;
  if (expectedAttachType === A.BPF_TRACE_FENTRY) return 'entry';
  if (expectedAttachType === A.BPF_TRACE_FEXIT) return 'exit';
  return expectedAttachType === A.BPF_MODIFY_RETURN ? 'modify' : undefined;
}

/** Attaches a program to the function that it was loaded for: the link, or -errno. */
export function attachTrampoline(env: AttachEnv, prog: LoadedProg, cookie: RunOf['cookie']): LinkObject | number {
  const fn = env.trace.function(env.typeName(prog.attachBtfId));
  const part = partOf(prog, fn.signature.result !== undefined);
  if (part === undefined) return -ERRNO.EINVAL;
  if (linksOf(fn) >= MAX_LINKS) return -ERRNO.E2BIG;
  if (isLinked(env, prog)) return -ERRNO.EBUSY;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_TRACING,
    prog,
    cookie,
    attach(link) {
      const attachment = hook(env, link, fn, part);
      return {
        end: () => void attachment.detach(),
        info: () => ({ kind: 'link_tracing', values: tracingInfo(link) }),
      };
    },
  });
}

const linksOf = ({ entry, modify, exit }: TracedFunction): number => entry.size + modify.size + exit.size;

/** A program stands on a trampoline once. */
function isLinked(env: AttachEnv, prog: LoadedProg): boolean {
  for (let id = env.objects.nextId('link', 0); id !== undefined; id = env.objects.nextId('link', id)) {
    const link = env.objects.byId('link', id);
    if (link?.prog === prog && link.attached && link.type === BPF_LINK_TYPE.BPF_LINK_TYPE_TRACING) return true;
  }
  return false;
}

function tracingInfo({ prog, cookie: [lo, hi] }: LinkObject) {
  return {
    attach_type: prog.verified.expectedAttachType,
    target_btf_id: prog.attachBtfId,
    cookie: (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0),
  };
}

function hook(env: AttachEnv, link: LinkObject, fn: TracedFunction, part: Part): Attachment {
  const type = link.prog.verified.expectedAttachType;
  const hasResult = type === A.BPF_TRACE_FEXIT || type === A.BPF_MODIFY_RETURN;
  const of: RunOf = { cookie: link.cookie, funcIp: fn.address, hasResult };
  const run = (call: FunctionCall): number | undefined => {
    frame(env, call);
    const { prog } = link;
    // LSM programs may be entered again.
    return prog.verified.progType === T.BPF_PROG_TYPE_LSM
      ? env.run(prog, call.args, of)
      : runOnce(env, prog, call.args, of);
  };
  if (part !== 'modify') return fn[part].attach((call) => void run(call));
  return fn.modify.attach((call) => {
    if (run(call) === undefined) return false;
    const at = call.result >>> 2;
    const from = link.prog.exe.retAddr >>> 2;
    const { i32 } = env.mem;
    i32[at] = i32[from];
    i32[at + 1] = i32[from + 1];
    return (i32[at] | i32[at + 1]) !== 0;
  });
}

/** Below the arguments lie their number and the function's address, where helpers look for them. */
function frame({ mem }: AttachEnv, { target, args }: FunctionCall): void {
  const at = (args - 2 * WORD) >>> 2;
  const [lo, hi] = target.address;
  mem.i32[at] = lo;
  mem.i32[at + 1] = hi;
  mem.i32[at + 2] = target.signature.words;
  mem.i32[at + 3] = 0;
}
