/** Programs on functions of other programs: in their place, or around them (bpf_tracing_prog_attach with a target). */
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_LINK_TYPE } from '../../../uapi/link-types.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import { type LinkObject, newLinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { joined } from '../cookie.ts';
import type { AttachEnv, RunOf } from '../env.ts';
import { runOnce } from '../recursion.ts';
import type { ProgramSite } from './site.ts';

/** BPF_MAX_TRAMP_LINKS: programs around one function. */
const MAX_LINKS = 38;

/** Where a program is to stand, and whether that is the target that it was loaded for. */
export interface OnProgram {
  readonly target: LoadedProg;
  readonly typeId: number;
}

/** Attaches a program to a function of another: the link, which holds both, or -errno. */
export function attachToProgram(
  env: AttachEnv,
  prog: LoadedProg,
  { target, typeId }: OnProgram,
  cookie: RunOf['cookie'],
): LinkObject | number {
  const site = env.sites.find(env, target, typeId);
  if (site === undefined) return -ERRNO.EINVAL;
  const replaces = prog.verified.progType === T.BPF_PROG_TYPE_EXT;
  const refused = replaces ? refusesReplacement(site) : refusesTracing(site);
  if (refused < 0) return refused;
  env.objects.get(target);
  leaveTarget(env, prog);
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_TRACING,
    prog,
    cookie,
    attach(link) {
      const detach = replaces ? replace(env, link, site) : surround(env, link, site);
      env.sites.update(env, site);
      return {
        end() {
          detach();
          env.sites.update(env, site);
          env.objects.put(target);
        },
        info: () => ({
          kind: 'link_tracing',
          values: {
            attach_type: prog.verified.expectedAttachType,
            target_obj_id: target.id,
            target_btf_id: typeId,
            cookie: joined(cookie),
          },
        }),
      };
    },
  });
}

function refusesReplacement({ around, replacement, target: { prog } }: ProgramSite): number {
  if (around > 0 || replacement !== undefined) return -ERRNO.EBUSY;
  // Tail calls would enter the function beside its replacement.
  return prog.jumpTargets > 0 ? -ERRNO.EBUSY : 0;
}

function refusesTracing({ around, replacement }: ProgramSite): number {
  if (replacement !== undefined) return -ERRNO.EBUSY;
  return around >= MAX_LINKS ? -ERRNO.E2BIG : 0;
}

/** What a program was loaded for is its own to hold until it is attached, at most once. */
function leaveTarget({ objects }: AttachEnv, prog: LoadedProg): void {
  const { target } = prog;
  if (target === undefined) return;
  prog.target = undefined;
  prog.holds = prog.holds.filter((object) => object !== target);
  objects.put(target);
}

function replace({ code }: AttachEnv, link: LinkObject, site: ProgramSite): () => void {
  site.replacement = (frame) => code.callFunction(link.prog, frame);
  return () => {
    site.replacement = undefined;
  };
}

function surround(env: AttachEnv, link: LinkObject, site: ProgramSite): () => void {
  const hasResult = link.prog.verified.expectedAttachType === A.BPF_TRACE_FEXIT;
  const of: RunOf = { cookie: link.cookie, funcIp: [site.target.prog.exe.slot, 0], hasResult };
  const point = hasResult ? site.exit : site.entry;
  const attachment = point.attach(({ args }) => void runOnce(env, link.prog, args, of));
  return () => void attachment.detach();
}
