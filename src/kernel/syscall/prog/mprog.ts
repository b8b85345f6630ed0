/** Places among many programs of one hook (bpf_mprog_attach), where none is attached yet. */
import type { ProgAttachAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import * as F from '../../../uapi/flags.ts';
import { fdLink, fdProg, type SyscallEnv } from '../env.ts';

/** A hook without programs has this revision. */
export const FIRST_REVISION = 1n;

/** What is wrong with the place that is asked for, on a hook without programs: 0 or -errno. */
export function emptyPlace(env: SyscallEnv, type: number, attr: ProgAttachAttr): number {
  const { attach_flags: flags = 0, expected_revision: revision = 0n } = attr;
  const replaces = (flags & F.BPF_F_REPLACE) !== 0;
  const replaced = replaces ? progOf(env, type, attr.replace_bpf_fd ?? 0) : 0;
  if (replaced < 0) return replaced;
  if (revision !== 0n && revision !== FIRST_REVISION) return -ERRNO.ESTALE;
  const beside = relative(env, type, attr);
  if (beside < 0) return beside;
  const either = F.BPF_F_BEFORE | F.BPF_F_AFTER;
  if (replaces || (beside > 0 && (flags & either) !== 0)) return -ERRNO.ENOENT;
  return (flags & either) === either ? -ERRNO.ERANGE : 0;
}

/** The program that the new one stands beside: 1 when there is one, 0 when none is named, or -errno. */
function relative(env: SyscallEnv, type: number, attr: ProgAttachAttr): number {
  const flags = attr.attach_flags ?? 0;
  const named = (attr.relative_fd ?? 0) || (attr.relative_id ?? 0);
  const byId = (flags & F.BPF_F_ID) !== 0;
  if ((flags & F.BPF_F_LINK) !== 0) {
    const link = byId ? (env.objects.byId('link', named) ?? -ERRNO.ENOENT) : fdLink(env, named);
    if (typeof link === 'number') return link;
    return link.prog.verified.progType === type ? 1 : -ERRNO.EINVAL;
  }
  if (named === 0) return 0;
  if (!byId) return progOf(env, type, named);
  const prog = env.objects.byId('prog', named);
  if (prog === undefined) return -ERRNO.ENOENT;
  return prog.verified.progType === type ? 1 : -ERRNO.EINVAL;
}

function progOf(env: SyscallEnv, type: number, fd: number): number {
  const prog = fdProg(env, fd);
  if (typeof prog === 'number') return prog;
  return prog.verified.progType === type ? 1 : -ERRNO.EINVAL;
}
