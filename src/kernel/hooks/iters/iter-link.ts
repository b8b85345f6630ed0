/** Links of iterators (bpf_iter_link_attach): they hold what is iterated, and each reader begins anew. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_LINK_TYPE } from '../../../uapi/link-types.ts';
import { type LinkObject, newLinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { AttachEnv } from '../env.ts';
import type { Lacking } from '../perf-event.ts';
import { IterReader } from './reader.ts';
import { iterated, type IterInfo } from './targets.ts';

/** Names of types that programs of iterators are loaded for. */
const PREFIX = 'bpf_iter_';

/** Attaches an iterator to its target: the link, -errno, or what this kernel cannot iterate. */
export function attachIter(env: AttachEnv, prog: LoadedProg, given: IterInfo): LinkObject | number | Lacking {
  const target = env.typeName(prog.attachBtfId).slice(PREFIX.length);
  const found = iterated(env, prog, target, given);
  if (found === undefined) return { lacking: `iterators of ${target}` };
  if (typeof found === 'number') return found;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_ITER,
    prog,
    attach() {
      found.get?.();
      return {
        end: () => found.put?.(),
        // Another program of the same target.
        update: (link, next) => (isSameTarget(link.prog, next) ? 0 : -ERRNO.EINVAL),
        iterate: (link, session) =>
          new IterReader(env, link.prog, { target, iterated: found, session: BigInt(session) }),
        info: () => ({
          kind: found.told !== undefined && 'tid' in found.told ? 'link_iter_task' : 'link_iter',
          values: { ...found.told },
          texts: { target_name: target },
        }),
      };
    },
  });
}

const isSameTarget = (a: LoadedProg, b: LoadedProg): boolean =>
  a.verified.progType === b.verified.progType &&
  a.verified.expectedAttachType === b.verified.expectedAttachType &&
  a.attachBtfId === b.attachBtfId;
