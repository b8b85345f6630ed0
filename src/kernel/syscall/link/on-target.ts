/** Attaching to what a program was loaded for, or to a function of another program (bpf_tracing_prog_attach). */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import type { Attacher } from '../../hooks/attacher.ts';
import type { RunOf } from '../../hooks/env.ts';
import type { LinkObject } from '../../object/link.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { fitsTarget } from '../../verifier/pass/attach-program.ts';
import { fdProg, type SyscallEnv } from '../env.ts';
import { asTarget, onFunction } from '../prog/target.ts';

/** A target beside the one that the program was loaded for; zeros for that one. */
export interface GivenTarget {
  readonly targetFd: number;
  readonly targetId: number;
  readonly cookie: RunOf['cookie'];
}

/** The link, or -errno. */
export function onTarget(
  env: SyscallEnv,
  attach: Attacher,
  prog: LoadedProg,
  { targetFd, targetId, cookie }: GivenTarget,
): LinkObject | number {
  const { progType } = prog.verified;
  if ((targetFd !== 0) !== (targetId !== 0)) return -ERRNO.EINVAL;
  if (targetFd !== 0) {
    // What others were loaded for is what they are attached to.
    if (progType !== T.BPF_PROG_TYPE_EXT) return -ERRNO.EINVAL;
    const target = fdProg(env, targetFd);
    if (typeof target === 'number') return target;
    const known = prog.target === target && prog.attachBtfId === targetId;
    if (!known && !fitsTarget(onFunction(prog), asTarget(target), targetId)) return -ERRNO.EINVAL;
    return attach.program(prog, { target, typeId: targetId }, cookie);
  }
  if (prog.target !== undefined) return attach.program(prog, { target: prog.target, typeId: prog.attachBtfId }, cookie);
  // A program stands on functions of programs once; on those of the kernel it may stand again.
  if (progType === T.BPF_PROG_TYPE_EXT || prog.onProgram) return -ERRNO.EINVAL;
  return attach.target(prog, cookie);
}
