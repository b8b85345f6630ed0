/** A loaded program as prog arrays hold it, and what must agree between an array and its users (bpf_prog_map_compatible). */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { BPF_F_XDP_HAS_FRAGS } from '../../../uapi/flags.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { ProgRef } from '../../maps/env.ts';
import type { SyscallEnv } from '../env.ts';

/** Programs of one array have the type, the expected attach type, the engine and the way with fragments in common. */
export function ownerTag(progType: number, expectedAttachType: number, engine: string, progFlags: number): string {
  return `${progType}:${expectedAttachType}:${engine}:${progFlags & BPF_F_XDP_HAS_FRAGS ? 1 : 0}`;
}

export function progRef(env: SyscallEnv, prog: LoadedProg): ProgRef {
  const { verified, exe } = prog;
  return {
    id: prog.id,
    slot: exe.slot,
    type: verified.progType,
    attachType: verified.expectedAttachType,
    ownerTag: ownerTag(verified.resolvedType, verified.expectedAttachType, exe.engine, prog.progFlags),
    hold: () => void env.objects.get(prog),
    drop: () => env.objects.put(prog),
    enter() {
      if (verified.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_EXT) return -ERRNO.EINVAL;
      // Tail calls would enter the function beside its replacement.
      if (env.attach?.isExtended(prog) === true) return -ERRNO.EBUSY;
      prog.jumpTargets++;
      env.objects.get(prog);
      return 0;
    },
    leave() {
      prog.jumpTargets--;
      env.objects.put(prog);
    },
  };
}
